"""TLS handshakes, full and resumed: what a new connection costs the target."""

import socket
import ssl

from bench.backends import plan_web
from bench.figures import BASELINE, Figure, Measurement
from bench.lab import Lab, counted_cpu
from bench.loads import LoadError
from bench.running import HOST, Running, free_port, running, trusting_context

REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
WARM_PART = 10
WAIT_S = 20.0


def connect_once(
    port: int, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[ssl.SSLSession | None, bool]:
    """A handshake and one request; the session to resume, and whether this was resumed itself."""
    plain = socket.create_connection(("127.0.0.1", port), WAIT_S)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with context.wrap_socket(plain, server_hostname=HOST, session=session) as sock:
        sock.sendall(REQUEST)
        answer = b""
        while data := sock.recv(65536):
            answer += data
        if not answer.startswith(b"HTTP/1.1 200"):
            raise LoadError(f"not a 200: {answer[:100]!r}")
        return sock.session, bool(sock.session_reused)


def shake_hands(port: int, count: int, resume: bool, version: ssl.TLSVersion) -> None:
    """So many connections one after the other."""
    context = trusting_context()
    context.minimum_version = context.maximum_version = version
    session, resumed = None, 0
    for _ in range(count):
        latest, was_resumed = connect_once(port, context, session)
        resumed += was_resumed
        session = latest if resume else None
    expected = count - 1 if resume else 0
    if resumed != expected:
        raise LoadError(f"{resumed} of {count} connections were resumed, not {expected}")


KINDS = {
    "full, TLS 1.3": (False, ssl.TLSVersion.TLSv1_3),
    "resumed, TLS 1.3": (True, ssl.TLSVersion.TLSv1_3),
    "resumed, TLS 1.2": (True, ssl.TLSVersion.TLSv1_2),
}


def measure(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        "Each connection makes a handshake, asks once and ends; the CPU time of all processes of "
        f"the target for each, {sizes.handshakes} one after the other in each of {sizes.rounds} "
        "alternated runs. Certificate ECDSA P-256."
    )
    measurement = Measurement("handshakes", "TLS handshakes", note)
    cpu = {kind: Figure(kind, "us", 0, (BASELINE,)) for kind in KINDS}

    def run(target: Running, count: int = sizes.handshakes, keep: bool = True) -> None:
        for kind, (resume, version) in KINDS.items():
            with counted_cpu(target) as used:
                shake_hands(target.port, count, resume, version)
            if keep:
                each_us = used.seconds * 1e6 / count
                cpu[kind].add(target.name, each_us)
                lab.say(f"  {target.name} {kind}: {each_us:.0f} us")

    def warm(target: Running) -> None:
        run(target, max(sizes.handshakes // WARM_PART, 10), keep=False)

    with running(plan_web(lab.new_folder("web"), free_port())) as web:
        for _ in range(sizes.rounds):
            with lab.targets(measurement, [web.port], secure=True) as targets:
                lab.alternate(measurement, targets, 1, warm)
                lab.alternate(measurement, targets, 1, run)
    measurement.figures = list(cpu.values())
    return measurement

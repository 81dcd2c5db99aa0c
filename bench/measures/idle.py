"""Many idle keep-alive connections: the memory each one takes."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence

from bench.backends import plan_web
from bench.behind import PING, PING_BYTES, plan_behind, read_exactly
from bench.carried_client import connect, tell
from bench.carriers import CARRIERS
from bench.figures import BASELINE, Figure, Measurement
from bench.lab import Lab
from bench.loads import LoadError
from bench.processes import read_memory
from bench.running import (
    Running,
    StartError,
    free_port,
    raise_file_limit,
    running,
    secured,
)
from bench.targets import Launch

REQUEST = b"GET / HTTP/1.1\r\nHost: photos.home.arpa\r\n\r\n"
SOURCES = 16  # client addresses 127.0.0.2 and up
SPARE_FILES = 200
WARM = 200
SETTLE_S = 2.0
WAIT_S = 10.0

Open = Callable[[int, int], socket.socket]


def source_of(number: int) -> str:
    """The client's address: limits per client are raised, but nobody has only one."""
    return f"127.0.0.{2 + number % SOURCES}"


def open_idle(port: int, number: int, over_tls: bool = False) -> socket.socket:
    """A connection that has had one answer, read whole, and stays."""
    source = (source_of(number), 0)
    connection = socket.create_connection(("127.0.0.1", port), WAIT_S, source_address=source)
    try:
        if over_tls:
            connection = secured(connection)
        connection.sendall(REQUEST)
        if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
            raise LoadError(f"idle connection {number + 1} did not get a 200")
    except BaseException:
        connection.close()
        raise
    return connection


def is_open(connection: socket.socket) -> bool:
    """Neither closed nor sent anything more by the other side."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass  # the rest of a short answer that came in two parts
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    return False


def read_settled_pss_kb(target: Running) -> int:
    time.sleep(SETTLE_S)  # nothing to poll for: this is a measurement at rest
    return read_memory(target.pid).pss_kb


def open_idle_tls(port: int, number: int) -> socket.socket:
    """The same over TLS."""
    return open_idle(port, number, over_tls=True)


def open_carried(port: int, number: int) -> socket.socket:
    """A connection carried undecrypted, over which a message has gone there and back."""
    connection = connect(port, source_of(number))
    tell(connection, PING, 1)
    connection.sendall(bytes(PING_BYTES))
    read_exactly(connection, PING_BYTES)
    return connection


def measure_one(target: Running, count: int, open_one: Open) -> tuple[float, float]:
    """kB for each connection, and MB in all with them open."""
    for number in range(WARM):
        open_one(target.port, number).close()
    before = read_settled_pss_kb(target)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(open_one(target.port, n)) for n in range(count)]
        after = read_settled_pss_kb(target)
        still = sum(map(is_open, held))
    if still != count:
        raise LoadError(f"only {still} of {count} connections were still open")
    return (after - before) / count, after / 1e3


def measure_each(
    lab: Lab,
    measurement: Measurement,
    names: Sequence[str],
    launch: Callable[[str], Launch],
    open_one: Open,
) -> Measurement:
    """Each target alone, freshly started."""
    count = count_for(lab)
    each = Figure("each", "kB", 2, (BASELINE,))
    whole = Figure("in all", "MB", 1)
    for name in names:
        try:
            with running(launch(name)) as target:
                each_kb, whole_mb = measure_one(target, count, open_one)
        except (StartError, LoadError, OSError) as error:
            lab.fault(measurement, f"{name}: {error}")
            continue
        each.add(name, each_kb)
        whole.add(name, whole_mb)
        lab.say(f"  {name}: {each_kb:.2f} kB each, {whole_mb:.1f} MB in all")
    measurement.figures = [each, whole]
    return measurement


def count_for(lab: Lab) -> int:
    return min(lab.sizes.idle_connections, raise_file_limit() - SPARE_FILES)


def describe(lab: Lab, what: str) -> str:
    return (
        f"{count_for(lab)} connections from {SOURCES} client addresses, {what}, then idle. "
        "Proportional set size of all processes of the target, freshly started: the growth for "
        "each connection, and the whole. nginx sets its connections aside at the start; memory of "
        "the kernel is not counted."
    )


def measure(lab: Lab) -> Measurement:
    note = describe(lab, "each with one request answered")
    measurement = Measurement("idle", "Idle keep-alive connections", note)
    with running(plan_web(lab.new_folder("web"), free_port())) as web:
        return measure_each(
            lab, measurement, lab.proxies, lambda name: lab.launch(name, [web.port]), open_idle
        )


def measure_tls(lab: Lab) -> Measurement:
    note = describe(lab, "TLS 1.3 ending at the target, each with one request answered")
    measurement = Measurement("tls-idle", "Idle keep-alive connections over TLS", note)
    with running(plan_web(lab.new_folder("web"), free_port())) as web:
        return measure_each(
            lab,
            measurement,
            lab.proxies,
            lambda name: lab.launch(name, [web.port], secure=True),
            open_idle_tls,
        )


def measure_carried(lab: Lab) -> Measurement:
    note = describe(lab, "carried undecrypted, each with one message there and back")
    measurement = Measurement("carried-idle", "Idle connections carried undecrypted", note)
    with running(plan_behind(lab.new_folder("behind"), free_port())) as behind:
        return measure_each(
            lab,
            measurement,
            lab.members(CARRIERS),
            lambda name: lab.launch(name, [behind.port], family=CARRIERS),
            open_carried,
        )

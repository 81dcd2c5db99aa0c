"""Many idle keep-alive connections: the memory each one takes."""

import contextlib
import socket
import time

from bench.backends import plan_web
from bench.figures import BASELINE, Figure, Measurement
from bench.lab import Lab
from bench.loads import LoadError
from bench.processes import read_memory
from bench.running import Running, StartError, free_port, raise_file_limit, running

REQUEST = b"GET / HTTP/1.1\r\nHost: photos.home.arpa\r\n\r\n"
SOURCES = 16  # client addresses 127.0.0.2 and up
SPARE_FILES = 200
WARM = 200
SETTLE_S = 2.0
WAIT_S = 10.0


def open_idle(port: int, number: int) -> socket.socket:
    """A connection that has had one answer, read whole, and stays."""
    source = (f"127.0.0.{2 + number % SOURCES}", 0)
    connection = socket.create_connection(("127.0.0.1", port), WAIT_S, source_address=source)
    try:
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
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def read_settled_pss_kb(target: Running) -> int:
    time.sleep(SETTLE_S)  # nothing to poll for: this is a measurement at rest
    return read_memory(target.pid).pss_kb


def measure_one(target: Running, count: int) -> tuple[float, float]:
    """kB for each connection, and MB in all with them open."""
    for number in range(WARM):
        open_idle(target.port, number).close()
    before = read_settled_pss_kb(target)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(open_idle(target.port, n)) for n in range(count)]
        after = read_settled_pss_kb(target)
        still = sum(map(is_open, held))
    if still != count:
        raise LoadError(f"only {still} of {count} connections were still open")
    return (after - before) / count, after / 1e3


def measure(lab: Lab) -> Measurement:
    count = min(lab.sizes.idle_connections, raise_file_limit() - SPARE_FILES)
    note = (
        f"{count} connections from {SOURCES} client addresses, each with one request answered, "
        "then idle. Proportional set size of all processes of the target, freshly started: the "
        "growth for each connection, and the whole. nginx sets its connections aside at the start; "
        "memory of the kernel is not counted."
    )
    each = Figure("each", "kB", 2, (BASELINE,))
    whole = Figure("in all", "MB", 1)
    measurement = Measurement("idle", "Idle keep-alive connections", note)
    with running(plan_web(lab.new_folder("web"), free_port())) as web:
        for name in lab.proxies:
            try:
                with running(lab.launch(name, [web.port])) as target:
                    each_kb, whole_mb = measure_one(target, count)
            except (StartError, LoadError, OSError) as error:
                lab.fault(measurement, f"{name}: {error}")
                continue
            each.add(name, each_kb)
            whole.add(name, whole_mb)
            lab.say(f"  {name}: {each_kb:.2f} kB each, {whole_mb:.1f} MB in all")
    measurement.figures = [each, whole]
    return measurement

"""What checks of many backends cost, beside HAProxy's."""

import time

from bench.backends import plan_web
from bench.figures import Figure, Measurement
from bench.lab import Lab, counted_cpu
from bench.processes import read_memory
from bench.running import StartError, free_port, running
from bench.targets import Checks

TARGETS = ("gatelight", "haproxy")
BASELINE = "haproxy"
CHECKS = Checks(interval_s=10.0, answer_s=10.0)
# All have been asked once by then, and connections that are kept have been opened.
SETTLE_INTERVALS = 1.5


def free_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return sorted(ports)


def measure(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        f"One site with {sizes.checked} backends, each asked for `/` every "
        f"{CHECKS.interval_s:g} s and not otherwise; one worker. CPU time of all processes of the "
        f"target in {sizes.checked_seconds:g} s without any traffic, in thousandths of a core; "
        "proportional set size in all."
    )
    measurement = Measurement("health", "Checks of backends", note)
    load = Figure("checked", "1/1000 core", 1, (BASELINE,))
    rest = Figure("not checked", "1/1000 core", 1)
    memory = Figure("memory, checked", "MB", 1)
    web_port, *ports = free_ports(sizes.checked + 1)
    with running(plan_web(lab.new_folder("web"), web_port, ports)):
        for name in (name for name in TARGETS if name in lab.proxies):
            for checks, figure in ((None, rest), (CHECKS, load)):
                try:
                    with running(lab.launch(name, ports, checks=checks)) as target:
                        time.sleep(CHECKS.interval_s * SETTLE_INTERVALS)
                        with counted_cpu(target) as used:
                            time.sleep(sizes.checked_seconds)
                        if checks:
                            memory.add(name, read_memory(target.pid).pss_kb / 1e3)
                except StartError as error:
                    lab.fault(measurement, str(error))
                    continue
                figure.add(name, used.seconds * 1000 / sizes.checked_seconds)
                lab.say(f"  {name}, {figure.label}: {figure.runs[name][-1]:.1f} of 1000")
    measurement.figures = [load, rest, memory]
    return measurement

"""Requests that fail when a backend does, or when the configuration is replaced, under load."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator

from bench.backends import plan_web
from bench.figures import Figure, Measurement
from bench.kill_client import Tally, kill_under_load
from bench.lab import Lab
from bench.processes import read_tree
from bench.running import Running, StartError, free_port, running
from bench.targets import Checks, Launch

TARGETS = ("gatelight", "haproxy", "nginx")
BACKENDS = 2
CONCURRENCY = 20
CHECKS = Checks(interval_s=0.5, answer_s=2.0)

Step = Callable[[int], None]


def signal_all(pid: int, number: signal.Signals) -> None:
    """To a process and all below it, the first one first: nobody is there to start another."""
    for stat in read_tree(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(stat.pid, number)


@contextlib.contextmanager
def killed(target: Running, web: Running, launch: Launch) -> Iterator[Step]:
    """The backend is killed, and then started anew on its port."""
    with contextlib.ExitStack() as stack:

        def step(number: int) -> None:
            if number == 0:
                signal_all(web.pid, signal.SIGKILL)
            else:
                stack.enter_context(running(launch))

        yield step


@contextlib.contextmanager
def hung(target: Running, web: Running, launch: Launch) -> Iterator[Step]:
    """The backend is stopped, its port still open, and then goes on."""

    def step(number: int) -> None:
        signal_all(web.pid, signal.SIGCONT if number else signal.SIGSTOP)

    try:
        yield step
    finally:
        signal_all(web.pid, signal.SIGCONT)


RELOAD = {"haproxy": signal.SIGUSR2, "nginx": signal.SIGHUP, "gatelight": signal.SIGHUP}


@contextlib.contextmanager
def replaced(target: Running, web: Running, launch: Launch) -> Iterator[Step]:
    """The configuration is written anew, a little longer each time, and read again."""
    (path,) = (target.folder / name for name in CONFIGS if (target.folder / name).exists())

    def step(number: int) -> None:
        with path.open("a") as file:
            file.write(f"# {number}\n")
        os.kill(target.pid, RELOAD[target.name])

    yield step


CONFIGS = ("gatelight.toml", "haproxy.cfg", "nginx.conf")
FAULTS = {
    "backend killed and back": killed,
    "backend hangs and goes on": hung,
    "configuration replaced": replaced,
}


def run_fault(lab: Lab, name: str, label: str) -> Tally:
    """A target of its own with two backends, one of which suffers."""
    sizes = lab.sizes
    steps = sizes.replacements if label == "configuration replaced" else 2
    launches = [plan_web(lab.new_folder("web"), free_port()) for _ in range(BACKENDS)]
    with contextlib.ExitStack() as stack:
        webs = [stack.enter_context(running(launch)) for launch in launches]
        ports = [web.port for web in webs]
        target = stack.enter_context(running(lab.launch(name, ports, checks=CHECKS)))
        time.sleep(CHECKS.interval_s * 4)  # until all backends have been found well
        step = stack.enter_context(FAULTS[label](target, webs[0], launches[0]))

        async def do(number: int) -> float:
            moment = time.monotonic()
            await asyncio.to_thread(step, number)
            return moment

        return asyncio.run(
            kill_under_load(target.port, sizes.fault_requests, CONCURRENCY, steps, do)
        )


def measure(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        f"Requests of {sizes.fault_requests} that were not answered whole with a 200, "
        f"{CONCURRENCY} at a time, keep-alive off, {BACKENDS} backends of which one suffers for a "
        f"third of the load; the configuration is replaced {sizes.replacements} times. Checks "
        f"every {CHECKS.interval_s:g} s with rise and fall of 2, and {CHECKS.answer_s:g} s for an "
        "answer; nginx from Debian has no checks and goes by its traffic."
    )
    measurement = Measurement("faults", "Requests lost to faults", note)
    for label in FAULTS:
        figure = Figure(label, "failed", 0)
        for name in (name for name in TARGETS if name in lab.proxies):
            try:
                tally = run_fault(lab, name, label)
            except (StartError, OSError) as error:
                lab.fault(measurement, f"{name}, {label}: {error}")
                continue
            figure.add(name, len(tally.failures))
            kinds = ", ".join(f"{each.value} {n}" for each, n in tally.counts().items())
            lab.say(f"  {name}, {label}: {len(tally.failures)} of {tally.done} failed {kinds}")
        measurement.figures.append(figure)
    return measurement

"""kill -9 of a worker under load: who notices. Gatelight only."""

import asyncio
import os
import signal
import time
from pathlib import Path

from appliance.admin_client import ask
from bench.backends import plan_web
from bench.figures import Figure, Measurement
from bench.kill_client import Outcome, Tally, count_unexplained, kill_under_load
from bench.lab import Lab
from bench.running import Running, StartError, free_port, running

TARGET = "gatelight"
WORKERS = 2
SOCKET = "admin.sock"


def read_workers(folder: Path) -> list[int]:
    """The pids of the workers as the status says."""
    status = ask(str(folder / SOCKET), "/v1/status")
    return [int(worker["pid"]) for worker in status["proxy"]["workers"]]


def kill_worker(folder: Path, number: int) -> float:
    """The workers in turn; the moment is taken just before, so that no failure precedes it."""
    pids = read_workers(folder)
    pid = pids[number % len(pids)]
    moment = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return moment


def run_kills(lab: Lab, target: Running) -> Tally:
    async def kill_one(number: int) -> float:
        return await asyncio.to_thread(kill_worker, target.folder, number)

    sizes = lab.sizes
    return asyncio.run(
        kill_under_load(
            target.port, sizes.kill_requests, sizes.kill_concurrency, sizes.kills, kill_one
        )
    )


def count_figures(tally: Tally) -> list[Figure]:
    counts = tally.counts()
    values: dict[str, int] = {
        "requests": tally.done,
        "kills": len(tally.kills),
        "failed in all": len(tally.failures),
        "refused": counts[Outcome.REFUSED],
        "reset": counts[Outcome.RESET],
        "cut short": counts[Outcome.CUT],
        "other failures": sum(counts[o] for o in (Outcome.STATUS, Outcome.TIMEOUT, Outcome.OTHER)),
        "failed though no kill fell into them": count_unexplained(tally.failures, tally.kills),
    }
    return [Figure(label, "", 0, (), {TARGET: [value]}) for label, value in values.items()]


def measure(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        f"{WORKERS} workers, {sizes.kill_requests} requests at c={sizes.kill_concurrency}, "
        "keep-alive off; workers killed in turn, evenly over the load. Only what is in flight in "
        "the killed worker may fail, and nothing may be refused."
    )
    measurement = Measurement("kill", "kill -9 of a worker under load", note)
    if TARGET not in lab.proxies:
        return measurement
    with running(plan_web(lab.new_folder("web"), free_port())) as web:
        try:
            with running(lab.launch(TARGET, [web.port], WORKERS)) as target:
                tally = run_kills(lab, target)
        except (StartError, OSError, KeyError, ValueError) as error:
            lab.fault(measurement, f"{TARGET}: {error}")
            return measurement
    measurement.figures = count_figures(tally)
    for figure in measurement.figures:
        lab.say(f"  {figure.label}: {figure.median(TARGET):.0f}")
    return measurement

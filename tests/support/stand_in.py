"""A supervisor with stand-in processes that do as they are told, one word a connection.

Run as `python -m tests.support.stand_in CONFIG HUNG_AFTER_S`.
"""

import os
import select
import signal
import socket
import sys
import time

from appliance.config import load_settings
from appliance.console import say
from appliance.context import ControlContext, WorkerContext
from appliance.supervisor import Supervisor
from appliance.telemetry.counters import STATUS_CLASS, WorkerCounters

BEAT_S = 0.02


class StandInWorker:
    """Answers `pid`, `count`, `files`; obeys `crash`, `raise`, `hang`, `return`, `stubborn`."""

    def __init__(self, context: WorkerContext) -> None:
        self.context = context
        self.cells: WorkerCounters = context.counters.worker(context.index)
        self.cells.reset_gauges()
        self.told: list[str] = []
        signal.signal(signal.SIGTERM, lambda number, frame: self.told.append("stop"))
        signal.signal(signal.SIGUSR1, lambda number, frame: say("worker reopens its log"))

    def run(self) -> None:
        while "stop" not in self.told and "return" not in self.told:
            self.cells.beat(time.monotonic_ns())
            ready, _, _ = select.select(self.context.listeners, [], [], BEAT_S)
            for listener in ready:
                client, _ = listener.accept()
                with client:
                    client.settimeout(5)
                    client.sendall(self.obey(client.recv(100).decode()).encode())

    def obey(self, word: str) -> str:
        self.told.append(word)
        match word:
            case "crash":
                os._exit(3)
            case "raise":
                raise RuntimeError("told to")
            case "hang":
                time.sleep(60)
            case "stubborn":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            case "count":
                site = self.cells.site("a.test")
                site[STATUS_CLASS + 2] += 1
                return str(site[STATUS_CLASS + 2])
            case "files":
                return " ".join(sorted(os.listdir("/proc/self/fd")))
        return str(os.getpid())


def run_worker(context: WorkerContext) -> None:
    StandInWorker(context).run()


def run_control(context: ControlContext) -> None:
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    signal.signal(signal.SIGHUP, lambda number, frame: say("control reads again"))
    while not stopped:
        context.counters.control.beat(time.monotonic_ns())
        time.sleep(BEAT_S)


def ask(port: int, word: str, timeout_s: float = 10.0) -> str:
    """Says one word to one of the workers; empty when it died of it."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as sock:
        try:
            sock.sendall(word.encode())
            return sock.recv(1000).decode()
        except ConnectionResetError:
            return ""


if __name__ == "__main__":
    settings = load_settings(sys.argv[1])
    sys.exit(Supervisor(settings, run_worker, run_control, float(sys.argv[2])).run())

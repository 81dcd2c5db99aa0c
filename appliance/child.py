"""One process under the supervisor: its place, its start and its end."""

import contextlib
import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from appliance.console import say
from appliance.telemetry.counters import (
    DOWN,
    DRAINING,
    HEARTBEAT_NS,
    PID,
    RESTARTS,
    SERVING,
    STARTING,
    STATE,
    WorkerCounters,
)

# A child that lived this long did not fail to start.
STEADY_AFTER_S = 10.0
# Before its first beat it is given so many times as long: what it reads may come from a slow card,
# together with everything else that starts.
STARTING_PATIENCE = 3
# Waits before the start after the first, second ... quick death in a row.
BACKOFF_S = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# The supervisor's signals, and what a child does about them until it says otherwise.
SIGNALS = {
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGINT: signal.SIG_IGN,
    signal.SIGHUP: signal.SIG_IGN,
    signal.SIGUSR1: signal.SIG_IGN,
    signal.SIGCHLD: signal.SIG_DFL,
}

PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h
_prctl = ctypes.CDLL(None, use_errno=True).prctl


@dataclass(slots=True)
class Child:
    """A place for one process, and the process in it now."""

    name: str
    main: Callable[[], None]
    cells: WorkerCounters
    pid: int = 0
    started_s: float = 0.0
    forked_ns: int = 0
    quick_deaths: int = 0
    start_at_s: float = 0.0

    def start(self, supervisors_files: tuple[int, ...]) -> None:
        """Forks the process. Where that fails, it is due again later."""
        self.forked_ns = time.monotonic_ns()
        self.started_s = time.monotonic()
        self.cells.beat(self.forked_ns)
        self.cells.cells[STATE] = STARTING
        parent = os.getpid()
        # A signal in between would reach the child while it still looks like the supervisor.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
            if not pid:
                self._live(parent, supervisors_files, before)
        except OSError as error:
            self._put_off(f"{self.name} cannot be started ({error.strerror})")
            return
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.pid = pid
        self.cells.cells[PID] = pid

    def _live(self, parent: int, files: tuple[int, ...], mask: set[int | signal.Signals]) -> None:
        """The whole life of the process; never returns."""
        code = 1
        try:
            _leave(parent, files, mask)
            self.main()
            code = 0
        except BaseException:
            with contextlib.suppress(OSError):
                traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            os._exit(code)

    def note_beat(self) -> None:
        """Keeps the state that the status shows."""
        if self.cells.cells[STATE] == STARTING and self.has_beaten():
            self.cells.cells[STATE] = SERVING

    def has_beaten(self) -> bool:
        """Whether the process itself has beaten since it was forked."""
        return bool(self.pid) and self.cells.cells[HEARTBEAT_NS] > self.forked_ns

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, if the process lives."""
        if self.pid:
            os.kill(self.pid, number)

    def drain(self) -> None:
        """Asks it to end what it is doing, and then itself."""
        if self.pid:
            self.cells.cells[STATE] = DRAINING
            self.send(signal.SIGTERM)

    def kill_if_silent(self, hung_after_s: float) -> None:
        """Ends a process that hangs; stopped ones (SIGSTOP) too."""
        patience_s = hung_after_s * (1 if self.has_beaten() else STARTING_PATIENCE)
        if self.pid and self.cells.age_s() > patience_s:
            say(f"{self.name} (pid {self.pid}) hangs: replacing it")
            self.send(signal.SIGKILL)
            self.cells.beat(time.monotonic_ns())

    def bury(self, status: int, is_missed: bool) -> None:
        """The process has ended; a missed one is due to start again."""
        pid, self.pid = self.pid, 0
        self.cells.cells[STATE] = DOWN
        if is_missed:
            self.cells.cells[RESTARTS] += 1
            self._put_off(f"{self.name} (pid {pid}) {how_it_ended(status)}")

    def _put_off(self, why: str) -> None:
        now_s = time.monotonic()
        wait_s = choose_wait_s(self.quick_deaths, now_s - self.started_s)
        self.quick_deaths = self.quick_deaths + 1 if now_s - self.started_s < STEADY_AFTER_S else 0
        self.start_at_s = now_s + wait_s
        again = f"starting it again in {wait_s:g} s" if wait_s else "starting it again"
        say(f"{why}: {again}")


def choose_wait_s(quick_deaths: int, lived_s: float) -> float:
    """How long to wait with the next start, after so many deaths shortly after a start."""
    if lived_s >= STEADY_AFTER_S:
        return 0.0
    return BACKOFF_S[min(quick_deaths, len(BACKOFF_S) - 1)]


def how_it_ended(status: int) -> str:
    """A wait status in words."""
    code = os.waitstatus_to_exitcode(status)
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _leave(parent: int, files: tuple[int, ...], mask: set[int | signal.Signals]) -> None:
    """Drops the supervisor's signals and files; dies with the supervisor, however that dies."""
    signal.set_wakeup_fd(-1)
    for file in files:
        os.close(file)
    for number, action in SIGNALS.items():
        signal.signal(number, action)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)

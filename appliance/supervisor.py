"""The parent of all: owns the sockets and the shared counters, starts, restarts and drains.

No event loop and never a thread, so that a fork is always safe: it imports everything once, then
forks workers and control, and waits on signals. A child that dies is replaced at once in the same
place, with the same listening sockets; one that stops beating is killed first.
"""

import ctypes
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from appliance.config import Settings
from appliance.console import say
from appliance.context import ControlContext, WorkerContext
from appliance.feed import RoutesMemory
from appliance.listening import ListenError, open_listeners
from appliance.telemetry.counters import HEARTBEAT_NS, PID, RESTARTS, Counters, WorkerCounters

# A worker beats four times a second; this is far beyond any garbage collection or page fault.
HUNG_AFTER_S = 10.0
# A child that lived this long did not fail to start.
STEADY_AFTER_S = 10.0
BACKOFF_S = (0.0, 0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
WAKE_S = 0.5
# After the drain time the children get this long to write their logs.
LAST_WORDS_S = 2.0
# Workers wait this long for control to find what the backends' names stand for.
HEAD_START_S = 2.0

PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h

RunWorker = Callable[[WorkerContext], None]
RunControl = Callable[[ControlContext], None]


@dataclass(slots=True)
class Child:
    """A place for one process, and the process in it now."""

    name: str
    start: Callable[[], None]
    cells: WorkerCounters
    pid: int = 0
    started_s: float = 0.0
    forked_ns: int = 0
    quick_deaths: int = 0
    start_at_s: float = 0.0


class Supervisor:
    """Keeps the processes of one box alive."""

    def __init__(
        self,
        settings: Settings,
        run_worker: RunWorker,
        run_control: RunControl,
        hung_after_s: float = HUNG_AFTER_S,
    ) -> None:
        self._settings = settings
        self._hung_after_s = hung_after_s
        workers = settings.proxy.workers
        self._listeners = open_listeners(settings.listen.http, workers)
        self._counters = Counters.create(workers)
        self._routes = RoutesMemory()
        self._feed = _open_feed()
        self._wakeup = _open_wakeup()
        self._stopping = False
        self._ready = False
        self._signals: list[int] = []
        self._children = [
            Child(f"worker {i}", self._worker_main(run_worker, i), self._counters.worker(i))
            for i in range(workers)
        ]
        self._children.append(
            Child("control", self._control_main(run_control), self._counters.control)
        )

    def _worker_main(self, run: RunWorker, index: int) -> Callable[[], None]:
        def main() -> None:
            for other, listeners in enumerate(self._listeners):
                if other != index:
                    for listener in listeners:
                        listener.close()
            name = self._feed.getsockname()
            self._feed.close()
            run(
                WorkerContext(
                    index,
                    self._settings,
                    self._listeners[index],
                    self._counters,
                    name,
                    self._routes,
                )
            )

        return main

    def _control_main(self, run: RunControl) -> Callable[[], None]:
        def main() -> None:
            for listeners in self._listeners:
                for listener in listeners:
                    listener.close()
            run(
                ControlContext(
                    self._settings, self._feed, self._counters, self._routes, self._born_s
                )
            )

        return main

    def run(self) -> int:
        """Serves until told to stop; the exit code."""
        self._born_s = time.time()
        _raise_file_limit()
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD):
            signal.signal(name, lambda number, frame: self._signals.append(number))
        for address in self._listeners[0]:
            host, port = address.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            say(f"listening on http://{shown}:{port}")
        while not self._stopping:
            self._start_due()
            self._wait(self._next_wake_s())
            self._take_signals()
            self._reap()
            self._kill_hung()
            self._tell_systemd()
        return self._drain()

    def _next_wake_s(self) -> float:
        """How long to sleep: less when a child's restart is due, or none has beaten yet."""
        now_s = time.monotonic()
        due = [child.start_at_s - now_s for child in self._children if not child.pid]
        wake_s = WAKE_S if self._ready else 0.02
        return max(0.0, min([wake_s, *due]))

    def _wait(self, seconds: float) -> None:
        if self._signals:
            return
        ready, _, _ = select.select([self._wakeup], [], [], seconds)
        if ready:
            os.read(self._wakeup, 4096)

    def _take_signals(self) -> None:
        taken, self._signals = self._signals, []
        for number in taken:
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stopping = True
            elif number == signal.SIGHUP:
                self._send(self._children[-1], signal.SIGHUP)
            elif number == signal.SIGUSR1:
                for child in self._children[:-1]:
                    self._send(child, signal.SIGUSR1)

    def _send(self, child: Child, number: int) -> None:
        if child.pid:
            os.kill(child.pid, number)

    def _start_due(self) -> None:
        now_s = time.monotonic()
        control = self._children[-1]
        if not control.pid and control.start_at_s <= now_s:
            self._fork(control)
        if (
            not self._ready
            and not _has_beaten(control)
            and time.time() < self._born_s + HEAD_START_S
        ):
            return
        for child in self._children[:-1]:
            if not child.pid and child.start_at_s <= now_s:
                self._fork(child)

    def _fork(self, child: Child) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        child.forked_ns = time.monotonic_ns()
        child.cells.beat(child.forked_ns)
        child.started_s = time.monotonic()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            child.pid = pid
            child.cells.cells[PID] = pid
            return
        code = 1
        try:
            _become_child(parent, self._wakeup)
            child.start()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        by_pid = {child.pid: child for child in self._children if child.pid}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid in by_pid:
                self._bury(by_pid[pid], status)

    def _bury(self, child: Child, status: int) -> None:
        lived_s = time.monotonic() - child.started_s
        pid, child.pid = child.pid, 0
        if self._stopping:
            return
        child.quick_deaths = 0 if lived_s > STEADY_AFTER_S else child.quick_deaths + 1
        wait_s = BACKOFF_S[min(child.quick_deaths, len(BACKOFF_S) - 1)]
        child.start_at_s = time.monotonic() + wait_s
        child.cells.cells[RESTARTS] += 1
        again = f"starting it again in {wait_s:g} s" if wait_s else "starting it again"
        say(f"{child.name} (pid {pid}) {_how_it_ended(status)}: {again}")

    def _kill_hung(self) -> None:
        for child in self._children:
            if child.pid and child.cells.age_s() > self._hung_after_s:
                say(f"{child.name} (pid {child.pid}) hangs: replacing it")
                self._send(child, signal.SIGKILL)
                child.cells.beat(time.monotonic_ns())

    def _tell_systemd(self) -> None:
        if self._ready:
            notify("WATCHDOG=1")
        elif all(child.pid and _has_beaten(child) for child in self._children):
            self._ready = True
            notify(f"READY=1\nMAINPID={os.getpid()}")

    def _drain(self) -> int:
        """Every child ends what it is doing; then, past the limit, at once."""
        notify("STOPPING=1")
        for child in self._children[:-1]:
            self._send(child, signal.SIGTERM)
        for listeners in self._listeners:
            for listener in listeners:
                listener.close()
        until_s = time.monotonic() + self._settings.proxy.drain_s + LAST_WORDS_S
        self._await_children(self._children[:-1], until_s)
        self._send(self._children[-1], signal.SIGTERM)
        self._await_children(self._children, min(until_s, time.monotonic() + LAST_WORDS_S))
        for child in self._children:
            self._send(child, signal.SIGKILL)
        self._await_children(self._children, time.monotonic() + LAST_WORDS_S)
        return 0

    def _await_children(self, children: list[Child], until_s: float) -> None:
        while any(child.pid for child in children) and time.monotonic() < until_s:
            self._wait(0.1)
            if any(n in (signal.SIGTERM, signal.SIGINT) for n in self._signals):
                for child in children:
                    self._send(child, signal.SIGKILL)
            self._signals.clear()
            self._reap()


def _has_beaten(child: Child) -> bool:
    """Whether the process itself has beaten since it was forked."""
    return child.cells.cells[HEARTBEAT_NS] > child.forked_ns


def _how_it_ended(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _open_feed() -> socket.socket:
    """Listening under a name that the kernel makes up (unix(7), autobind): no file, no clash."""
    feed = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    feed.bind("")
    feed.listen(128)
    return feed


def _open_wakeup() -> int:
    """A pipe that signals write to, so that one arriving just before select is not slept over."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    return read_end


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _become_child(parent: int, wakeup: int) -> None:
    """Leaves the parent's signals and pipes; dies with the parent, however that dies."""
    signal.set_wakeup_fd(-1)
    os.close(wakeup)
    for name in (signal.SIGHUP, signal.SIGUSR1, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def notify(text: str) -> None:
    """Tells systemd, where it asked to be told (sd_notify(3))."""
    name = os.environ.get("NOTIFY_SOCKET")
    if not name:
        return
    address = "\0" + name[1:] if name.startswith("@") else name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.sendto(text.encode(), address)
        except OSError as error:
            say(f"cannot notify systemd at {name}: {error.strerror}")


def serve(settings: Settings, run_worker: RunWorker, run_control: RunControl) -> int:
    """`gatelight serve`; the exit code."""
    try:
        supervisor = Supervisor(settings, run_worker, run_control)
    except ListenError as error:
        say(str(error))
        return 1
    return supervisor.run()

"""The parent of all: owns the sockets and the shared counters, starts, restarts and drains.

No event loop and never a thread, so that a fork is always safe: it imports everything once, then
forks workers and control, and waits on signals. A child that dies is replaced at once in the same
place, with the same listening sockets; one that stops beating is killed first.
"""

import gc
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Iterable
from types import FrameType

from appliance.board import Board
from appliance.child import SIGNALS, Child
from appliance.config import Settings
from appliance.console import say
from appliance.context import ControlContext, WorkerContext
from appliance.feed import Routes
from appliance.listening import ListenError, adopt_listeners, open_listeners
from appliance.quantities import Address
from appliance.systemd import (
    forget_files,
    has_watchdog,
    keep_files,
    notify,
    store_name,
    take_files,
)
from appliance.telemetry.counters import Counters
from appliance.telemetry.log_tail import LogTails
from appliance.tls.contexts import make_context

# A worker beats four times a second; this is far beyond any garbage collection or page fault.
HUNG_AFTER_S = 10.0
WAKE_S = 0.5
STARTING_WAKE_S = 0.02
# When the supervisor itself did not run for this long, the whole box stood still.
STOOD_STILL_S = 2.0
# After the drain time the children get this long to write their logs.
LAST_WORDS_S = 2.0
# Workers wait this long for control to find what the backends' names stand for.
HEAD_START_S = 2.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

Row = tuple[socket.socket, ...]
RunWorker = Callable[[WorkerContext], None]
RunControl = Callable[[ControlContext], None]


class Supervisor:
    """Keeps the processes of one box alive. Raises ListenError when a port cannot be had."""

    def __init__(
        self,
        settings: Settings,
        run_worker: RunWorker,
        run_control: RunControl,
        hung_after_s: float = HUNG_AFTER_S,
    ) -> None:
        self._settings = settings
        self._hung_after_s = hung_after_s
        count = settings.proxy.workers
        listen = settings.listen
        self._listeners = _open_kept_listeners(listen.http + listen.https, count)
        self._first_tls = make_context()
        self._counters = Counters.create(count)
        self._log_tails = LogTails(count)
        self._routes = Routes(Board())
        for site in settings.sites:
            self._routes.put_site(site)
        self._feed = _open_feed()
        self._signals: list[int] = []
        self._wakeup = _open_wakeup()
        self._stopping = False
        self._ready = False
        self._born_s = self._looked_s = time.monotonic()
        self._patient_until_s = 0.0
        self._workers = [
            Child(f"worker {i}", self._worker_main(run_worker, i), self._counters.worker(i))
            for i in range(count)
        ]
        self._control = Child("control", self._control_main(run_control), self._counters.control)
        self._children = [*self._workers, self._control]

    def _worker_main(self, run: RunWorker, index: int) -> Callable[[], None]:
        def main() -> None:
            _close_all(row for i, row in enumerate(self._listeners) if i != index)
            name = self._feed.getsockname()
            self._feed.close()
            plain, secure = self._split(self._listeners[index])
            run(
                WorkerContext(
                    index,
                    self._settings,
                    plain,
                    secure,
                    self._first_tls,
                    self._counters,
                    name,
                    self._routes,
                    self._log_tails.rings[index],
                )
            )

        return main

    def _split(self, row: Row) -> tuple[Row, Row]:
        """One worker's sockets: those for HTTP, and those for TLS."""
        count = len(self._settings.listen.http)
        return row[:count], row[count:]

    def _control_main(self, run: RunControl) -> Callable[[], None]:
        def main() -> None:
            _close_all(self._listeners)
            run(
                ControlContext(
                    self._settings, self._feed, self._counters, self._routes, self._log_tails
                )
            )

        return main

    def run(self) -> int:
        """Serves until told to stop; the exit code."""
        _raise_file_limit()
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        for scheme, row in zip(("http", "https"), self._split(self._listeners[0]), strict=True):
            for listener in row:
                say(f"listening on {scheme}://{_shown(listener)}")
        # What was imported is never garbage: children need not copy its pages to count it.
        gc.freeze()
        while not self._stopping:
            self._start_due()
            self._wait(self._next_wake_s())
            self._take_signals()
            self._reap()
            self._kill_hung()
            self._tell()
        return self._drain()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)

    def _next_wake_s(self) -> float:
        """How long to sleep: less when a child's restart is due, or not all have beaten yet."""
        now_s = time.monotonic()
        due = [child.start_at_s - now_s for child in self._children if not child.pid]
        wake_s = WAKE_S if self._ready else STARTING_WAKE_S
        # Workers that are held back by the head start are due already.
        return max(0.0 if self._ready else STARTING_WAKE_S, min([wake_s, *due]))

    def _wait(self, seconds: float) -> None:
        if self._signals:
            return
        ready, _, _ = select.select([self._wakeup[0]], [], [], seconds)
        if ready:
            os.read(self._wakeup[0], 4096)

    def _take_signals(self) -> None:
        taken, self._signals = self._signals, []
        for number in taken:
            if number in STOP_SIGNALS:
                self._stopping = True
            elif number == signal.SIGHUP:
                self._control.send(signal.SIGHUP)
            elif number == signal.SIGUSR1:
                for worker in self._workers:
                    worker.send(signal.SIGUSR1)

    def _start_due(self) -> None:
        for child in [self._control, *self._workers]:
            if child is not self._control and self._is_head_start():
                return
            if not child.pid and child.start_at_s <= time.monotonic():
                child.start(self._wakeup)

    def _is_head_start(self) -> bool:
        if self._ready or self._control.has_beaten():
            return False
        return time.monotonic() < self._born_s + HEAD_START_S

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
                by_pid[pid].bury(status, is_missed=not self._stopping)

    def _kill_hung(self) -> None:
        now_s = time.monotonic()
        if now_s - self._looked_s > STOOD_STILL_S:
            # A box that was suspended, or without memory: the children need time to beat again.
            self._patient_until_s = now_s + self._hung_after_s
        self._looked_s = now_s
        if now_s >= self._patient_until_s:
            for child in self._children:
                child.kill_if_silent(self._hung_after_s)

    def _tell(self) -> None:
        """Keeps the status and systemd up to date."""
        for child in self._children:
            child.note_beat()
        if not self._ready and all(worker.has_beaten() for worker in self._workers):
            self._ready = True
            notify(f"READY=1\nMAINPID={os.getpid()}")
        elif self._ready and has_watchdog():
            notify("WATCHDOG=1")

    def _drain(self) -> int:
        """Every child ends what it is doing; then, past the limit, at once."""
        notify("STOPPING=1")
        for worker in self._workers:
            worker.drain()
        _close_all(self._listeners)
        until_s = time.monotonic() + self._settings.proxy.drain_s + LAST_WORDS_S
        self._await(self._workers, until_s)
        self._control.drain()
        self._await(self._children, min(until_s, time.monotonic() + LAST_WORDS_S))
        for child in self._children:
            child.send(signal.SIGKILL)
        self._await(self._children, time.monotonic() + LAST_WORDS_S)
        for number in STOP_SIGNALS:
            # Python gives up its handlers before it ends: a late signal would spoil the exit code.
            signal.signal(number, signal.SIG_IGN)
        return 0

    def _await(self, children: list[Child], until_s: float) -> None:
        """Waits for the children's ends; a second signal to stop makes short work of them."""
        while any(child.pid for child in children) and time.monotonic() < until_s:
            self._wait(0.1)
            if any(number in STOP_SIGNALS for number in self._signals):
                for child in children:
                    child.send(signal.SIGKILL)
            self._signals.clear()
            self._reap()
            if has_watchdog():
                notify("WATCHDOG=1")


def _open_kept_listeners(addresses: tuple[Address, ...], workers: int) -> list[Row]:
    """The listening sockets, those of the process before among them where systemd kept them.

    systemd is asked to keep them all again, so that the queues in which clients wait are never
    without a holder. Those of addresses that are served no more are given up. Raises ListenError.
    """
    named = {store_name(str(address)): str(address) for address in addresses}
    taken = adopt_listeners(take_files())
    kept = {named[name]: taken.pop(name) for name in list(taken) if name in named}
    rows = open_listeners(addresses, workers, kept)
    for name in taken:
        forget_files(name)
    for address, column in zip(addresses, zip(*rows, strict=True), strict=True):
        keep_files(str(address), [listener.fileno() for listener in column])
    used = {listener for row in rows for listener in row}
    _close_all(set(column) - used for column in (*taken.values(), *kept.values()))
    return rows


def _close_all(rows: Iterable[Iterable[socket.socket]]) -> None:
    for row in rows:
        for listener in row:
            listener.close()


def _shown(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _open_feed() -> socket.socket:
    """Listening under a name that the kernel makes up (unix(7), autobind): no file, no clash."""
    feed = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    feed.bind("")
    feed.listen(128)
    return feed


def _open_wakeup() -> tuple[int, int]:
    """A pipe that signals write to, so that one arriving just before select is not slept over."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    return read_end, write_end


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(settings: Settings, run_worker: RunWorker, run_control: RunControl) -> int:
    """`gatelight serve`; the exit code."""
    try:
        supervisor = Supervisor(settings, run_worker, run_control)
    except ListenError as error:
        say(str(error))
        return 1
    return supervisor.run()

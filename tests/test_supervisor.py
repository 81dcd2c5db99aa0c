"""The supervisor with stand-in processes: what it does when they die, hang and are told to go."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.child import BACKOFF_S, STEADY_AFTER_S, Child, choose_wait_s, how_it_ended
from appliance.telemetry.counters import Counters
from tests.support.box import ROOT, wait_until
from tests.support.stand_in import ask


class Supervised:
    """A supervisor in a process of its own."""

    def __init__(
        self, folder: Path, workers: int = 1, drain_s: float = 5, env: dict[str, str] | None = None
    ) -> None:
        config = folder / "gatelight.toml"
        config.write_text(
            f'[listen]\nhttp = "127.0.0.1:0"\nadmin_socket = "{folder}/admin.sock"\n'
            f'[proxy]\nworkers = {workers}\ndrain = "{drain_s * 1000:.0f}ms"\n'
            '[[site]]\nhost = "a.test"\nbackends = ["http://127.0.0.1:1"]\n'
        )
        self.errors = folder / "stderr"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.stand_in", str(config), "0.5"],
                stderr=errors,
                cwd=ROOT,
                env=os.environ | (env or {}),
            )
        listening = wait_until(lambda: self.said(r"listening on http://127.0.0.1:(\d+)"), "a port")
        self.port = int(listening[1])
        ask(self.port, "pid")

    def said(self, pattern: str) -> re.Match[str] | None:
        return re.search(pattern, self.errors.read_text())

    def children(self) -> set[int]:
        pid = self.process.pid
        path = Path(f"/proc/{pid}/task/{pid}/children")
        return {int(word) for word in path.read_text().split()}

    def worker(self) -> int:
        return int(ask(self.port, "pid"))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Supervised":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    with Supervised(tmp_path) as started:
        yield started


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("crash", r"ended with code 3: starting it again\n"),
        ("raise", r"RuntimeError: told to\n.*ended with code 1: starting it again\n"),
        ("return", r"ended with code 0: starting it again\n"),
        ("hang", r"hangs: replacing it\n.*was ended by SIGKILL: starting it again\n"),
    ],
)
def test_a_worker_that_ends_is_started_again(supervised: Supervised, word: str, words: str) -> None:
    before = supervised.worker()
    ask(supervised.port, word)
    assert supervised.worker() != before
    assert supervised.said("worker 0 .*" + words) or supervised.said("(?s)" + words)


def test_a_stopped_worker_is_replaced_and_its_queue_answered(supervised: Supervised) -> None:
    before = supervised.worker()
    os.kill(before, signal.SIGSTOP)
    answers: list[str] = []
    waiting = [
        threading.Thread(target=lambda: answers.append(ask(supervised.port, "pid")))
        for _ in range(20)
    ]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(20)
    assert len(answers) == 20
    assert set(answers) == {str(supervised.worker())}
    assert str(before) not in answers


def test_counters_go_on_in_the_next_worker(supervised: Supervised) -> None:
    assert ask(supervised.port, "count") == "1"
    os.kill(supervised.worker(), signal.SIGKILL)
    assert ask(supervised.port, "count") == "2"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_control_is_started_again_and_workers_stay(
    supervised: Supervised, number: signal.Signals
) -> None:
    worker = supervised.worker()
    (control,) = supervised.children() - {worker}
    os.kill(control, number)
    wait_until(lambda: len(supervised.children() - {control, worker}) == 1, "another control")
    assert supervised.worker() == worker


def test_a_worker_that_keeps_failing_is_waited_for(supervised: Supervised) -> None:
    for _ in range(3):
        ask(supervised.port, "crash")
    wait_until(lambda: supervised.said(r"starting it again in 0\.2 s"), "a wait")
    assert supervised.worker()


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGHUP, "control reads again"), (signal.SIGUSR1, "worker reopens its log")],
    ids=["SIGHUP", "SIGUSR1"],
)
def test_signals_reach_those_they_are_for(
    supervised: Supervised, number: signal.Signals, words: str
) -> None:
    before = supervised.children()
    os.kill(supervised.process.pid, number)
    wait_until(lambda: supervised.said(words), words)
    assert supervised.children() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_told_to_stop_it_ends_clean_and_leaves_nobody(
    supervised: Supervised, number: signal.Signals
) -> None:
    children = supervised.children()
    os.kill(supervised.process.pid, number)
    assert supervised.process.wait(10) == 0
    assert not any(is_alive(pid) for pid in children)


def test_a_worker_that_will_not_drain_is_killed_past_the_limit(tmp_path: Path) -> None:
    with Supervised(tmp_path, drain_s=0.1) as supervised:
        ask(supervised.port, "stubborn")
        supervised.process.terminate()
        assert supervised.process.wait(10) == 0


def test_a_second_signal_ends_a_drain_at_once(tmp_path: Path) -> None:
    with Supervised(tmp_path, drain_s=3600) as supervised:
        ask(supervised.port, "stubborn")

        def ended() -> bool:
            supervised.process.terminate()
            return supervised.process.poll() is not None

        wait_until(ended, "the end, by signals in a row")
        assert supervised.process.returncode == 0


def test_killing_the_supervisor_leaves_no_orphan(supervised: Supervised) -> None:
    children = supervised.children()
    supervised.process.kill()
    supervised.process.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in children), "the end of all children")


def test_a_child_has_no_files_of_others(tmp_path: Path) -> None:
    """Three standard streams, the board, a listener, a client, and the listing."""
    with Supervised(tmp_path, workers=4) as supervised:
        assert len(ask(supervised.port, "files").split()) == 7


def test_systemd_is_told_of_start_life_and_stop(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "10000000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.settimeout(10)
        with Supervised(tmp_path, workers=2, env=env) as supervised:
            while (told := sock.recv(100)).startswith((b"FDSTORE=1\n", b"FDSTOREREMOVE=1\n")):
                pass
            assert told == b"READY=1\nMAINPID=%d" % supervised.process.pid
            assert sock.recv(100) == b"WATCHDOG=1"
            supervised.process.terminate()
            while (told := sock.recv(100)) == b"WATCHDOG=1":
                pass
            assert told == b"STOPPING=1"
            assert supervised.process.wait(10) == 0


def test_a_standard_error_nobody_reads_does_not_end_it(supervised: Supervised) -> None:
    config = supervised.errors.with_name("gatelight.toml")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.stand_in", str(config), "5"],
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stderr is not None
        port = int(process.stderr.readline().decode().rsplit(":", 1)[1])
        process.stderr.close()
        before = ask(port, "pid")
        ask(port, "crash")
        assert ask(port, "pid") != before
        process.terminate()
        assert process.wait(10) == 0


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("quick_deaths", "lived_s", "wait_s"),
    [
        (0, 0.1, 0.0),
        (1, 0.1, 0.1),
        (2, 0.1, 0.2),
        (100, 0.1, BACKOFF_S[-1]),
        (100, STEADY_AFTER_S, 0.0),
    ],
    ids=["first", "second", "third", "hundredth", "after a long life"],
)
def test_waits_grow_with_quick_deaths(quick_deaths: int, lived_s: float, wait_s: float) -> None:
    assert choose_wait_s(quick_deaths, lived_s) == wait_s


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "ended with code 0"), (256, "ended with code 1"), (9, "was ended by SIGKILL")],
    ids=["well", "badly", "killed"],
)
def test_an_end_is_said_in_words(status: int, words: str) -> None:
    assert how_it_ended(status) == words


def test_the_clock_is_not_needed() -> None:
    """A box without a clock battery starts in 1970 and jumps: only monotonic time is used."""
    for name in ("supervisor", "child"):
        text = (ROOT / "appliance" / f"{name}.py").read_text()
        assert "time.time()" not in text
    assert time.monotonic() > 0


@pytest.mark.parametrize(
    ("has_beaten", "silent_s", "is_ended"),
    [(True, 9, False), (True, 11, True), (False, 11, False), (False, 31, True)],
    ids=["beats", "hangs", "still begins", "does not begin"],
)
def test_a_process_that_begins_is_given_longer(
    has_beaten: bool, silent_s: int, is_ended: bool
) -> None:
    cells = Counters.create(1).worker(0)
    last_ns = time.monotonic_ns() - silent_s * 10**9
    cells.beat(last_ns)
    with subprocess.Popen(["sleep", "60"]) as process:
        forked_ns = last_ns - 1 if has_beaten else last_ns
        child = Child("a worker", lambda: None, cells, process.pid, forked_ns=forked_ns)
        child.kill_if_silent(10)
        if not is_ended:
            assert process.poll() is None
            process.terminate()
        assert process.wait(10) == -(signal.SIGKILL if is_ended else signal.SIGTERM)

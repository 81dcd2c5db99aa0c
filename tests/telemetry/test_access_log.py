"""The access log's writer, with real files, pipes and full disks."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.telemetry import access_log
from appliance.telemetry.access_log import AccessLog, split_lines
from tests.support.box import wait_until


def test_lines_arrive_whole_and_in_order(tmp_path: Path) -> None:
    log = AccessLog(str(tmp_path / "log"))
    lines = [b"line %d\n" % number for number in range(20_000)]
    for line in lines:
        log.add(line)
    log.close(5)
    assert (tmp_path / "log").read_bytes() == b"".join(lines)
    assert log.lost == 0


def test_nothing_is_written_before_a_flush_and_all_after(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = AccessLog(str(path))
    log.add(b"one\n")
    assert not path.exists()
    log.flush()
    wait_until(lambda: path.exists() and path.read_bytes() == b"one\n", "the line")
    log.close(5)


def test_what_was_there_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"before\n")
    log = AccessLog(str(path))
    log.add(b"after\n")
    log.close(5)
    assert path.read_bytes() == b"before\nafter\n"


def test_off_writes_nothing_and_starts_no_thread() -> None:
    threads = threading.active_count()
    log = AccessLog("off")
    log.reopen()
    log.close(5)
    assert threading.active_count() == threads


def test_reopen_goes_on_in_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = AccessLog(str(path))
    log.add(b"old\n")
    log.flush()
    wait_until(path.exists, "the file")
    path.rename(tmp_path / "log.1")
    log.add(b"still old\n")
    log.reopen()
    log.add(b"new\n")
    log.close(5)
    assert (tmp_path / "log.1").read_bytes() == b"old\nstill old\n"
    assert path.read_bytes() == b"new\n"


def test_a_full_disk_loses_lines_that_are_counted_and_said_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = AccessLog("/dev/full")
    for _ in range(3):
        log.add(b"lost\n")
        log.flush()
    log.close(5)
    assert log.lost == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "lines of the access log /dev/full are lost: No space left on device" in said


def test_a_folder_that_is_not_there_loses_lines_until_it_is(tmp_path: Path) -> None:
    path = tmp_path / "later" / "log"
    log = AccessLog(str(path))
    log.add(b"lost\n")
    log.flush()
    wait_until(lambda: log.lost == 1, "a lost line")
    path.parent.mkdir()
    log.add(b"kept\n")
    log.close(5)
    assert path.read_bytes() == b"kept\n"


@pytest.fixture
def small_files() -> Iterator[int]:
    """Files may not grow past 1000 bytes: a disk that fills up in the middle of a line."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield 1000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def test_half_a_line_is_never_glued_to_the_next(tmp_path: Path, small_files: int) -> None:
    path = tmp_path / "log"
    log = AccessLog(str(path))
    for _ in range(9):
        log.add(b"x" * 119 + b"\n")
    log.flush()
    wait_until(lambda: log.lost, "a lost line")
    assert path.stat().st_size == small_files
    assert log.lost == 1
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    log.reopen()
    log.add(b"next\n")
    log.close(5)
    *_, half, following = path.read_bytes().splitlines()
    assert half == b"x" * 40
    assert following == b"next"


def test_memory_is_bounded_while_the_disk_stalls(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    log = AccessLog(str(path))
    line = b"y" * 1023 + b"\n"
    for _ in range(6000):
        log.add(line)
    held = 6000 - log.lost
    assert held * len(line) >= access_log.MAX_HELD_BYTES
    assert held * len(line) <= access_log.MAX_HELD_BYTES + 2 * access_log.BATCH_BYTES
    log.close(0.01)
    os.close(reader)


WRITE_TO_STDOUT = """
import sys
from appliance.telemetry.access_log import AccessLog
log = AccessLog("-")
for number in range(20000):
    log.add(sys.argv[1].encode() * 60 + b"\\n")
log.close(30)
sys.exit(bool(log.lost))
"""


def start_writer(letter: str, target: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WRITE_TO_STDOUT, letter], stdout=target)


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "non-blocking"])
def test_lines_of_several_workers_do_not_mix_in_a_pipe(blocking: bool) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, blocking)
    writers = [start_writer(letter, write_end) for letter in "ab"]
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        lines = pipe.read().splitlines()
    assert [writer.wait(30) for writer in writers] == [0, 0]
    assert len(lines) == 40_000
    assert set(lines) == {b"a" * 60, b"b" * 60}


@pytest.mark.parametrize(
    ("data", "pieces"),
    [
        (b"", []),
        (b"ab\n", [b"ab\n"]),
        (b"ab\ncd\nef\n", [b"ab\ncd\n", b"ef\n"]),
        (b"longer\na\nlonger\n", [b"longer\n", b"a\n", b"longer\n"]),
    ],
    ids=["none", "one", "two and one", "too long ones"],
)
def test_pieces_end_where_lines_end(data: bytes, pieces: list[bytes]) -> None:
    assert list(split_lines(data, 6)) == pieces

"""`gatelight forward`: plain TCP by the command."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backend import ScriptedBackend
from tests.support.box import ROOT, read_all, wait_until


@pytest.fixture
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


def start(log: Path, *backends: str) -> tuple["subprocess.Popen[bytes]", int]:
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance", "forward", "127.0.0.1:0", *backends],
            cwd=ROOT,
            stderr=errors,
        )
    found = wait_until(lambda: re.search(r"forwarding \S+:(\d+) to", log.read_text()), "forwarding")
    return process, int(found[1])


def test_bytes_go_both_ways_and_a_dead_backend_is_passed_over(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()[1]
    process, port = start(tmp_path / "log", f"127.0.0.1:{dead}", f"localhost:{backend.port}")
    try:
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
                data = b"x" * 500_000
                sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 500000\r\n\r\n" + data)
                sock.shutdown(socket.SHUT_WR)
                assert b"length=500000" in read_all(sock)
        assert "cannot connect to 127.0.0.1" in (tmp_path / "log").read_text()
    finally:
        process.terminate()
    assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("nonsense", "127.0.0.1:1"), 2, "not an address"),
        (("127.0.0.1:0", "nonsense"), 2, "not a backend"),
    ],
)
def test_wrong_usage_is_one_clear_line(arguments: tuple[str, str], code: int, text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "appliance", "forward", *arguments],
        cwd=ROOT,
        capture_output=True,
        timeout=20,
    )
    assert done.returncode == code
    assert text in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1

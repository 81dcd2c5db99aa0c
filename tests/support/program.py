"""Runs one of our programs for a test, and ends it."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LIMIT_S = 30.0


class Program:
    """A running program; its output is read line by line, each wait with a limit."""

    def __init__(self, arguments: list[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        self._stream = self.process.stdout.fileno()
        self._waiting = b""

    def read_until(self, words: str) -> str:
        """The first line that holds `words`."""
        while True:
            line = self._read_line()
            if words in line:
                return line

    def _read_line(self) -> str:
        until_s = time.monotonic() + LIMIT_S
        while b"\n" not in self._waiting:
            ready, _, _ = select.select([self._stream], [], [], until_s - time.monotonic())
            assert ready, f"no more was said within {LIMIT_S} s: {self._waiting!r}"
            more = os.read(self._stream, 65536)
            assert more, f"it has ended, having said {self._waiting!r}"
            self._waiting += more
        line, _, self._waiting = self._waiting.partition(b"\n")
        return line.decode()

    def end(self) -> int:
        """Asks it to stop; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(LIMIT_S)
        finally:
            self.process.kill()


@contextmanager
def running(*arguments: str) -> Iterator[Program]:
    """The program, until the end of the block."""
    program = Program(list(arguments))
    try:
        yield program
    finally:
        program.end()
        assert program.process.stdout is not None
        program.process.stdout.close()

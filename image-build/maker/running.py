"""Runs the tools that do the work, and says what is being done."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from maker.errors import BuildError

# Often enough that nobody takes long work for a hang.
TELL_S = 30.0
# The end of a failed tool's words goes into the one line that people read.
MAX_WORDS = 200


def say(text: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(f"[{time.strftime('%H:%M:%S')}] {text}\n")
    sys.stderr.flush()


def run(
    command: Sequence[str],
    log: Path,
    env: Mapping[str, str] | None = None,
    tell: Callable[[str], str] | None = None,
) -> None:
    """Runs a tool; what it says goes to the log. Raises BuildError with its last words.

    `tell` makes a line for people of what it has said so far, now and then.
    """
    with log.open("ab") as file:
        file.write(f"+ {' '.join(command)}\n".encode())
        file.flush()
        begun = file.tell()
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=env
            )
        except FileNotFoundError:
            raise BuildError(f"{command[0]} is not installed: run image-build/setup") from None
        try:
            _await(process, log, begun, tell)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        words = _said(log, begun)
        raise BuildError(f"{command[0]} failed ({last_words(words)}): all it said is in {log}")


def _await(
    process: subprocess.Popen[bytes], log: Path, begun: int, tell: Callable[[str], str] | None
) -> None:
    told = ""
    while True:
        try:
            process.wait(TELL_S)
            return
        except subprocess.TimeoutExpired:
            line = tell(_said(log, begun)) if tell is not None else ""
            if line and line != told:
                say(line)
                told = line


def _said(log: Path, begun: int) -> str:
    with log.open("rb") as file:
        file.seek(begun)
        return file.read().decode(errors="replace")


def last_words(text: str) -> str:
    """The line of an output that tells most (PURE)."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("E:", "error:", "ERROR:", "mke2fs:"))]
    return (telling or lines or ["it said nothing"])[0 if telling else -1][:MAX_WORDS]

"""Runs the tools that do the work, and says what is being done."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from maker.errors import BuildError

# The end of a failed tool's words goes into the one line that people read.
MAX_WORDS = 200


def say(text: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(f"[{time.strftime('%H:%M:%S')}] {text}\n")
    sys.stderr.flush()


def run(
    command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, content: str = ""
) -> None:
    """Runs a tool; what it says goes to the log. Raises BuildError with its last words."""
    with log.open("ab") as file:
        file.write(f"+ {' '.join(command)}\n".encode())
        file.flush()
        begun = file.tell()
        try:
            done = subprocess.run(
                command, input=content.encode(), stdout=file, stderr=file, env=env, check=False
            )
        except FileNotFoundError:
            raise BuildError(f"{command[0]} is not installed: run image-build/setup") from None
    if done.returncode:
        with log.open("rb") as file:
            file.seek(begun)
            words = file.read().decode(errors="replace")
        raise BuildError(f"{command[0]} failed ({last_words(words)}): all it said is in {log}")


def last_words(text: str) -> str:
    """The line of an output that tells most (PURE)."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("E:", "error:", "ERROR:", "mke2fs:"))]
    return (telling or lines or ["it said nothing"])[0 if telling else -1][:MAX_WORDS]

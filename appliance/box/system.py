"""Runs the system's own commands, each for a bounded time."""

import subprocess
from collections.abc import Sequence

from appliance.console import say

# Making a key or growing a file system takes seconds on the slowest card.
COMMAND_S = 60.0


def run(command: Sequence[str], content: str = "") -> bool:
    """Whether it did what it was asked; what it says of a failure is said on."""
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"{command[0]} could not be run: {error}")
        return False
    if done.returncode:
        say(f"{' '.join(command)} failed: {done.stderr.strip() or f'code {done.returncode}'}")
    return done.returncode == 0


def read(command: Sequence[str]) -> str:
    """What it answers; empty where it cannot be run."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"{command[0]} could not be run: {error}")
        return ""
    return done.stdout

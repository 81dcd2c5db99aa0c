"""What the screen has others do: keep an HDMI mode, switch the box off."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from display.console import say
from display.navigator import Command

TIMEOUT_S = 20.0
MAX_WORDS = 300


def command_line(command: Command) -> Sequence[str]:
    """What is run; our own programs are those installed beside this one."""
    if command is Command.POWER_OFF:
        return ("systemctl", "--no-ask-password", "poweroff")
    beside = Path(sys.executable).with_name("gatelight-hdmi")
    return (str(beside) if beside.exists() else "gatelight-hdmi", "confirm")


async def run(command: Command) -> bool:
    """Runs it; says why where it fails."""
    line = command_line(command)
    try:
        process = await asyncio.create_subprocess_exec(
            *line,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        say(f"cannot {command.value} ({error.strerror}): is {line[0]} installed?")
        return False
    try:
        async with asyncio.timeout(TIMEOUT_S):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        say(f"cannot {command.value}: {line[0]} took longer than {TIMEOUT_S:.0f} s")
        return False
    if process.returncode:
        words = output.decode(errors="replace").strip()[:MAX_WORDS]
        say(f"cannot {command.value}: {' '.join(line)} ended with {process.returncode}: {words}")
    return process.returncode == 0

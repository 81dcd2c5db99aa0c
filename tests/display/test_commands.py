"""What others are asked to do."""

import asyncio
import sys
from collections.abc import Sequence

import pytest

from display import commands
from display.navigator import Command


def run(monkeypatch: pytest.MonkeyPatch, *line: str) -> bool:
    monkeypatch.setattr(commands, "command_line", lambda command: line)
    return asyncio.run(commands.run(Command.KEEP_MODE))


@pytest.mark.parametrize(
    ("line", "is_done", "words"),
    [
        ([sys.executable, "-c", "print('done')"], True, ""),
        (
            [sys.executable, "-c", "import sys; sys.exit('nothing to keep')"],
            False,
            "nothing to keep",
        ),
        (["/nowhere/gatelight-hdmi"], False, "is /nowhere/gatelight-hdmi installed?"),
    ],
    ids=["done", "refused", "not there"],
)
def test_a_command_that_fails_says_why(
    line: Sequence[str],
    is_done: bool,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, *line) is is_done
    error = capsys.readouterr().err
    assert words in error
    assert bool(error) is not is_done


def test_a_command_that_hangs_is_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "TIMEOUT_S", 0.2)
    assert not run(monkeypatch, sys.executable, "-c", "import time; time.sleep(60)")
    assert "took longer" in capsys.readouterr().err


def test_keeping_a_mode_is_the_work_of_gatelight_hdmi() -> None:
    line = commands.command_line(Command.KEEP_MODE)
    assert line[0].endswith("gatelight-hdmi")
    assert line[1:] == ("confirm",)
    assert commands.command_line(Command.POWER_OFF)[-1] == "poweroff"

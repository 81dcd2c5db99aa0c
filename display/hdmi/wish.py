"""What somebody asks for, checked (PURE).

The command's flags and a helper's request both come through here, so plan.py gets sane values only.
"""

import enum
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from display.hdmi.errors import UsageError
from display.hdmi.modes import Mode, parse_mode
from display.hdmi.trial import MAX_SECONDS, MIN_SECONDS

_Value = TypeVar("_Value")
ROTATIONS = (0, 90, 180, 270)
MAX_BOOST = 11
# Overscan hides edges; more than this is no edge any more.
MAX_OVERSCAN_PX = 500
MAX_PORT = 1
MAX_UNDO = 100


class Drive(enum.IntEnum):
    """The values of hdmi_drive. DVI has no sound."""

    DVI = 1
    HDMI = 2


@dataclass(frozen=True, slots=True)
class Overscan:
    """How far the picture stays from each edge, in pixels; 0 everywhere is off."""

    left: int
    right: int
    top: int
    bottom: int

    @property
    def is_off(self) -> bool:
        return not any((self.left, self.right, self.top, self.bottom))


@dataclass(frozen=True, slots=True)
class Wish:
    """What is None stays as it is. `rotate` is degrees clockwise, `boost` config_hdmi_boost.

    `force`: the port is on whatever is plugged in, and takes a mode the display does not offer.
    `comment_out`: older lines that say otherwise become comments; else ours overrule them.
    """

    port: int = 0
    mode: Mode | None = None
    rotate: int | None = None
    overscan: Overscan | None = None
    force: bool = False
    drive: Drive | None = None
    boost: int | None = None
    comment_out: bool = False


def parse_wish(table: Mapping[str, object]) -> Wish:
    """A wish from values by name, as the command or a request gives them; None is not asked.

    Raises UsageError.
    """
    unknown = table.keys() - set(_NAMES)
    if unknown:
        raise UsageError(
            "there is no", f'"{min(unknown)}" to set', f"say one of {', '.join(_NAMES)}"
        )
    wish = Wish(
        port=_given(table, "port", _parse_port) or 0,
        mode=_given(table, "mode", _parse_mode),
        rotate=_given(table, "rotate", _parse_rotate),
        overscan=_given(table, "overscan", _parse_overscan),
        force=_given(table, "force", _parse_flag) or False,
        drive=_given(table, "drive", _parse_drive),
        boost=_given(table, "boost", _parse_boost),
        comment_out=_given(table, "comment_out", _parse_flag) or False,
    )
    if wish == Wish(wish.port, comment_out=wish.comment_out):
        raise UsageError("nothing is asked of", f"port {wish.port}", "say --mode WxH@R, or another")
    return wish


def describe(wish: Wish) -> str:
    """The command that says the same: `set --port 1 --mode 1280x1024@60`."""
    words = ["set", "--port", str(wish.port)] if wish.port else ["set"]
    overscan = wish.overscan
    edges = overscan and f"{overscan.left},{overscan.right},{overscan.top},{overscan.bottom}"
    values = {
        "--mode": wish.mode,
        "--rotate": wish.rotate,
        "--overscan": "off" if overscan and overscan.is_off else edges,
        "--drive": wish.drive and wish.drive.name.lower(),
        "--boost": wish.boost,
    }
    words += [
        word for flag, value in values.items() if value is not None for word in (flag, str(value))
    ]
    words += ["--force"] * wish.force + ["--comment-out"] * wish.comment_out
    return shlex.join(words)


def parse_seconds(value: object) -> int:
    """How long a trial waits. Raises UsageError."""
    try:
        seconds = int(str(value))
    except ValueError:
        seconds = 0
    if isinstance(value, bool) or not MIN_SECONDS <= seconds <= MAX_SECONDS:
        way_out = f"say {MIN_SECONDS} to {MAX_SECONDS} seconds"
        raise UsageError(f'"{value}" is not possible', "for --try", way_out)
    return seconds


def parse_steps(value: object) -> int:
    """How many steps to take back. Raises UsageError."""
    try:
        steps = int(str(value))
    except ValueError:
        steps = 0
    if isinstance(value, bool) or not 1 <= steps <= MAX_UNDO:
        raise UsageError(f'"{value}" is not possible', "for undo", f"say 1 to {MAX_UNDO} steps")
    return steps


def _parse_mode(value: object) -> Mode:
    try:
        return parse_mode(str(value))
    except ValueError as error:
        what, _, way_out = str(error).partition(": ")
        raise UsageError(what, "in --mode", way_out) from None


def _integer(name: str, value: object, allowed: range | tuple[int, ...], words: str) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if number not in allowed or isinstance(value, bool):
        raise UsageError(f'"{value}" is not possible', f"for --{name}", words)
    return number


def _parse_port(value: object) -> int:
    return _integer("port", value, range(MAX_PORT + 1), "the ports are 0 and 1")


def _parse_rotate(value: object) -> int:
    return _integer("rotate", value, ROTATIONS, "say 0, 90, 180 or 270, in degrees clockwise")


def _parse_boost(value: object) -> int:
    return _integer("boost", value, range(MAX_BOOST + 1), f"it goes from 0 to {MAX_BOOST}")


def _parse_overscan(value: object) -> Overscan:
    if value == "off":
        return Overscan(0, 0, 0, 0)
    parts = str(value).split(",")
    words = f'say "off", one number or LEFT,RIGHT,TOP,BOTTOM, each 0 to {MAX_OVERSCAN_PX} pixels'
    if len(parts) not in (1, 4):
        raise UsageError(f'"{value}" is not possible', "for --overscan", words)
    edges = [_integer("overscan", part, range(MAX_OVERSCAN_PX + 1), words) for part in parts]
    return Overscan(*(edges * 4)[:4])


def _parse_drive(value: object) -> Drive:
    try:
        return Drive[str(value).upper()]
    except KeyError:
        raise UsageError(f'"{value}" is not possible', "for --drive", "say dvi or hdmi") from None


def _parse_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f'"{value}" is not possible', "for a flag", "say true or false")
    return value


def _given(
    table: Mapping[str, object], name: str, parse: Callable[[object], _Value]
) -> _Value | None:
    value = table.get(name)
    return None if value is None else parse(value)


_NAMES = tuple(entry.name for entry in fields(Wish))

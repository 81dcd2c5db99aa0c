"""Keyboards, mice and touch screens, as Linux tells of them (Documentation/input/input.rst).

The devices are only listened to, never grabbed.
"""

import glob
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fcntl import ioctl

from display.controls.actions import LONG_S, Action

# struct input_event of <linux/input.h>: a time, then type, code, value.
EVENT = struct.Struct("@llHHi")
# struct input_absinfo: value, minimum, maximum, fuzz, flat, resolution.
AXIS = struct.Struct("@6i")
_READ_EVENTS = 64
EV_KEY, EV_REL, EV_ABS = 1, 2, 3
KEY_DOWN = 1
BTN_LEFT, BTN_TOUCH = 0x110, 0x14A
# Position of a finger: of the only one, or of the last one in the protocol for several.
ABS_X, ABS_Y = (0x00, 0x35), (0x01, 0x36)
KEYS = {
    1: Action.WAKE,  # Esc
    14: Action.BACK,  # Backspace
    15: Action.NEXT,  # Tab
    28: Action.ACT,  # Enter
    57: Action.NEXT,  # Space
    96: Action.ACT,  # Enter of the keypad
    103: Action.BACK,  # up
    104: Action.BACK,  # page up
    105: Action.BACK,  # left
    106: Action.NEXT,  # right
    108: Action.NEXT,  # down
    109: Action.NEXT,  # page down
    116: Action.POWER,
}
# The part of the screen's width that turns back.
BACK_SHARE = 1 / 3
# Nobody has more; a broken machine may.
MAX_DEVICES = 32


@dataclass(frozen=True, slots=True)
class Event:
    """One change."""

    kind: int
    code: int
    value: int


def parse_events(data: bytes) -> list[Event]:
    """What was read of a device (PURE)."""
    whole = len(data) // EVENT.size * EVENT.size
    return [Event(*fields[2:]) for fields in EVENT.iter_unpack(data[:whole])]


class Gestures:
    """What one device's events mean (PURE).

    `ranges` are the least and the greatest value of each axis; `rotate` is how far the picture is
    turned clockwise on the screen.
    """

    def __init__(self, ranges: Mapping[int, tuple[int, int]], rotate: int = 0) -> None:
        self._ranges = ranges
        self._rotate = rotate
        self._down_s: float | None = None
        self._x = self._y = 0.5

    def feed(self, event: Event, now_s: float) -> Action | None:
        """What a person wants by it."""
        if event.kind == EV_KEY and event.code in (BTN_LEFT, BTN_TOUCH):
            return self._touch(event.value == KEY_DOWN, now_s)
        if event.kind == EV_KEY:
            return KEYS.get(event.code, Action.WAKE) if event.value == KEY_DOWN else None
        if event.kind == EV_ABS and event.code in ABS_X:
            self._x = self._share(event)
        elif event.kind == EV_ABS and event.code in ABS_Y:
            self._y = self._share(event)
        return Action.WAKE if event.kind == EV_REL else None

    def _touch(self, is_down: bool, now_s: float) -> Action | None:
        if is_down:
            self._down_s = now_s
            return None
        down_s, self._down_s = self._down_s, None
        if down_s is None:
            return None
        if now_s - down_s >= LONG_S:
            return Action.ACT
        return Action.TAP_LEFT if self._across() < BACK_SHARE else Action.TAP

    def _across(self) -> float:
        """Where the finger was on the picture, from its left end."""
        turned = {0: self._x, 90: self._y, 180: 1 - self._x, 270: 1 - self._y}
        return turned[self._rotate]

    def _share(self, event: Event) -> float:
        least, greatest = self._ranges.get(event.code, (0, 0))
        return (event.value - least) / (greatest - least) if greatest > least else 0.5


def axis_request(axis: int) -> int:
    """EVIOCGABS(axis): the number of the ioctl that asks for an axis's range."""
    return 2 << 30 | AXIS.size << 16 | ord("E") << 8 | 0x40 + axis


def read_ranges(file: int) -> dict[int, tuple[int, int]]:
    """The ranges of a device's axes; none of a keyboard."""
    ranges = {}
    for axis in (*ABS_X, *ABS_Y):
        try:
            answer = ioctl(file, axis_request(axis), bytes(AXIS.size))
        except OSError:
            continue
        _, least, greatest, *_ = AXIS.unpack(answer)
        ranges[axis] = (least, greatest)
    return ranges


@dataclass(slots=True)
class Device:
    """One that is listened to."""

    file: int
    gestures: Gestures


class Inputs:
    """Every input device of the box, also those plugged in later."""

    def __init__(self, rotate: int, pattern: str = "/dev/input/event*") -> None:
        self._rotate = rotate
        self._pattern = pattern
        self.devices: dict[str, Device] = {}

    def find(self) -> list[tuple[str, int]]:
        """Opens devices that are new; their paths and files, to be waited for."""
        new = []
        for path in sorted(glob.glob(self._pattern)):
            if path in self.devices or len(self.devices) >= MAX_DEVICES:
                continue
            try:
                file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                # Not ours to read, or already gone.
                continue
            self.devices[path] = Device(file, Gestures(read_ranges(file), self._rotate))
            new.append((path, file))
        return new

    def read(self, path: str, now_s: float) -> list[Action] | None:
        """What is meant by what has come; None when the device has gone."""
        device = self.devices.get(path)
        if device is None:
            return None
        try:
            data = os.read(device.file, EVENT.size * _READ_EVENTS)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            return None
        meant = (device.gestures.feed(event, now_s) for event in parse_events(data))
        return [action for action in meant if action is not None]

    def drop(self, path: str, forget: Callable[[int], object]) -> None:
        """Closes a device that has gone."""
        device = self.devices.pop(path, None)
        if device is not None:
            forget(device.file)
            os.close(device.file)

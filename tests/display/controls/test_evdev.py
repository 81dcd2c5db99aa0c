"""Keys and fingers, from the bytes that Linux gives."""

import os
import pty
from pathlib import Path

import pytest

from display.controls.actions import LONG_S, Action
from display.controls.evdev import (
    ABS_X,
    ABS_Y,
    BTN_LEFT,
    BTN_TOUCH,
    EV_ABS,
    EV_KEY,
    EV_REL,
    EVENT,
    Event,
    Gestures,
    Inputs,
    axis_request,
    parse_events,
)

RANGES = {ABS_X[0]: (0, 799), ABS_Y[0]: (0, 479), ABS_X[1]: (0, 799), ABS_Y[1]: (0, 479)}


def encode(kind: int, code: int, value: int) -> bytes:
    return EVENT.pack(1, 2, kind, code, value)


def test_events_are_read_whole() -> None:
    data = encode(EV_KEY, 28, 1) + encode(EV_REL, 0, -3)
    assert parse_events(data + b"rest") == [Event(EV_KEY, 28, 1), Event(EV_REL, 0, -3)]


@pytest.mark.parametrize(
    ("code", "action"),
    [
        (28, Action.ACT),
        (57, Action.NEXT),
        (106, Action.NEXT),
        (105, Action.BACK),
        (1, Action.WAKE),
        (30, Action.WAKE),
        (116, Action.POWER),
    ],
)
def test_a_key_means_something_when_it_goes_down_and_only_then(code: int, action: Action) -> None:
    gestures = Gestures({})
    assert gestures.feed(Event(EV_KEY, code, 1), 0.0) is action
    assert gestures.feed(Event(EV_KEY, code, 2), 0.5) is None
    assert gestures.feed(Event(EV_KEY, code, 0), 0.6) is None


def touch(gestures: Gestures, x: int, y: int, held_s: float, axis: int = 0) -> Action | None:
    gestures.feed(Event(EV_ABS, ABS_X[axis], x), 0.0)
    gestures.feed(Event(EV_ABS, ABS_Y[axis], y), 0.0)
    assert gestures.feed(Event(EV_KEY, BTN_TOUCH, 1), 0.0) is None
    return gestures.feed(Event(EV_KEY, BTN_TOUCH, 0), held_s)


@pytest.mark.parametrize("axis", [0, 1], ids=["one finger", "several fingers"])
@pytest.mark.parametrize(
    ("rotate", "x", "y", "action"),
    [
        (0, 700, 240, Action.TAP),
        (0, 100, 240, Action.TAP_LEFT),
        (180, 700, 240, Action.TAP_LEFT),
        (90, 400, 50, Action.TAP_LEFT),
        (90, 400, 400, Action.TAP),
        (270, 400, 400, Action.TAP_LEFT),
    ],
)
def test_a_tap_turns_by_where_it_is_on_the_picture(
    axis: int, rotate: int, x: int, y: int, action: Action
) -> None:
    assert touch(Gestures(RANGES, rotate), x, y, 0.1, axis) is action


def test_a_long_touch_acts() -> None:
    assert touch(Gestures(RANGES), 700, 240, LONG_S) is Action.ACT


def test_a_mouse_wakes_and_clicks() -> None:
    gestures = Gestures({})
    assert gestures.feed(Event(EV_REL, 0, 5), 0.0) is Action.WAKE
    gestures.feed(Event(EV_KEY, BTN_LEFT, 1), 0.0)
    assert gestures.feed(Event(EV_KEY, BTN_LEFT, 0), 0.1) is Action.TAP


def test_the_request_for_a_range_is_the_kernels() -> None:
    # EVIOCGABS(ABS_X) of <linux/input.h> on the architectures of the Raspberry Pi and of PCs.
    assert axis_request(0) == 0x80184540


def test_devices_come_and_go(tmp_path: Path) -> None:
    """A pipe stands in for a device: it is read in the same way."""
    path = tmp_path / "event0"
    os.mkfifo(path)
    inputs = Inputs(0, str(tmp_path / "event*"))
    ((found, file),) = inputs.find()
    assert found == str(path)
    assert inputs.find() == []
    with open(path, "wb", buffering=0) as writer:
        writer.write(encode(EV_KEY, 57, 1))
        assert inputs.read(found, 0.0) == [Action.NEXT]
        assert inputs.read(found, 0.0) == []
    assert inputs.read(found, 0.0) is None
    forgotten: list[int] = []
    inputs.drop(found, forgotten.append)
    assert forgotten == [file]
    assert inputs.read(found, 0.0) is None


def test_a_device_without_axes_is_no_fault() -> None:
    leader, follower = pty.openpty()
    inputs = Inputs(0, os.ttyname(follower))
    assert len(inputs.find()) == 1
    os.close(leader)
    os.close(follower)

"""One button, by how long it is held."""

import pytest

from display.controls.actions import LONG_S, VERY_LONG_S, Action, Button


@pytest.mark.parametrize(
    ("short", "held_s", "expected"),
    [
        (Action.NEXT, 0.1, Action.NEXT),
        (Action.NEXT, LONG_S - 0.01, Action.NEXT),
        (Action.NEXT, LONG_S, Action.ACT),
        (Action.NEXT, VERY_LONG_S - 0.01, Action.ACT),
        (Action.ACT, 0.1, Action.ACT),
    ],
)
def test_a_press_means_what_its_length_says(short: Action, held_s: float, expected: Action) -> None:
    button = Button(short)
    button.press(0.0)
    assert button.tick(held_s) is None
    assert button.release(held_s) is expected


def test_a_very_long_press_counts_once_and_while_it_is_still_held() -> None:
    button = Button()
    button.press(0.0)
    assert button.tick(VERY_LONG_S) is Action.POWER
    assert button.tick(VERY_LONG_S + 1) is None
    assert button.release(VERY_LONG_S + 2) is None


def test_holding_shows_how_far_it_is_once_it_is_long() -> None:
    button = Button()
    assert button.held(0.0) == 0.0
    button.press(0.0)
    assert button.held(LONG_S - 0.01) == 0.0
    assert button.held(VERY_LONG_S / 2) == 0.5
    assert button.held(VERY_LONG_S * 2) == 1.0


def test_a_release_without_a_press_means_nothing() -> None:
    assert Button().release(1.0) is None

"""What the LED says."""

import pytest

from display.controls.codes import Code, choose_code
from display.status.model import State


@pytest.mark.parametrize(
    ("state", "is_new", "is_asked", "is_dim", "code"),
    [
        (State.UP, False, False, False, Code.STEADY),
        (State.UP, False, False, True, Code.DARK),
        (State.UNKNOWN, False, False, False, Code.BREATHING),
        (State.DRAINING, False, False, True, Code.BREATHING),
        (State.WARNING, False, False, False, Code.SLOW),
        (State.WARNING, True, False, True, Code.SLOW),
        (State.DOWN, False, False, False, Code.SLOW),
        (State.DOWN, True, False, True, Code.FAST),
        (State.DOWN, True, True, False, Code.FAST),
        (State.UP, False, True, False, Code.DOUBLE),
    ],
)
def test_the_led_says_the_most_urgent(
    state: State, is_new: bool, is_asked: bool, is_dim: bool, code: Code
) -> None:
    assert choose_code(state, is_new, is_asked, is_dim) is code

"""What the LED says (PURE)."""

import enum
from dataclasses import dataclass

from display.status.model import State


class Code(enum.Enum):
    """How the LED shines: dark, steady, breathing, or in blinks of a number and a pause."""

    DARK = "dark"
    STEADY = "steady"
    BREATHING = "breathing"
    SLOW = "slow blink"
    FAST = "fast blink"
    DOUBLE = "double blink"


@dataclass(frozen=True, slots=True)
class Blink:
    """Times of a blink in seconds; a breath fades where a blink switches."""

    on_s: float
    off_s: float
    fade_s: float = 0.0


BLINKS = {
    Code.BREATHING: Blink(0.0, 0.4, 1.6),
    Code.SLOW: Blink(0.5, 1.5),
    Code.FAST: Blink(0.12, 0.12),
    Code.DOUBLE: Blink(0.1, 0.9),
}


def choose_code(state: State, is_new: bool, is_asked: bool, is_dim: bool) -> Code:
    """By the verdict, and whether somebody is waited for.

    `is_new` is trouble that nobody has acknowledged; `is_asked` a question on the screen; `is_dim`
    the night, in which nothing shines that need not.
    """
    if is_new and state is State.DOWN:
        return Code.FAST
    if is_asked:
        return Code.DOUBLE
    if state in (State.DOWN, State.WARNING):
        return Code.SLOW
    if state is State.UP:
        return Code.DARK if is_dim else Code.STEADY
    return Code.BREATHING

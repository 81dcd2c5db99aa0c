"""From pins, keys and fingers to what is meant by them (PURE)."""

import enum
from dataclasses import dataclass

# A press becomes a long one, and a very long one.
LONG_S = 0.7
VERY_LONG_S = 4.0


class Action(enum.Enum):
    """What a person wants."""

    NEXT = "next"
    BACK = "back"
    ACT = "act"
    WAKE = "wake"
    POWER = "power"
    # A finger on the left of the picture, and on the rest of it.
    TAP_LEFT = "tap left"
    TAP = "tap"


@dataclass(slots=True)
class Button:
    """The button that does everything, by how long it is held.

    `short` is what a short press means: the next page where it is the only button, acting where
    another one turns the pages.
    """

    short: Action = Action.NEXT
    down_s: float | None = None

    def press(self, now_s: float) -> None:
        """It goes down."""
        self.down_s = now_s

    def release(self, now_s: float) -> Action | None:
        """It comes up; nothing is meant by the end of a very long press."""
        down_s, self.down_s = self.down_s, None
        if down_s is None:
            return None
        return self.short if now_s - down_s < LONG_S else Action.ACT

    def tick(self, now_s: float) -> Action | None:
        """Time passes; once it was held for very long the box is to shut down."""
        if self.down_s is None or now_s - self.down_s < VERY_LONG_S:
            return None
        self.down_s = None
        return Action.POWER

    def held(self, now_s: float) -> float:
        """How much of a very long press is done, from 0 to 1; 0 until it is a long one."""
        if self.down_s is None or now_s - self.down_s < LONG_S:
            return 0.0
        return min(1.0, (now_s - self.down_s) / VERY_LONG_S)

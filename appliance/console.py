"""What the processes say to the person who started them."""

import sys
from collections.abc import Callable


def say(text: str) -> None:
    """One line on standard error."""
    try:
        sys.stderr.write(f"gatelight: {text}\n")
        sys.stderr.flush()
    except OSError:
        # Nobody reads it any more (EPIPE): no reason to stop serving.
        pass


class Complaints:
    """Lines that outsiders can cause: a bounded number in a while, the others only counted."""

    MAX_LINES = 10
    WHILE_S = 10.0

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until_s = 0.0
        self._said = 0

    def say(self, text: str) -> None:
        """Says `text`, unless too much has been said just now."""
        now_s = self._clock()
        if now_s >= self._until_s:
            if self._said > self.MAX_LINES:
                say(f"{self._said - self.MAX_LINES} more lines like the last were left out")
            self._until_s, self._said = now_s + self.WHILE_S, 0
        self._said += 1
        if self._said <= self.MAX_LINES:
            say(text)

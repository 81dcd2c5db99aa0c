"""What the screen's process says to the person who started it."""

import sys


def say(text: str) -> None:
    """One line on standard error."""
    try:
        sys.stderr.write(f"gatelight: {text}\n")
        sys.stderr.flush()
    except OSError:
        # Nobody reads it any more.
        pass

"""What the processes say to the person who started them."""

import sys


def say(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"gatelight: {text}\n")
    sys.stderr.flush()

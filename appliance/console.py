"""What the processes say to the person who started them."""

import sys


def say(text: str) -> None:
    """One line on standard error."""
    try:
        sys.stderr.write(f"gatelight: {text}\n")
        sys.stderr.flush()
    except OSError:
        # Nobody reads it any more (EPIPE): no reason to stop serving.
        pass

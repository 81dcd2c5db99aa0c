"""Whether the box knows what time it is. A Pi has no battery for its clock: after the power comes
back it begins with the time it last wrote down, until a server in the network tells it better.
"""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path

# No time before this version was made can be right.
RELEASED_S = datetime(2026, 11, 1, tzinfo=UTC).timestamp()

TIME_ERROR = 5  # adjtimex(2): the clock is not synchronized
TIMEX_BYTES = 256  # struct timex takes 208; with zeros in it, it is only read


def choose_is_set(now_s: float, keeps_time: bool, is_synchronized: bool) -> bool:
    """Whether a time of day may be believed; `keeps_time`: the machine's clock has a battery."""
    return now_s >= RELEASED_S and (keeps_time or is_synchronized)


def is_clock_set(root: Path = Path("/")) -> bool:
    """Whether this machine's time of day may be believed."""
    # Machines with a device tree, as the Pi, may be without a battery; others have one.
    is_pi_like = (root / "proc/device-tree/model").exists()
    has_battery = (root / "sys/class/rtc/rtc0").exists()
    return choose_is_set(time.time(), has_battery or not is_pi_like, is_synchronized())


def is_synchronized() -> bool:
    """Whether the kernel has been told the time by a server of late (adjtimex(2))."""
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return 0 <= int(state) != TIME_ERROR

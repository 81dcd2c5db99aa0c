"""Whether the box knows what time it is. A Pi has no battery for its clock: after the power comes
back it begins with the time it last wrote down, until a server in the network tells it better.
"""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

# No time before this version was made can be right.
RELEASED_S = datetime(2026, 11, 1, tzinfo=UTC).timestamp()

# Time servers answer within seconds of the network being there. A box that has found none in this
# time lives where there is none, and what has to be dated is dated by what it has.
PATIENCE_S = 180.0

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
    # A service that may not touch the clock may not ask the kernel either: systemd-timesyncd(8).
    was_told = (root / "run/systemd/timesync/synchronized").exists() or is_synchronized()
    return choose_is_set(time.time(), has_battery or not is_pi_like, was_told)


def is_synchronized() -> bool:
    """Whether the kernel has been told the time by a server of late (adjtimex(2))."""
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return 0 <= int(state) != TIME_ERROR


class Clock(Protocol):
    """What things are dated and judged by."""

    def now(self) -> datetime: ...
    def is_set(self) -> bool: ...


class SystemClock:
    """The box's own."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    def is_set(self) -> bool:
        """Whether it may be believed, or no better is to be had."""
        return is_clock_set() or choose_is_enough(time.time(), _up_s())


def choose_is_enough(now_s: float, up_s: float) -> bool:
    """Whether a box that nobody tells the time, and that is up for so long, goes by its own."""
    return now_s >= RELEASED_S and up_s > PATIENCE_S


def _up_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class FixedClock:
    """A clock that stands still, for tests; it is set by hand."""

    def __init__(self, now: datetime, is_set: bool = True) -> None:
        self.time = now
        self.believed = is_set

    def now(self) -> datetime:
        """The time in UTC."""
        return self.time

    def is_set(self) -> bool:
        """Whether it may be believed."""
        return self.believed

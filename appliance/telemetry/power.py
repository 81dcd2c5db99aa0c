"""Whether the power supply and the cooling keep up, as a Raspberry Pi tells it.

Raspberry Pi's kernels show low voltage through hwmon (drivers/hwmon/raspberrypi-hwmon.c) and all
flags of the firmware in a file of its driver (drivers/firmware/raspberrypi.c); where there is none,
`vcgencmd get_throttled` tells them. Debian's kernel has nothing of this: then nothing is known.
"""

import re
from pathlib import Path

Power = dict[str, bool | None]

# raspberrypi.com, "vcgencmd", get_throttled: what is so now; what has been is 16 bits further up.
UNDERVOLTAGE = 0x1
CAPPED, THROTTLED, SOFT_LIMIT = 0x2, 0x4, 0x8
_ANSWER = re.compile(r"throttled=0x([0-9a-fA-F]{1,8})\s*")


def parse_throttled(text: str) -> int | None:
    """The bits in what `vcgencmd get_throttled` says."""
    match = _ANSWER.fullmatch(text)
    return int(match[1], 16) if match else None


def read_alarm(root: Path) -> bool | None:
    """What the kernel's hwmon says of the voltage."""
    for name in sorted(root.glob("sys/class/hwmon/hwmon*/name")):
        try:
            if name.read_text().strip() == "rpi_volt":
                return name.with_name("in0_lcrit_alarm").read_text().strip() == "1"
        except OSError:
            continue
    return None


def read_flags(root: Path) -> int | None:
    """The firmware's flags, by its driver."""
    for path in root.glob("sys/devices/platform/soc*/*:firmware/get_throttled"):
        try:
            return int(path.read_text(), 16)
        except (OSError, ValueError):
            continue
    return None


def describe_power(alarm: bool | None, throttled: int | None) -> Power | None:
    """The status's `power` from both sources; None when there is neither."""
    if alarm is None and throttled is None:
        return None
    if throttled is None:
        return {"undervoltage": alarm, "throttled": None}
    return {
        "undervoltage": bool(throttled & UNDERVOLTAGE) or bool(alarm),
        "throttled": bool(throttled & (CAPPED | THROTTLED | SOFT_LIMIT)),
    }

"""Video modes: what they are, how people write them, and their hdmi_group and hdmi_mode (PURE).

A Mode is a picture size and a rate; with a Timing it also says how the pixels go over the link.
Sources: CTA-861, VESA DMT; raspberrypi/documentation, config_txt/video.adoc (the numbers);
Linux, Documentation/fb/modedb.rst (`video=`).
"""

import enum
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from display.hdmi.cea_table import CEA_ROWS, Row
from display.hdmi.dmt_table import DMT_ROWS

# Larger than any picture of HDMI 2.1 (10240x4320), and what fits the kernel's 16-bit fields.
MAX_SIDE_PX = 16384
MAX_REFRESH_HZ = 1000
# 60 and 59.94 are one mode to a person, and the tables' "56" is 56.25, "72" is 72.81 Hz.
SAME_REFRESH_HZ = Fraction(1)

_MODE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})(i?)(?:@([0-9]{1,4}(?:\.[0-9]{1,6})?)(?:Hz)?(i?))?")
_SHORT = re.compile(r"([0-9]{3,4})([pi])(?:@?([0-9]{1,4}(?:\.[0-9]{1,6})?)(?:Hz)?)?")
_SHORT_WIDTHS = {480: 720, 576: 720, 720: 1280, 1080: 1920, 1440: 2560, 2160: 3840}


@dataclass(frozen=True, slots=True)
class Timing:
    """One frame as it goes over the link, in the kernel's form (struct drm_display_mode).

    Horizontal values are pixels sent, vertical ones lines of a whole frame, also when interlaced.
    """

    width: int
    h_sync_start: int
    h_sync_end: int
    h_total: int
    height: int
    v_sync_start: int
    v_sync_end: int
    v_total: int
    pixel_clock_khz: int
    h_positive: bool
    v_positive: bool
    interlaced: bool = False

    @property
    def refresh_hz(self) -> Fraction:
        """Pictures a second; fields a second when interlaced."""
        per_frame = 2 if self.interlaced else 1
        return Fraction(self.pixel_clock_khz * 1000 * per_frame, self.h_total * self.v_total)

    @property
    def line_rate_hz(self) -> Fraction:
        """Lines a second."""
        return Fraction(self.pixel_clock_khz * 1000, self.h_total)

    @property
    def has_odd_horizontal(self) -> bool:
        """Whether a port of two pixels a clock (Raspberry Pi 4) cannot send it."""
        return any(n % 2 for n in (self.width, self.h_sync_start, self.h_sync_end, self.h_total))


@dataclass(frozen=True, slots=True)
class Mode:
    """A picture: width and height in pixels, rate in Hz (fields when interlaced).

    `repeat` is how often each pixel is sent. `timing` is None when only the picture was asked for.
    """

    width: int
    height: int
    refresh_hz: Fraction
    interlaced: bool = False
    reduced_blanking: bool = False
    aspect: str = ""
    repeat: int = 1
    timing: Timing | None = None

    @property
    def pixel_clock_khz(self) -> int | None:
        """The clock on the link; None without a timing."""
        return self.timing.pixel_clock_khz if self.timing else None

    def __str__(self) -> str:
        """The form parse_mode() reads: `1280x1024@60.02`, `1920x1080i@50`."""
        return f"{kms_name(self)}@{format_hz(self.refresh_hz)}"


class Group(enum.IntEnum):
    """The values of hdmi_group."""

    CEA = 1
    DMT = 2


class Limit(enum.Enum):
    """Where a numbered mode cannot be had."""

    NONE = "everywhere"
    CUSTOM = "a custom mode's number"
    IMPOSSIBLE = "on no Raspberry Pi"
    PI4_ON = "Raspberry Pi 4 and later"
    PI4_OVERCLOCKED = "Raspberry Pi 4 and later, with core_freq_min=600"
    NOT_PI4 = "not on the Raspberry Pi 4"


@dataclass(frozen=True, slots=True)
class NumberedMode:
    """A row of the firmware's tables. `mode` is None for a number that names no fixed mode.

    `repetition` is the table's note: a picture of fewer pixels, each two or four times wide.
    """

    group: Group
    number: int
    mode: Mode | None
    repetition: int = 1
    limit: Limit = Limit.NONE


def parse_mode(text: str) -> Mode:
    """A wanted mode: `1280x1024@60`, `1920x1080i@50`, `1080p`; 60 Hz when no rate is given.

    Raises ValueError in words.
    """
    if match := _MODE.fullmatch(text.strip()):
        width, height = int(match[1]), int(match[2])
        refresh, interlaced = match[4], bool(match[3] or match[5])
    elif (match := _SHORT.fullmatch(text.strip())) and int(match[1]) in _SHORT_WIDTHS:
        height, interlaced, refresh = int(match[1]), match[2] == "i", match[3]
        width = _SHORT_WIDTHS[height]
    else:
        raise ValueError(f'"{text}" is not a mode: write "1280x1024@60" or "1920x1080i@50"')
    if not (1 <= width <= MAX_SIDE_PX and 1 <= height <= MAX_SIDE_PX):
        raise ValueError(f'"{text}" is no size of a picture: a side has 1 to {MAX_SIDE_PX} pixels')
    refresh_hz = Fraction(refresh or 60)
    if not 1 <= refresh_hz <= MAX_REFRESH_HZ:
        raise ValueError(f'"{text}" has no possible rate: it lies between 1 and {MAX_REFRESH_HZ}')
    return Mode(width, height, refresh_hz, interlaced)


def format_hz(refresh_hz: Fraction) -> str:
    """A rate for people: `60`, `59.94`."""
    return f"{float(refresh_hz):.2f}".rstrip("0").rstrip(".")


def kms_name(mode: Mode) -> str:
    """The name in /sys/class/drm/*/modes: `1280x1024`, `1920x1080i`."""
    return f"{mode.width}x{mode.height}{'i' if mode.interlaced else ''}"


def is_same_picture(one: Mode, other: Mode) -> bool:
    """Whether a person would call them one mode: the size, and the rate within a hertz."""
    return (
        (one.width, one.height, one.interlaced) == (other.width, other.height, other.interlaced)
    ) and abs(one.refresh_hz - other.refresh_hz) < SAME_REFRESH_HZ


def nearest(modes: Iterable[Mode], wanted: Mode) -> Mode | None:
    """The likest of `modes`: by size first, then scanning, rate and blanking; None of none."""

    def distance(mode: Mode) -> tuple[int, bool, Fraction, bool]:
        size = abs(mode.width - wanted.width) + abs(mode.height - wanted.height)
        rate = abs(mode.refresh_hz - wanted.refresh_hz)
        blanking = mode.reduced_blanking is not wanted.reduced_blanking
        return size, mode.interlaced is not wanted.interlaced, rate, blanking

    return min(modes, key=distance, default=None)


@functools.cache
def cea_modes() -> tuple[NumberedMode, ...]:
    """hdmi_group=1: 107 rows, hdmi_mode 1 to 107. Their numbers are the VICs, but for 65."""
    return tuple(_cea_mode(row) for row in CEA_ROWS)


@functools.cache
def dmt_modes() -> tuple[NumberedMode, ...]:
    """hdmi_group=2: 86 rows, hdmi_mode 1 to 86. Their numbers are VESA's DMT ids."""
    return tuple(
        NumberedMode(Group.DMT, row[0], mode_of_row(row), 1, _DMT_LIMITS.get(row[0], Limit.NONE))
        for row in DMT_ROWS
    )


def find_numbered_modes(wanted: Mode, group: Group | None = None) -> tuple[NumberedMode, ...]:
    """The rows that show `wanted`, the best first; of `group` only when it is given.

    Best: the rate, the blanking and the aspect asked for, then CEA (which televisions know) before
    DMT, then the lower number. Rows no Raspberry Pi can show are left out.
    """
    found = [
        (row, row.mode)
        for row in (*cea_modes(), *dmt_modes())
        if row.mode is not None
        and is_same_picture(row.mode, wanted)
        and row.limit is not Limit.IMPOSSIBLE
        and group in (None, row.group)
    ]

    def rank(pair: tuple[NumberedMode, Mode]) -> tuple[int, bool, bool, int, int]:
        row, mode = pair
        other_aspect = bool(wanted.aspect) and mode.aspect != wanted.aspect
        half_hertz_off = round(abs(mode.refresh_hz - wanted.refresh_hz) * 2)
        other_blanking = mode.reduced_blanking is not wanted.reduced_blanking
        return half_hertz_off, other_blanking, other_aspect, row.group, row.number

    return tuple(row for row, _ in sorted(found, key=rank))


def find_group_mode(wanted: Mode, group: Group | None = None) -> tuple[int, int] | None:
    """hdmi_group and hdmi_mode of the best row for `wanted`; None when no number fits."""
    for row in find_numbered_modes(wanted, group):
        return int(row.group), row.number
    return None


def mode_of_row(row: Row) -> Mode:
    """The mode a row of the tables describes."""
    (_, width, h_start, h_end, h_total, height, v_start, v_end, v_total, khz, flags, aspect) = row
    interlaced = "i" in flags
    signs = flags[0] == "+", flags[1] == "+"
    horizontal = width, h_start, h_end, h_total
    timing = Timing(*horizontal, height, v_start, v_end, v_total, khz, *signs, interlaced)
    return mode_of_timing(timing, aspect, 2 if "2" in flags else 1, reduced="r" in flags)


def mode_of_timing(
    timing: Timing, aspect: str = "", repeat: int = 1, *, reduced: bool = False
) -> Mode:
    """The picture a timing carries."""
    refresh_hz, width = timing.refresh_hz, timing.width // repeat
    picture = width, timing.height, refresh_hz, timing.interlaced
    return Mode(*picture, reduced, aspect, repeat, timing)


_CUSTOM_CEA = 65
_DMT_LIMITS = {15: Limit.IMPOSSIBLE, 81: Limit.NOT_PI4}
_REPETITIONS = dict.fromkeys((14, 15, 29, 30), 2) | dict.fromkeys(
    (10, 11, 12, 13, 25, 26, 27, 28, 35, 36, 37, 38), 4
)


def _cea_mode(row: Row) -> NumberedMode:
    number = row[0]
    if number == _CUSTOM_CEA:
        return NumberedMode(Group.CEA, number, None, 1, Limit.CUSTOM)
    limit = Limit.NONE if number < _CUSTOM_CEA else Limit.PI4_ON
    if number in (101, 102):
        limit = Limit.PI4_OVERCLOCKED
    return NumberedMode(Group.CEA, number, mode_of_row(row), _REPETITIONS.get(number, 1), limit)

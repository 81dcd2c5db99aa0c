"""The forms in which an EDID names a video mode (PURE).

Sources: VESA E-EDID standard, release A, revision 2, sections 3.8 to 3.10 (established, standard
and detailed timings, CVT codes); CTA-861-H, table 3 (VIC); HDMI 1.4b, table 8-13 (4K formats).
"""

import enum
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from display.hdmi.cea_later_table import CEA_LATER_ROWS
from display.hdmi.cea_table import Row
from display.hdmi.modes import (
    Mode,
    Timing,
    cea_modes,
    dmt_modes,
    is_same_picture,
    mode_of_row,
    mode_of_timing,
)
from display.hdmi.timings import cvt_mode, gtf_mode

DETAILED_BYTES = 18


class Source(enum.Enum):
    """How a display names a mode in its EDID. CEA and HDMI: by a VIC, wherever it stands."""

    ESTABLISHED = "established"
    STANDARD = "standard"
    DETAILED = "detailed"
    CVT = "CVT code"
    CEA = "CEA"
    HDMI = "HDMI"
    DISPLAYID = "DisplayID"


@dataclass(frozen=True, slots=True)
class Offer:
    """A mode a display says it shows. `number` is the VIC or DMT id it was named by, if it was.

    `is_native`: the display's own pixels. `needs_420`: only with colours at half the resolution,
    which no Raspberry Pi sends.
    """

    mode: Mode
    source: Source
    number: int | None = None
    is_native: bool = False
    needs_420: bool = False


class Formula(enum.Enum):
    """How a display wants the timings of standard modes that DMT does not have."""

    NONE = "none"
    GTF = "GTF"
    CVT = "CVT"


def parse_established(bits: bytes) -> Iterator[Offer]:
    """Established timings I and II: bytes 35 to 37 of the base block."""
    for number, entry in enumerate(_ESTABLISHED):
        if bits[number // 8] & 0x80 >> number % 8:
            yield _established(entry)


def parse_established_3(bits: bytes) -> Iterator[Offer]:
    """Established timings III: bytes 6 to 11 of the descriptor 0xF7."""
    for number, dmt in enumerate(_ESTABLISHED_3):
        if bits[number // 8] & 0x80 >> number % 8:
            yield dmt_offer(dmt, Source.ESTABLISHED)


def parse_standard(first: int, second: int, minor: int, formula: Formula) -> Offer | None:
    """Two bytes of a standard timing; None when the place is not used.

    `minor` is the revision of EDID 1: before 3, one of the aspects was 1:1.
    """
    if first <= 1 and second <= 1:
        return None
    width = (first + 31) * 8
    across, down = ((16, 10) if minor >= 3 else (1, 1), (4, 3), (5, 4), (16, 9))[second >> 6]
    height = width * down // across
    wanted = Mode(width, height, Fraction(60 + (second & 0x3F)))
    for row in dmt_modes():
        if row.mode and not row.mode.reduced_blanking and is_same_picture(row.mode, wanted):
            return Offer(row.mode, Source.STANDARD, row.number)
    return Offer(_by_formula(wanted, formula), Source.STANDARD)


def parse_detailed(data: bytes) -> Mode | None:
    """Eighteen bytes of a detailed timing; None when its numbers cannot be a picture's."""
    low = data[:12]
    clock_khz = int.from_bytes(low[:2], "little") * 10
    width, h_blank = low[2] | (low[4] & 0xF0) << 4, low[3] | (low[4] & 0x0F) << 8
    height, v_blank = low[5] | (low[7] & 0xF0) << 4, low[6] | (low[7] & 0x0F) << 8
    h_front, h_sync = low[8] | (low[11] & 0xC0) << 2, low[9] | (low[11] & 0x30) << 4
    v_front = low[10] >> 4 | (low[11] & 0x0C) << 2
    v_sync = low[10] & 0x0F | (low[11] & 0x03) << 4
    # Sync in digital form; only sync on a wire of its own has a vertical polarity.
    flags = data[17]
    h_positive, v_positive = flags & 0x12 == 0x12, flags & 0x1C == 0x1C
    return mode_of_porches(
        clock_khz,
        (width, h_front, h_sync, h_blank),
        (height, v_front, v_sync, v_blank),
        (h_positive, v_positive),
        interlaced=bool(flags & 0x80),
    )


def mode_of_porches(
    clock_khz: int,
    horizontal: tuple[int, int, int, int],
    vertical: tuple[int, int, int, int],
    positive: tuple[bool, bool],
    *,
    interlaced: bool,
) -> Mode | None:
    """A mode of active pixels, front porch, sync and blanking; vertical ones are of a field."""
    width, h_front, h_sync, h_blank = horizontal
    height, v_front, v_sync, v_blank = vertical
    if not (clock_khz and width and height and h_blank and v_blank):
        return None
    per_frame, half_line = (2, 1) if interlaced else (1, 0)
    v_start = (height + v_front) * per_frame
    timing = Timing(
        width,
        width + h_front,
        width + h_front + h_sync,
        width + h_blank,
        height * per_frame,
        v_start,
        v_start + v_sync * per_frame,
        (height + v_blank) * per_frame + half_line,
        clock_khz,
        *positive,
        interlaced,
    )
    return mode_of_timing(timing)


def parse_cvt_code(code: bytes) -> Iterator[Offer]:
    """Three bytes of the descriptor 0xF8: one picture at up to five rates."""
    lines = ((code[1] & 0xF0) << 4 | code[0]) + 1
    height = lines * 2
    across, down = ((4, 3), (16, 9), (16, 10), (15, 9))[code[1] >> 2 & 3]
    width = height * across // down // 8 * 8
    for bit, rate_hz, reduced in ((4, 50, False), (3, 60, False), (2, 75, False), (1, 85, False)):
        if code[2] & 1 << bit:
            yield Offer(_cvt(width, height, rate_hz, reduced), Source.CVT)
    if code[2] & 1:
        yield Offer(_cvt(width, height, 60, True), Source.CVT)


def vic_offer(vic: int, *, is_native: bool = False, needs_420: bool = False) -> Offer | None:
    """The offer of a CTA-861 video format; None for a number without one."""
    mode = _vics().get(vic)
    return None if mode is None else Offer(mode, Source.CEA, vic, is_native, needs_420)


def hdmi_vic_offer(number: int) -> Offer | None:
    """The 4K formats that HDMI 1.4 had numbers of its own for."""
    vic = {1: 95, 2: 94, 3: 93, 4: 98}.get(number)
    return Offer(_vics()[vic], Source.HDMI, vic) if vic else None


def dmt_offer(number: int, source: Source) -> Offer:
    """The offer of a DMT id, 1 to 86. Raises IndexError for another."""
    mode = dmt_modes()[number - 1].mode
    assert mode is not None
    return Offer(mode, source, number)


@functools.cache
def _vics() -> dict[int, Mode]:
    modes = {row.number: row.mode for row in cea_modes() if row.mode is not None}
    later = {row[0]: mode_of_row(row) for row in (*CEA_LATER_ROWS, _VIC_65)}
    return modes | later


def _established(entry: int | Row) -> Offer:
    if isinstance(entry, int):
        return dmt_offer(entry, Source.ESTABLISHED)
    return Offer(mode_of_row(entry), Source.ESTABLISHED)


def _by_formula(wanted: Mode, formula: Formula) -> Mode:
    make = {Formula.GTF: gtf_mode, Formula.CVT: cvt_mode}.get(formula)
    try:
        return make(wanted.width, wanted.height, wanted.refresh_hz) if make else wanted
    except ValueError:
        return wanted


def _cvt(width: int, height: int, rate_hz: int, reduced: bool) -> Mode:
    try:
        return cvt_mode(width, height, Fraction(rate_hz), reduced)
    except ValueError:
        return Mode(width, height, Fraction(rate_hz), reduced_blanking=reduced)


# DMT ids, or rows of timings older than DMT (0: no id), in the order of the bits.
_ESTABLISHED: tuple[int | Row, ...] = (
    (0, 720, 738, 846, 900, 400, 421, 423, 449, 28320, "-+", ""),
    (0, 720, 738, 846, 900, 400, 412, 414, 449, 35500, "-+", ""),
    4,
    (0, 640, 704, 768, 864, 480, 483, 486, 525, 30240, "--", ""),
    *(5, 6, 8, 9, 10, 11),
    (0, 832, 864, 928, 1152, 624, 625, 628, 667, 57284, "--", ""),
    *(15, 16, 17, 18, 36),
    (0, 1152, 1200, 1328, 1456, 870, 873, 876, 915, 100000, "++", ""),
)
_ESTABLISHED_3 = (
    *(1, 2, 3, 7, 14, 12, 19, 21),
    *(22, 23, 24, 25, 32, 33, 35, 37),
    *(39, 46, 47, 48, 49, 41, 42, 43),
    *(44, 57, 58, 59, 60, 51, 52, 53),
    *(54, 55, 62, 63, 65, 66, 68, 69),
    *(70, 71, 73, 74),
)
# The firmware's hdmi_mode 65 is a custom one; the VIC is a format like the others.
_VIC_65: Row = (65, 1280, 3040, 3080, 3300, 720, 725, 730, 750, 59400, "++", "64:27")

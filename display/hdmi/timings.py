"""Timings by formula, for a picture no table has (PURE).

CVT: VESA Coordinated Video Timings 1.1, in whole nanoseconds as Linux's drm_cvt_mode() does, so
that it is what `video=...M` shows. GTF: VESA Generalized Timing Formula, for old displays.
Progressive only: the interlaced formats in use are all in the tables.
"""

from fractions import Fraction

from display.hdmi.modes import Mode, Timing, find_numbered_modes, mode_of_timing

_CELL_PX = 8
_CLOCK_STEP_KHZ = 250
_MIN_PORCH_LINES = 3
_MIN_RB_BACK_PORCH_LINES = 6
_MIN_SYNC_BACK_NS = 550_000
_RB_MIN_BLANK_NS = 460_000
_RB_BLANK_PX = 160
_RB_SYNC_PX = 32
_NS_PER_S = 10**9
# The sync's height tells the aspect: width = height * aspect, without a rest.
_ASPECT_SYNC_LINES = ((4, 3, 4), (16, 9, 5), (16, 10, 6), (5, 4, 7), (15, 9, 7))
_OTHER_SYNC_LINES = 10
# Smaller or taller than this, the formulas leave no time for the lines.
_LEAST_PX = 64


def resolve_mode(wanted: Mode) -> Mode:
    """The mode with a timing: itself, a row of the tables, or by CVT.

    Raises ValueError for an interlaced picture no table has, and for one no formula fits.
    """
    if wanted.timing is not None:
        return wanted
    for row in find_numbered_modes(wanted):
        if row.mode is not None:
            return row.mode
    if wanted.interlaced:
        raise ValueError(f"{wanted} is interlaced and in no table: choose a progressive mode")
    return cvt_mode(wanted.width, wanted.height, wanted.refresh_hz, wanted.reduced_blanking)


def cvt_mode(width: int, height: int, refresh_hz: Fraction, reduced: bool = False) -> Mode:
    """The mode of a picture by CVT, with reduced blanking (version 1) when `reduced`.

    The rate is rounded to whole hertz, as on the kernel's command line. A width which is no
    multiple of 8 stays as it is (the kernel rounds it down). Raises ValueError for no such timing.
    """
    rate_hz = round(refresh_hz)
    _require_formula(width, height, rate_hz)
    sync = _sync_lines(width, height)
    if reduced:
        return mode_of_timing(_cvt_reduced(width, height, rate_hz, sync), reduced=True)
    return mode_of_timing(_cvt_normal(width, height, rate_hz, sync))


def gtf_mode(width: int, height: int, refresh_hz: Fraction) -> Mode:
    """The mode of a picture by GTF's default curve. Raises ValueError for no such timing."""
    _require_formula(width, height, refresh_hz)
    line_us = (10**6 / refresh_hz - 550) / (height + 1)
    v_total = height + round(550 / line_us) + 1
    line_us = 10**6 / refresh_hz / v_total
    blank_share = 30 - Fraction(300, 1000) * line_us
    blank = round(width * blank_share / (100 - blank_share) / (2 * _CELL_PX)) * 2 * _CELL_PX
    h_total = width + blank
    sync_px = round(Fraction(8, 100) * h_total / _CELL_PX) * _CELL_PX
    h_end = width + blank // 2
    clock_khz = round(1000 * h_total / line_us)
    horizontal = width, h_end - sync_px, h_end, h_total
    return mode_of_timing(
        Timing(*horizontal, height, height + 1, height + 4, v_total, clock_khz, False, True)
    )


def _require_formula(width: int, height: int, rate_hz: Fraction | int) -> None:
    frame_ns = _NS_PER_S / rate_hz if rate_hz else 0
    if min(width, height) < _LEAST_PX or frame_ns < 2 * _MIN_SYNC_BACK_NS:
        raise ValueError(f"{width}x{height} at {float(rate_hz):g} Hz: no formula gives its timing")


def _sync_lines(width: int, height: int) -> int:
    for across, down, lines in _ASPECT_SYNC_LINES:
        if height % down == 0 and height * across == width * down:
            return lines
    return _OTHER_SYNC_LINES


def _cvt_normal(width: int, height: int, rate_hz: int, sync: int) -> Timing:
    lines = height + _MIN_PORCH_LINES
    line_ns = (_NS_PER_S - _MIN_SYNC_BACK_NS * rate_hz) // (lines * rate_hz)
    sync_back = max(_MIN_SYNC_BACK_NS // line_ns + 1, sync + _MIN_PORCH_LINES)
    # Thousandths of a percent of the line that are blank, at least a fifth.
    blank_share = max(30_000 - 300 * line_ns // 1000, 20_000)
    blank = width * blank_share // (100_000 - blank_share)
    blank -= blank % (2 * _CELL_PX)
    h_total = width + blank
    h_end = width + blank // 2
    h_start = h_end - h_total * 8 // 100
    h_start += _CELL_PX - h_start % _CELL_PX
    v_end = lines + sync
    clock_khz = _stepped_khz(h_total, line_ns)
    horizontal = width, h_start, h_end, h_total
    return Timing(*horizontal, height, lines, v_end, lines + sync_back, clock_khz, False, True)


def _cvt_reduced(width: int, height: int, rate_hz: int, sync: int) -> Timing:
    line_ns = (_NS_PER_S - _RB_MIN_BLANK_NS * rate_hz) // (height * rate_hz)
    least = _MIN_PORCH_LINES + sync + _MIN_RB_BACK_PORCH_LINES
    blank_lines = max(_RB_MIN_BLANK_NS // line_ns + 1, least)
    h_total = width + _RB_BLANK_PX
    h_end = width + _RB_BLANK_PX // 2
    v_start = height + _MIN_PORCH_LINES
    clock_khz = _stepped_khz(h_total, line_ns)
    horizontal = width, h_end - _RB_SYNC_PX, h_end, h_total
    vertical = height, v_start, v_start + sync, height + blank_lines
    return Timing(*horizontal, *vertical, clock_khz, True, False)


def _stepped_khz(h_total: int, line_ns: int) -> int:
    clock_khz = h_total * 10**6 // line_ns
    return clock_khz - clock_khz % _CLOCK_STEP_KHZ

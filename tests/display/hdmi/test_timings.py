from fractions import Fraction

import pytest

from display.hdmi.modes import Mode, Timing, dmt_modes, find_group_mode, parse_mode
from display.hdmi.timings import cvt_mode, gtf_mode, resolve_mode

# As printed by `cvt [-r] W H R` (xcvt 0.1.2): the clock in MHz, then the modeline.
CVT = [
    ("640x480@60", "", "23.75 640 664 720 800 480 483 487 500"),
    ("800x480@60", "", "29.50 800 824 896 992 480 483 493 500"),
    ("800x600@60", "", "38.25 800 832 912 1024 600 603 607 624"),
    ("1024x600@60", "", "49.00 1024 1072 1168 1312 600 603 613 624"),
    ("1024x768@75", "", "82.00 1024 1088 1192 1360 768 771 775 805"),
    ("1280x720@60", "", "74.50 1280 1344 1472 1664 720 723 728 748"),
    ("1280x720@50", "", "60.50 1280 1328 1456 1632 720 723 728 744"),
    ("1280x768@60", "", "79.50 1280 1344 1472 1664 768 771 781 798"),
    ("1280x1024@60", "", "109.00 1280 1368 1496 1712 1024 1027 1034 1063"),
    ("1680x1050@85", "", "214.75 1680 1808 1984 2288 1050 1053 1059 1105"),
    ("1920x1080@24", "", "63.00 1920 1976 2160 2400 1080 1083 1088 1098"),
    ("2560x1080@60", "", "230.00 2560 2720 2992 3424 1080 1083 1093 1120"),
    ("3840x2160@30", "", "338.75 3840 4080 4488 5136 2160 2163 2168 2200"),
    ("480x800@60", "", "31.00 480 504 552 624 800 803 813 831"),
    ("800x480@60", "-r", "28.25 800 848 880 960 480 483 493 499"),
    ("1280x1024@60", "-r", "90.75 1280 1328 1360 1440 1024 1027 1034 1054"),
    ("1920x1080@60", "-r", "138.50 1920 1968 2000 2080 1080 1083 1088 1111"),
    ("1920x1200@60", "-r", "154.00 1920 1968 2000 2080 1200 1203 1209 1235"),
    ("2560x1440@60", "-r", "241.50 2560 2608 2640 2720 1440 1443 1448 1481"),
    ("3840x2160@60", "-r", "533.00 3840 3888 3920 4000 2160 2163 2168 2222"),
]
# As printed by `edid-decode --gtf w=W,h=H,fps=R -X`.
GTF = [
    ("640x480@60", "23.86 640 656 720 800 480 481 484 497"),
    ("832x624@75", "53.20 832 872 960 1088 624 625 628 652"),
    ("1024x768@70", "76.16 1024 1080 1192 1360 768 769 772 800"),
    ("1280x1024@60", "108.88 1280 1360 1496 1712 1024 1025 1028 1060"),
    ("1920x1080@50", "141.45 1920 2032 2232 2544 1080 1081 1084 1112"),
]


def modeline(timing: Timing | None) -> str:
    assert timing is not None
    horizontal = timing.width, timing.h_sync_start, timing.h_sync_end, timing.h_total
    vertical = timing.height, timing.v_sync_start, timing.v_sync_end, timing.v_total
    clock = f"{timing.pixel_clock_khz / 1000:.2f}"
    return " ".join((clock, *map(str, horizontal), *map(str, vertical)))


@pytest.mark.parametrize(("text", "flag", "line"), CVT, ids=[c[0] + c[1] for c in CVT])
def test_cvt_computes_what_the_tool_prints(text: str, flag: str, line: str) -> None:
    wanted = parse_mode(text)
    mode = cvt_mode(wanted.width, wanted.height, wanted.refresh_hz, reduced=flag == "-r")
    assert modeline(mode.timing) == line
    assert mode.reduced_blanking is (flag == "-r")


@pytest.mark.parametrize(("text", "line"), GTF, ids=[g[0] for g in GTF])
def test_gtf_computes_what_edid_decode_prints(text: str, line: str) -> None:
    wanted = parse_mode(text)
    assert modeline(gtf_mode(wanted.width, wanted.height, wanted.refresh_hz).timing) == line


@pytest.mark.parametrize("number", [27, 28, 41, 42, 46, 57, 58, 68, 69, 76])
def test_cvt_computes_the_monitor_timings_made_by_it(number: int) -> None:
    row = dmt_modes()[number - 1].mode
    assert row is not None
    rate_hz = Fraction(round(row.refresh_hz / 5) * 5)
    mode = cvt_mode(row.width, row.height, rate_hz, row.reduced_blanking)
    assert mode.timing == row.timing


@pytest.mark.parametrize(
    "mode",
    [Mode(8, 8, Fraction(60)), Mode(640, 480, Fraction(0)), Mode(640, 480, Fraction(950))],
    ids=str,
)
def test_a_picture_no_formula_fits_is_refused(mode: Mode) -> None:
    for formula in (cvt_mode, gtf_mode):
        with pytest.raises(ValueError, match="no formula"):
            formula(mode.width, mode.height, mode.refresh_hz)


def test_a_wanted_mode_gets_the_tables_timing_first() -> None:
    resolved = resolve_mode(parse_mode("1280x1024@60"))
    assert resolved == dmt_modes()[34].mode
    assert resolve_mode(resolved) is resolved


def test_a_wanted_mode_in_no_table_is_computed() -> None:
    wanted = parse_mode("800x480@60")
    assert find_group_mode(wanted) is None
    assert resolve_mode(wanted).pixel_clock_khz == 29_500


def test_an_interlaced_mode_in_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match="interlaced"):
        resolve_mode(parse_mode("800x480i@60"))

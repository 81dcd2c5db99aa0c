from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.hdmi.modes import (
    Group,
    Limit,
    Mode,
    NumberedMode,
    cea_modes,
    dmt_modes,
    find_group_mode,
    find_numbered_modes,
    kms_name,
    nearest,
    parse_mode,
)

# The firmware's documentation, number by number: lines, rate and aspect; "x" where it is custom.
# (It prints 2560x720 for 86 to 92; CTA-861 has 2560x1080 there.)
CEA_TEXT = """
480p60/4:3 480p60/4:3 480p60/16:9 720p60/16:9 1080i60/16:9 480i60/4:3 480i60/16:9 240p60/4:3
240p60/16:9 480i60/4:3/4 480i60/16:9/4 240p60/4:3/4 240p60/16:9/4 480p60/4:3/2 480p60/16:9/2
1080p60/16:9 576p50/4:3 576p50/16:9 720p50/16:9 1080i50/16:9 576i50/4:3 576i50/16:9 288p50/4:3
288p50/16:9 576i50/4:3/4 576i50/16:9/4 288p50/4:3/4 288p50/16:9/4 576p50/4:3/2 576p50/16:9/2
1080p50/16:9 1080p24/16:9 1080p25/16:9 1080p30/16:9 480p60/4:3/4 480p60/16:9/4 576p50/4:3/4
576p50/16:9/4 1080i50/16:9 1080i100/16:9 720p100/16:9 576p100/4:3 576p100/16:9 576i100/4:3
576i100/16:9 1080i120/16:9 720p120/16:9 480p120/4:3 480p120/16:9 480i120/4:3 480i120/16:9
576p200/4:3 576p200/16:9 576i200/4:3 576i200/16:9 480p240/4:3 480p240/16:9 480i240/4:3
480i240/16:9 720p24/16:9 720p25/16:9 720p30/16:9 1080p120/16:9 1080p100/16:9 x
720p25/64:27 720p30/64:27 720p50/64:27 720p60/64:27 720p100/64:27 720p120/64:27 1080p24/64:27
1080p25/64:27 1080p30/64:27 1080p50/64:27 1080p60/64:27 1080p100/64:27 1080p120/64:27
1680x720p24/64:27 1680x720p25/64:27 1680x720p30/64:27 1680x720p50/64:27 1680x720p60/64:27
1680x720p100/64:27 1680x720p120/64:27 2560x1080p24/64:27 2560x1080p25/64:27 2560x1080p30/64:27
2560x1080p50/64:27 2560x1080p60/64:27 2560x1080p100/64:27 2560x1080p120/64:27 2160p24/16:9
2160p25/16:9 2160p30/16:9 2160p50/16:9 2160p60/16:9 4096x2160p24/256:135 4096x2160p25/256:135
4096x2160p30/256:135 4096x2160p50/256:135 4096x2160p60/256:135 2160p24/64:27 2160p25/64:27
2160p30/64:27 2160p50/64:27 2160p60/64:27
"""
DMT_TEXT = """
640x350@85 640x400@85 720x400@85 640x480@60 640x480@72 640x480@75 640x480@85 800x600@56 800x600@60
800x600@72 800x600@75 800x600@85 800x600@120 848x480@60 1024x768@43 1024x768@60 1024x768@70
1024x768@75 1024x768@85 1024x768@120 1152x864@75 1280x768@60 1280x768@60 1280x768@75 1280x768@85
1280x768@120 1280x800@60 1280x800@60 1280x800@75 1280x800@85 1280x800@120 1280x960@60 1280x960@85
1280x960@120 1280x1024@60 1280x1024@75 1280x1024@85 1280x1024@120 1360x768@60 1360x768@120
1400x1050@60 1400x1050@60 1400x1050@75 1400x1050@85 1400x1050@120 1440x900@60 1440x900@60
1440x900@75 1440x900@85 1440x900@120 1600x1200@60 1600x1200@65 1600x1200@70 1600x1200@75
1600x1200@85 1600x1200@120 1680x1050@60 1680x1050@60 1680x1050@75 1680x1050@85 1680x1050@120
1792x1344@60 1792x1344@75 1792x1344@120 1856x1392@60 1856x1392@75 1856x1392@120 1920x1200@60
1920x1200@60 1920x1200@75 1920x1200@85 1920x1200@120 1920x1440@60 1920x1440@75 1920x1440@120
2560x1600@60 2560x1600@60 2560x1600@75 2560x1600@85 2560x1600@120 1366x768@60 1920x1080@60
1600x900@60 2048x1152@60 1280x720@60 1366x768@60
"""
CEA_DOCUMENTED, DMT_DOCUMENTED = CEA_TEXT.split(), DMT_TEXT.split()
# The documentation leaves out 13 and 20, which are reduced too.
DMT_REDUCED = {13, 20, 22, 26, 27, 31, 34, 38, 40, 41, 45, 46, 50, 56, 57, 61, 64, 67, 68, 72, 75}
DMT_REDUCED |= {76, 80, 83, 84, 86}
# What a Raspberry Pi once said of a monitor of 1280x1024 (`tvservice -m DMT`).
OLD_MONITOR = {
    4: "640x480 @ 60Hz, progressive",
    5: "640x480 @ 72Hz, progressive",
    6: "640x480 @ 75Hz, progressive",
    8: "800x600 @ 56Hz, progressive",
    9: "800x600 @ 60Hz, progressive",
    10: "800x600 @ 72Hz, progressive",
    11: "800x600 @ 75Hz, progressive",
    16: "1024x768 @ 60Hz, progressive",
    17: "1024x768 @ 70Hz, progressive",
    18: "1024x768 @ 75Hz, progressive",
    21: "1152x864 @ 75Hz, progressive",
    35: "1280x1024 @ 60Hz, progressive",
    36: "1280x1024 @ 75Hz, progressive",
}


def documented(row: NumberedMode) -> str:
    mode = row.mode
    if mode is None:
        return "x"
    wide = mode.width in (1680, 2560, 4096)
    lines = f"{mode.width}x{mode.height}" if wide else f"{mode.height}"
    repeated = f"/{row.repetition}" if row.repetition > 1 else ""
    scan = "i" if mode.interlaced else "p"
    return f"{lines}{scan}{round(mode.refresh_hz)}/{mode.aspect}{repeated}"


@pytest.mark.parametrize("number", range(1, 108))
def test_each_cea_row_is_the_documented_one(number: int) -> None:
    row = cea_modes()[number - 1]
    assert (row.group, row.number) == (Group.CEA, number)
    assert documented(row) == CEA_DOCUMENTED[number - 1]


@pytest.mark.parametrize("number", range(1, 87))
def test_each_dmt_row_is_the_documented_one(number: int) -> None:
    row = dmt_modes()[number - 1]
    assert (row.group, row.number) == (Group.DMT, number)
    assert row.mode is not None
    size, _, rate = DMT_DOCUMENTED[number - 1].partition("@")
    assert f"{row.mode.width}x{row.mode.height}" == size
    pictures = row.mode.refresh_hz / (2 if row.mode.interlaced else 1)
    assert abs(pictures - int(rate)) < 1
    assert row.mode.reduced_blanking is (number in DMT_REDUCED)


def test_the_tables_have_107_and_86_rows() -> None:
    assert len(cea_modes()) == len(CEA_DOCUMENTED) == 107
    assert len(dmt_modes()) == len(DMT_DOCUMENTED) == 86


def test_an_old_listing_agrees_with_the_table() -> None:
    for number, line in OLD_MONITOR.items():
        mode = dmt_modes()[number - 1].mode
        assert mode is not None
        size, _, rate = line.removesuffix("Hz, progressive").partition(" @ ")
        assert kms_name(mode) == size
        assert abs(mode.refresh_hz - int(rate)) < 1


def test_each_timing_stands_in_order_and_carries_its_picture() -> None:
    for row in (*cea_modes(), *dmt_modes()):
        if row.mode is None:
            continue
        timing = row.mode.timing
        assert timing is not None
        assert timing.width == row.mode.width * row.mode.repeat
        assert timing.width < timing.h_sync_start < timing.h_sync_end < timing.h_total
        assert timing.height <= timing.v_sync_start < timing.v_sync_end < timing.v_total
        assert timing.refresh_hz == row.mode.refresh_hz


@pytest.mark.parametrize(
    ("group", "number", "limit"),
    [
        (Group.DMT, 15, Limit.IMPOSSIBLE),
        (Group.DMT, 81, Limit.NOT_PI4),
        (Group.DMT, 86, Limit.NONE),
        (Group.CEA, 64, Limit.NONE),
        (Group.CEA, 65, Limit.CUSTOM),
        (Group.CEA, 66, Limit.PI4_ON),
        (Group.CEA, 102, Limit.PI4_OVERCLOCKED),
        (Group.CEA, 107, Limit.PI4_ON),
    ],
)
def test_a_row_says_where_it_cannot_be_had(group: Group, number: int, limit: Limit) -> None:
    rows = cea_modes() if group is Group.CEA else dmt_modes()
    assert rows[number - 1].limit is limit


def test_only_dmt_81_of_the_monitors_has_odd_widths_a_pi4_cannot_send() -> None:
    modes = [(row.number, row.mode) for row in dmt_modes()]
    timings = [(number, mode.timing) for number, mode in modes if mode is not None]
    assert [number for number, timing in timings if timing and timing.has_odd_horizontal] == [81]


WRITTEN = [
    ("1280x1024@60", 1280, 1024, Fraction(60), False),
    ("1920x1080@59.94", 1920, 1080, Fraction("59.94"), False),
    ("1920x1080i@50", 1920, 1080, Fraction(50), True),
    ("1920x1080@50i", 1920, 1080, Fraction(50), True),
    ("1080i@50", 1920, 1080, Fraction(50), True),
    ("720p60", 1280, 720, Fraction(60), False),
    ("2160p", 3840, 2160, Fraction(60), False),
    ("800x480", 800, 480, Fraction(60), False),
    (" 640x480@72Hz ", 640, 480, Fraction(72), False),
]


@pytest.mark.parametrize(
    ("text", "width", "height", "refresh_hz", "interlaced"), WRITTEN, ids=[w[0] for w in WRITTEN]
)
def test_a_mode_is_read_as_people_write_it(
    text: str, width: int, height: int, refresh_hz: Fraction, interlaced: bool
) -> None:
    assert parse_mode(text) == Mode(width, height, refresh_hz, interlaced)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1280",
        "1280x",
        "0x0@60",
        "99999x10@60",
        "640x480@0",
        "640x480@1001",
        "640x480@6x",
        "333p",
    ],
)
def test_what_is_no_mode_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a mode|no size|no possible rate"):
        parse_mode(text)


@given(st.integers(1, 16384), st.integers(1, 16384), st.integers(100, 99999), st.booleans())
def test_a_mode_reads_back_as_it_was_written(
    width: int, height: int, centihertz: int, interlaced: bool
) -> None:
    mode = Mode(width, height, Fraction(centihertz, 100), interlaced)
    assert parse_mode(str(mode)) == mode


@pytest.mark.parametrize(
    ("text", "best", "monitor"),
    [
        ("1280x1024@60", (2, 35), (2, 35)),
        ("640x480@72", (2, 5), (2, 5)),
        ("800x600@56", (2, 8), (2, 8)),
        ("1920x1080@60", (1, 16), (2, 82)),
        ("1920x1080@59.94", (1, 16), (2, 82)),
        ("1920x1080i@50", (1, 20), None),
        ("1280x720@60", (1, 4), (2, 85)),
        ("1366x768@60", (2, 81), (2, 81)),
        ("1024x768i@87", None, None),
        ("3840x2160@30", (1, 95), None),
        ("1280x768@60", (2, 23), (2, 23)),
        ("800x480@60", None, None),
        ("1280x1024@50", None, None),
    ],
)
def test_a_mode_finds_its_number(
    text: str, best: tuple[int, int] | None, monitor: tuple[int, int] | None
) -> None:
    assert find_group_mode(parse_mode(text)) == best
    assert find_group_mode(parse_mode(text), Group.DMT) == monitor


def test_aspect_and_blanking_choose_among_rows_of_one_size() -> None:
    wide = Mode(720, 480, Fraction(60), aspect="16:9")
    assert find_group_mode(wide) == (1, 3)
    reduced = Mode(1680, 1050, Fraction(60), reduced_blanking=True)
    assert find_group_mode(reduced) == (2, 57)
    assert [row.number for row in find_numbered_modes(parse_mode("1680x1050@60"))] == [58, 57]


@pytest.mark.parametrize(
    "row", [row for row in (*cea_modes(), *dmt_modes()) if row.mode], ids=lambda row: str(row.mode)
)
def test_each_row_finds_itself_among_its_equals(row: NumberedMode) -> None:
    assert row.mode is not None
    found = find_numbered_modes(row.mode, row.group)
    assert row in found or row.limit is Limit.IMPOSSIBLE


def test_the_nearest_mode_is_near_by_size_first() -> None:
    modes = [parse_mode(text) for text in ("1024x768@60", "1280x1024@75", "1280x1024@60")]
    assert nearest(modes, parse_mode("1280x1000@61")) == parse_mode("1280x1024@60")
    assert nearest([], parse_mode("640x480")) is None

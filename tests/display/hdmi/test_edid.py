"""EDIDs: what displays say, against `edid-decode`, the tool of the kernel's own people."""

import re
import subprocess
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from display.hdmi.cea_later_table import CEA_LATER_ROWS
from display.hdmi.edid import BLOCK_BYTES, Display, parse_edid
from display.hdmi.edid_file import encode_edid
from display.hdmi.modes import Group, Mode, Timing, cea_modes, dmt_modes, mode_of_row, parse_mode
from display.hdmi.timings import resolve_mode
from tests.support import edids

LINE = re.compile(
    r"^\s+[\w #-]+?(?: \d+| 0x\w\w)?:\s+(\d+)x(\d+)(i?)\s+[\d.]+ Hz\s+\S+\s+[\d.]+ kHz\s+([\d.]+) MHz.*\n"
    r"\s+Hfront\s+(-?\d+) Hsync\s+(\d+) Hback\s+(-?\d+) Hpol (.)(?: Hborder (\d+))?.*\n"
    r"\s+Vfront\s+(-?\d+) Vsync\s+(\d+) Vback\s+(-?\d+)(?: Vpol (.))?(?: Vborder (\d+))?",
    re.MULTILINE,
)
# Size, scanning, kHz, then porches and polarity across and (of a progressive picture) down.
Numbers = tuple[object, ...]


def run(data: bytes, *options: str) -> str:
    done = subprocess.run(
        ["edid-decode", *options, "-s", "-"],
        input=data,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace")


def decoded(data: bytes) -> list[Numbers]:
    """The timings edid-decode sees."""
    return timings_of(run(data, "-L"))


def timings_of(text: str) -> list[Numbers]:
    """It counts borders apart, we as part of the porches."""
    found: list[Numbers] = []
    for match in LINE.finditer(text):
        width, height, i, mhz, *rest = match.groups()
        h_front, h_sync, h_back, h_pol, h_border, v_front, v_sync, v_back, v_pol, v_border = rest
        across, down = int(h_border or 0), int(v_border or 0)
        horizontal = int(h_front) + across, int(h_sync), int(h_back) + across, h_pol
        vertical = int(v_front) + down, int(v_sync), int(v_back) + down, v_pol
        size = int(width), int(height), bool(i), round(float(mhz) * 1000)
        found.append((*size, *horizontal, *(() if i else vertical)))
    return found


def numbers(timing: Timing) -> Numbers:
    horizontal = (
        timing.h_sync_start - timing.width,
        timing.h_sync_end - timing.h_sync_start,
        timing.h_total - timing.h_sync_end,
        "P" if timing.h_positive else "N",
    )
    vertical = (
        timing.v_sync_start - timing.height,
        timing.v_sync_end - timing.v_sync_start,
        timing.v_total - timing.v_sync_end,
        "P" if timing.v_positive else "N",
    )
    size = timing.width, timing.height, timing.interlaced, timing.pixel_clock_khz
    return (*size, *horizontal, *(() if timing.interlaced else vertical))


def ours(display: Display) -> list[Numbers]:
    return [numbers(offer.mode.timing) for offer in display.offers if offer.mode.timing]


def test_there_is_an_edid_decode_to_compare_with() -> None:
    assert len(decoded(edids.OLD_MONITOR)) == 14


@pytest.mark.parametrize("data", edids.ALL.values(), ids=edids.ALL)
def test_the_timings_are_those_edid_decode_sees(data: bytes) -> None:
    assert sorted(map(str, ours(parse_edid(data)))) == sorted(map(str, decoded(data)))


@pytest.mark.parametrize("data", edids.ALL.values(), ids=edids.ALL)
def test_maker_names_and_versions_are_those_edid_decode_sees(data: bytes) -> None:
    display, text = parse_edid(data), run(data)
    assert f"Manufacturer: {display.maker}\n" in text
    assert f"Model: {display.product}\n" in text
    assert f"Display Product Name: '{display.name}'\n" in text
    assert f"EDID Structure Version & Revision: {display.version}\n" in text
    assert (f"Maximum TMDS clock: {(display.max_tmds_khz or 0) // 1000} MHz" in text) is bool(
        display.max_tmds_khz
    )


@pytest.mark.parametrize("data", edids.ALL.values(), ids=edids.ALL)
def test_the_preferred_mode_is_the_one_edid_decode_sees(data: bytes) -> None:
    preferred = parse_edid(data).preferred
    assert preferred is not None
    assert preferred.timing is not None
    first = run(data, "-p", "-L").partition("Preferred Video Timing")[2]
    assert numbers(preferred.timing) == next(
        (numbers_of for numbers_of in decoded(data) if numbers_of[:4] == size(first)), None
    )


def size(text: str) -> Numbers:
    match = re.search(r"(\d+)x(\d+)(i?)\s+[\d.]+ Hz.*?([\d.]+) MHz", text)
    assert match is not None
    return int(match[1]), int(match[2]), bool(match[3]), round(float(match[4]) * 1000)


@pytest.mark.parametrize("group", Group)
def test_the_tables_are_those_edid_decode_has(group: Group) -> None:
    option = "--list-vics" if group is Group.CEA else "--list-dmts"
    done = subprocess.run(
        ["edid-decode", "-L", option], capture_output=True, text=True, timeout=30, check=True
    )
    ids = re.findall(r"^(?:VIC +(\d+)|DMT (0x..)):", done.stdout, re.MULTILINE)
    timings = timings_of(re.sub(r"^(?=VIC|DMT)", " ", done.stdout, flags=re.MULTILINE))
    listed = {int(vic or dmt, 0): each for (vic, dmt), each in zip(ids, timings, strict=True)}
    rows = cea_modes() if group is Group.CEA else dmt_modes()
    known = {row.number: numbers(row.mode.timing) for row in rows if row.mode and row.mode.timing}
    if group is Group.CEA:
        later = {row[0]: mode_of_row(row).timing for row in CEA_LATER_ROWS}
        known |= {number: numbers(timing) for number, timing in later.items() if timing}
        assert listed.pop(65) == numbers(CUSTOM)
        assert known.keys() == listed.keys()
    assert {number: listed[number] for number in known} == known


# The format that hdmi_mode 65, a custom one, is the number of.
CUSTOM = Timing(1280, 3040, 3080, 3300, 720, 725, 730, 750, 59400, True, True)


def test_the_old_monitor_offers_the_modes_a_pi_once_listed() -> None:
    named = {offer.number for offer in parse_edid(edids.OLD_MONITOR).offers if offer.number}
    assert named == {4, 5, 6, 8, 9, 10, 11, 16, 17, 18, 21, 35, 36}


def test_the_old_monitor_is_a_dvi_one_with_a_name() -> None:
    display = parse_edid(edids.OLD_MONITOR)
    assert (display.filter_name, display.serial) == ("ACR-Acer_AL1715", "L480C")
    assert (display.is_hdmi, display.has_audio, display.size_cm) == (False, False, (38, 30))
    assert (display.native, display.year, display.problems) == ((1280, 1024), 2012, ())


def test_a_television_has_sound_and_formats_that_no_pi_sends() -> None:
    display = parse_edid(edids.TELEVISION)
    assert (display.is_hdmi, display.has_audio, display.max_tmds_khz) == (True, True, 225_000)
    assert [offer.number for offer in display.offers if offer.needs_420] == [96, 97]
    assert [offer.number for offer in display.offers if offer.is_native and offer.number] == [16]
    sent = {(mode.width, mode.height, round(mode.refresh_hz)) for mode in display.modes}
    assert (3840, 2160, 30) in sent
    assert (3840, 2160, 60) not in sent


FAULTS = [
    (b"", "at least 128 bytes, here are 0"),
    (edids.OLD_MONITOR[:127], "at least 128 bytes, here are 127"),
    (bytes(128), "does not begin as an EDID does"),
]


@pytest.mark.parametrize(("data", "words"), FAULTS)
def test_what_is_no_edid_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_edid(data)


PROBLEMS = [
    ("a wrong checksum", edids.OLD_MONITOR[:127] + b"\0", "the checksum of block 0 is wrong"),
    ("half an extension", edids.TELEVISION[:200], "block 1 is cut off"),
    ("no extension", edids.TELEVISION[:128], "1 extensions are announced, 0 are there"),
    (
        "an unknown extension",
        edids.TELEVISION[:128] + edids.checked(b"\x40" + bytes(126)),
        "an extension 0x40 is not understood",
    ),
]


@pytest.mark.parametrize(
    ("data", "problem"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS]
)
def test_a_damaged_edid_is_read_as_far_as_it_goes(data: bytes, problem: str) -> None:
    display = parse_edid(data)
    assert problem in display.problems
    assert display.preferred is not None


@given(
    st.binary(min_size=120, max_size=384),
    st.sampled_from(list(edids.ALL)).map(edids.ALL.__getitem__),
)
@example(b"\xff" * 384, edids.WIDE_MONITOR)
def test_no_bytes_break_the_parser(noise: bytes, good: bytes) -> None:
    for data in (noise, good[:8] + noise, good[:128] + noise, good[:132] + noise):
        try:
            display = parse_edid(data)
        except ValueError:
            continue
        assert all(str(mode) for mode in display.modes)


MODES = [row.mode for row in (*cea_modes(), *dmt_modes()) if row.mode]
PROGRESSIVE = [
    mode
    for mode in MODES
    if mode.timing
    and not mode.interlaced
    and max(mode.timing.width, mode.timing.h_total - mode.timing.width) < 4096
    and mode.timing.h_sync_start - mode.timing.width < 1024
]
DETAILS = st.integers(0, len(PROGRESSIVE) - 1).map(lambda n: edids.detailed(PROGRESSIVE[n]))
SHAPED = st.builds(
    lambda details, established, standard, vics, more, minor: (
        edids.base(
            [*details, edids.text(0xFC, "made up")],
            established=established,
            standard=bytes(byte for pair in standard for byte in pair),
            minor=minor,
            features=0x0B,
            extensions=1,
        )
        + edids.cta(
            edids.data_block(2, bytes(vics)) + edids.data_block(3, edids.HDMI_VENDOR),
            more,
        )
    ),
    st.lists(DETAILS, min_size=1, max_size=3),
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.sampled_from([0, 0x80])).map(bytes),
    st.lists(st.tuples(st.integers(2, 255), st.integers(0, 255)), max_size=8),
    st.lists(st.one_of(st.integers(1, 127), st.integers(193, 219)), max_size=20, unique=True),
    st.lists(DETAILS, max_size=2),
    st.sampled_from([3, 4]),
)


@settings(max_examples=60, deadline=None)
@given(SHAPED)
def test_made_up_displays_are_read_as_edid_decode_reads_them(data: bytes) -> None:
    """All but the rates formulas come to, where a hundredth of a hertz may be another line."""
    seen, found = decoded(data), ours(parse_edid(data))
    by_formula = re.findall(r"^\s+(?:GTF|CVT)\s*:", run(data, "-L"), re.MULTILINE)
    exact = {str(entry) for entry in found} & {str(entry) for entry in seen}
    assert len(found) == len(seen)
    assert len({str(entry) for entry in seen} - exact) <= len(by_formula)


@pytest.mark.parametrize("text", ["1280x1024@60", "1920x1080@60", "800x480@60", "3840x2160@30"])
def test_an_edid_of_ours_is_a_good_one_and_prefers_its_mode(text: str) -> None:
    mode = resolve_mode(parse_mode(text))
    data = encode_edid(mode)
    assert len(data) == BLOCK_BYTES
    display = parse_edid(data)
    assert display.problems == ()
    assert display.preferred is not None
    assert display.preferred.timing == mode.timing
    assert "EDID conformity: PASS" in run(data, "-c")


@pytest.mark.parametrize(
    "mode",
    [
        Mode(640, 480, Fraction(60)),
        resolve_mode(parse_mode("4096x2160@30")),
        resolve_mode(parse_mode("1920x1080i@50")),
    ],
    ids=["no timing", "too wide", "interlaced"],
)
def test_a_mode_that_fits_in_no_edid_is_refused(mode: Mode) -> None:
    with pytest.raises(ValueError, match=r"timing|too large"):
        encode_edid(mode)

"""Which mode a wish comes to on each model, and why some cannot be."""

import pytest

from display.hdmi.choice import choose_mode, row_fault
from display.hdmi.config_filters import Board
from display.hdmi.edid import parse_edid
from display.hdmi.errors import HdmiError, RefusedError
from display.hdmi.models import MODELS, UNKNOWN
from display.hdmi.modes import cea_modes, dmt_modes, parse_mode
from display.hdmi.situation import Driver, Port, Situation
from tests.support import edids


def situation(
    model: str = "pi4",
    driver: Driver = Driver.FIRMWARE,
    edid: bytes | None = None,
    config: bytes = b"",
) -> Situation:
    ports = () if edid is None else (Port(0, True, parse_edid(edid)),)
    board = Board(MODELS.get(model, UNKNOWN))
    return Situation(board, driver, {"config.txt": config}, ports)


# Model, wish, hdmi_group and hdmi_mode (None: no number fits), clock of the link in kHz.
CHOSEN = [
    ("pi4", "1280x1024@60", (2, 35), 108_000),
    ("pi1", "1280x1024@60", (2, 35), 108_000),
    ("pi4", "1920x1080@60", (1, 16), 148_500),
    ("pi4", "1920x1080i@50", (1, 20), 74_250),
    ("pi3", "1366x768@60", (2, 81), 85_500),
    ("pi4", "1366x768@60", (2, 86), 72_000),
    ("pi3", "1920x1200@60", (2, 68), 154_000),
    ("pi4", "1920x1200@60", (2, 69), 193_250),
    ("pi4", "3840x2160@60", (1, 97), 594_000),
    ("pi4", "800x480@60", None, 29_500),
    ("pi3", "2560x1080@30", None, 118_800),
    ("unknown", "640x480@60", (1, 1), 25_175),
]


@pytest.mark.parametrize(
    ("model", "wish", "number", "clock_khz"), CHOSEN, ids=[f"{row[0]} {row[1]}" for row in CHOSEN]
)
def test_a_wish_comes_to_the_best_mode_the_model_has(
    model: str, wish: str, number: tuple[int, int] | None, clock_khz: int
) -> None:
    choice = choose_mode(parse_mode(wish), situation(model), 0, force=False)
    found = None if choice.row is None else (int(choice.row.group), choice.row.number)
    assert found == number
    assert choice.mode.pixel_clock_khz == clock_khz
    assert choice.is_offered is None


REFUSED = [
    (
        "pi3", 0, "3840x2160@30",
        "3840x2160@30 cannot be shown on HDMI port 0 of the pi3 (its pixel clock is 297 MHz, and "
        "port 0 of the pi3 goes to 162 MHz): the nearest that works is",
    ),
    (
        "pi4", 1, "3840x2160@60",
        "3840x2160@60 cannot be shown on HDMI port 1 of the pi4 (its pixel clock is 594 MHz, and "
        "port 1 of the pi4 goes to 340 MHz): the nearest that works is 3840x2160@30",
    ),
    (
        "pi4", 0, "4096x2160@60",
        "4096x2160@60 cannot be shown on HDMI port 0 of the pi4 (the pi4 needs core_freq_min=600 "
        "in config.txt for it): the nearest that works is 4096x2160@30",
    ),
    (
        "pi4", 0, "999x555@60",
        "999x555@60 cannot be shown on HDMI port 0 of the pi4 (the pi4 sends two pixels a clock, "
        "and it has odd horizontal timings): the nearest that works is",
    ),
    ("pi4", 0, "800x480i@60", "800x480i@60 is interlaced and in no table (so it has no timing)"),
    ("pi3", 1, "640x480@60", "there is no port 1 of the pi3: it has port 0 only"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "port", "wish", "words"), REFUSED, ids=[f"{row[0]} {row[2]}" for row in REFUSED]
)
def test_what_cannot_work_is_refused_with_the_reason(
    model: str, port: int, wish: str, words: str
) -> None:
    with pytest.raises(HdmiError) as refused:
        choose_mode(parse_mode(wish), situation(model), port, force=True)
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("wish", ["7680x4320@60", "4096x2160@60", "1366x768@60", "100x100@60"])
def test_the_nearest_mode_of_a_refusal_works(model: str, wish: str) -> None:
    driver = Driver.FIRMWARE if MODELS[model].has_firmware_display else Driver.KMS
    there = situation(model, driver)
    try:
        choose_mode(parse_mode(wish), there, 0, force=False)
    except RefusedError as refused:
        assert refused.nearest is not None
        choose_mode(parse_mode(refused.nearest), there, 0, force=False)


def test_a_faster_core_allows_the_widest_mode() -> None:
    there = situation(config=b"core_freq_min=600\n")
    choice = choose_mode(parse_mode("4096x2160@60"), there, 0, force=False)
    assert choice.row is not None
    assert choice.row.number == 102


def test_what_the_display_does_not_offer_is_refused_unless_forced() -> None:
    there = situation(edid=edids.OLD_MONITOR)
    with pytest.raises(RefusedError) as refused:
        choose_mode(parse_mode("1920x1080@60"), there, 0, force=False)
    assert "(the display (Acer AL1715) does not offer it)" in str(refused.value)
    assert refused.value.nearest == "1280x1024@60.02"
    choice = choose_mode(parse_mode("1920x1080@60"), there, 0, force=True)
    assert choice.is_offered is False
    assert choice.row is not None
    assert (choice.row.group, choice.row.number) == (1, 16)


OFFERED = [
    ("an old monitor", "1280x1024@60", (2, 35)),
    ("an old monitor", "640x480@60", (2, 4)),
    ("a television", "1920x1080@60", (1, 16)),
    ("a television", "640x480@60", (2, 4)),
    ("a television", "3840x2160@24", (1, 93)),
    ("a wide monitor", "2560x1440@60", None),
]


@pytest.mark.parametrize(
    ("name", "wish", "number"), OFFERED, ids=[f"{row[0]} {row[1]}" for row in OFFERED]
)
def test_the_number_is_the_one_the_display_uses(
    name: str, wish: str, number: tuple[int, int] | None
) -> None:
    choice = choose_mode(parse_mode(wish), situation(edid=edids.ALL[name]), 0, force=False)
    found = None if choice.row is None else (int(choice.row.group), choice.row.number)
    assert found == number
    assert choice.is_offered


def test_formats_at_half_the_colours_are_not_offered() -> None:
    with pytest.raises(RefusedError):
        choose_mode(parse_mode("3840x2160@60"), situation(edid=edids.TELEVISION), 0, force=False)


ROWS = [("pi3", 1, 66, "does not know this number"), ("pi4", 1, 66, None), ("pi4", 2, 15, "no Raspberry Pi sends it"),
        ("pi4", 2, 81, "two pixels a clock"), ("pi3", 2, 81, None), ("pi4", 1, 65, "a mode of your own"),
        ("pi3", 2, 77, "348.5 MHz"), ("pi4", 1, 102, "core_freq_min=600"), ("pi5", 1, 102, None)]  # fmt: skip


@pytest.mark.parametrize(("model", "group", "number", "words"), ROWS)
def test_a_number_says_why_it_cannot_be_had(
    model: str, group: int, number: int, words: str | None
) -> None:
    driver = Driver.KMS if model == "pi5" else Driver.FIRMWARE
    row = (cea_modes() if group == 1 else dmt_modes())[number - 1]
    fault = row_fault(row, situation(model, driver), 0)
    assert fault is None if words is None else words in str(fault)

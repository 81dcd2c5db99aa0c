"""What a config.txt comes to on each model: the oracle of the other tests, held to the documents."""

import pytest

from display.hdmi.config_eval import NoEffect, Setting, evaluate, read_settings
from display.hdmi.config_filters import Board
from display.hdmi.models import MODELS, UNKNOWN, parse_model

PI3 = Board(MODELS["pi3"])
PI4 = Board(MODELS["pi4"])

# From config_txt/conditional.adoc: which models see the lines of a filter.
SEEN_BY = {
    "pi0": {"pi0", "pi0w", "pi02"},
    "pi0w": {"pi0w", "pi02"},
    "pi02": {"pi02"},
    "pi1": {"pi1", "cm1"},
    "pi2": {"pi2"},
    "pi3": {"pi3", "pi3+", "cm3"},
    "pi3+": {"pi3+"},
    "pi4": {"pi4", "pi400", "cm4", "cm4s"},
    "pi400": {"pi400"},
    "cm4": {"cm4"},
    "cm4s": {"cm4s"},
    "pi5": {"pi5", "pi500", "cm5"},
    "pi500": {"pi500"},
    "cm5": {"cm5"},
    "all": set(MODELS),
    "none": set(),
    "board-type=0x14": {"cm4"},
    "board-type=17": {"pi4"},
}


@pytest.mark.parametrize("text", SEEN_BY)
def test_a_filter_lets_its_models_see_the_lines(text: str) -> None:
    data = f"[{text}]\na=1\n".encode()
    seen = {name for name, m in MODELS.items() if evaluate({"config.txt": data}, Board(m))}
    assert seen == SEEN_BY[text]


FILTERS = [
    ("same type replaces", PI4, b"[pi3]\n[pi4]\na=1\n", True),
    ("different types must all hold", PI4, b"[gpio4=1]\n[pi4]\na=1\n", False),
    ("all takes them away", PI4, b"[gpio4=1]\n[pi3]\n[all]\na=1\n", True),
    ("none lasts until all", PI4, b"[none]\n[pi4]\na=1\n", False),
    ("none ends with all", PI4, b"[none]\n[all]\n[pi4]\na=1\n", True),
    ("an unknown filter is passed over", PI4, b"[pi4]\n[wibble]\na=1\n", True),
    ("a pin that is low", PI4, b"[gpio4=0]\na=1\n", True),
    (
        "a pin that is high",
        Board(MODELS["pi4"], high_pins=frozenset({4})),
        b"[gpio4=1]\na=1\n",
        True,
    ),
    ("its serial number", Board(MODELS["pi4"], serial=0x1234), b"[0x00001234]\na=1\n", True),
    ("another serial number", Board(MODELS["pi4"], serial=0x1234), b"[0x1235]\na=1\n", False),
    (
        "its display",
        Board(MODELS["pi4"], edid_names=frozenset({"A-B"})),
        b"[EDID=A-B]\na=1\n",
        True,
    ),
    (
        "no display filter on a Pi 5",
        Board(MODELS["pi5"], edid_names=frozenset({"A-B"})),
        b"[EDID=A-B]\na=1\n",
        False,
    ),
    ("an ordinary boot", PI4, b"[tryboot]\na=1\n", False),
    ("its boot partition", PI4, b"[boot_partition=1]\na=1\n", True),
    ("another boot partition", PI4, b"[boot_partition=3]\na=1\n", False),
    (
        "another board type of the model",
        Board(MODELS["pi3+"], board_type=0x0D),
        b"[board-type=0x0e]\na=1\n",
        False,
    ),
    ("a model that is not known", Board(UNKNOWN), b"[pi4]\na=1\n", False),
    ("upper case is another filter", PI4, b"[pi3]\n[PI4]\na=1\n", False),
]


@pytest.mark.parametrize(
    ("board", "data", "holds"), [row[1:] for row in FILTERS], ids=[row[0] for row in FILTERS]
)
def test_filters_combine_as_documented(board: Board, data: bytes, holds: bool) -> None:
    assert evaluate({"config.txt": data}, board) == ({"a": "1"} if holds else {})


VALUES = [
    ("the last one wins", PI4, b"a=1\na=2\n", {"a": "2"}),
    ("keys are case-sensitive", PI4, b"a=1\nA=2\n", {"a": "1", "A": "2"}),
    (
        "port 0 is meant without a number",
        PI4,
        b"hdmi_mode=1\nhdmi_mode:0=2\n",
        {"hdmi_mode:0": "2"},
    ),
    (
        "ports are apart",
        PI4,
        b"hdmi_mode:1=1\nhdmi_mode=2\n",
        {"hdmi_mode:1": "1", "hdmi_mode:0": "2"},
    ),
    (
        "a section may name the port",
        PI4,
        b"[HDMI:1]\nhdmi_mode=1\narm_freq=9\n",
        {"hdmi_mode:1": "1", "arm_freq": "9"},
    ),
    ("the section of a port on a Pi 3", PI3, b"[HDMI:0]\nhdmi_mode=1\n", {}),
    ("a port of a global setting is ignored", PI4, b"arm_freq:1=9\n", {"arm_freq": "9"}),
    ("overlays add up", PI4, b"dtoverlay=a\ndtoverlay=b\n", {"dtoverlay": "a\nb"}),
    ("a line is cut after 98", PI4, b"a=" + b"1" * 100 + b"\n", {"a": "1" * 96}),
    ("carriage returns are no part of it", PI4, b"a=1\r\n", {"a": "1"}),
]


@pytest.mark.parametrize(
    ("board", "data", "values"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES]
)
def test_values_are_the_last_ones_read(board: Board, data: bytes, values: dict[str, str]) -> None:
    assert evaluate({"config.txt": data}, board) == values


def test_an_include_is_read_in_its_place_and_its_filters_go_on() -> None:
    files = {"config.txt": b"a=1\ninclude Extra.TXT\na=3\n", "extra.txt": b"b=2\na=2\n[pi3]\n"}
    assert evaluate(files, PI4) == {"a": "2", "b": "2"}
    assert evaluate(files, PI3) == {"a": "3", "b": "2"}


def test_an_include_in_a_section_that_does_not_hold_is_not_read() -> None:
    files = {"config.txt": b"[pi3]\ninclude e.txt\na=1\n", "e.txt": b"[all]\nb=1\n"}
    assert evaluate(files, PI4) == {}


def test_files_that_include_each_other_end() -> None:
    files = {"config.txt": b"include e.txt\n" * 50, "e.txt": b"a=1\ninclude config.txt\n" * 50}
    settings = read_settings(files, PI4)
    assert any(setting.why is NoEffect.TOO_DEEP for setting in settings)
    assert len(settings) <= 100_000


def test_a_tryboot_reads_its_own_file() -> None:
    files = {"config.txt": b"a=1\n", "tryboot.txt": b"a=2\n[tryboot]\nb=1\n"}
    assert evaluate(files, Board(MODELS["pi4"], tryboot=True)) == {"a": "2", "b": "1"}
    assert evaluate(files, PI4) == {"a": "1"}


REASONS = [
    (b"[pi3]\nhdmi_mode=4\n", NoEffect.FILTERED, "[pi3]"),
    (b"hdmi_mode=4\n\n#\nhdmi_mode=5\n", NoEffect.OVERRULED, "config.txt:4"),
    (b"hdmi_mode = 4\n", NoEffect.SPACED, ""),
    (b"hdmi_mode\n", NoEffect.NO_VALUE, ""),
    (b"include missing.txt\n", NoEffect.NO_FILE, "missing.txt"),
    (b"hdmi_timings=" + b"1 " * 60, NoEffect.CUT, ""),
]


@pytest.mark.parametrize(("data", "why", "detail"), REASONS, ids=[row[1].name for row in REASONS])
def test_a_line_without_effect_says_why(data: bytes, why: NoEffect, detail: str) -> None:
    first: Setting = read_settings({"config.txt": data}, PI4)[0]
    assert (first.why, first.detail) == (why, detail)


MODEL_NAMES = [
    ("Raspberry Pi Model B Rev 2\0", "pi1"),
    ("Raspberry Pi Model A Plus Rev 1.1\0", "pi1"),
    ("Raspberry Pi Compute Module Rev 1.0", "cm1"),
    ("Raspberry Pi Zero Rev 1.3", "pi0"),
    ("Raspberry Pi Zero W Rev 1.1", "pi0w"),
    ("Raspberry Pi Zero 2 W Rev 1.0", "pi02"),
    ("Raspberry Pi 2 Model B Rev 1.1", "pi2"),
    ("Raspberry Pi 3 Model B Rev 1.2", "pi3"),
    ("Raspberry Pi 3 Model B Plus Rev 1.3", "pi3+"),
    ("Raspberry Pi 3 Model A Plus Rev 1.0", "pi3+"),
    ("Raspberry Pi Compute Module 3 Plus Rev 1.0", "cm3"),
    ("Raspberry Pi 4 Model B Rev 1.4", "pi4"),
    ("Raspberry Pi 400 Rev 1.0", "pi400"),
    ("Raspberry Pi Compute Module 4 Rev 1.0", "cm4"),
    ("Raspberry Pi Compute Module 4S Rev 1.0", "cm4s"),
    ("Raspberry Pi 5 Model B Rev 1.0", "pi5"),
    ("Raspberry Pi 500 Rev 1.0", "pi500"),
    ("Raspberry Pi Compute Module 5 Rev 1.0", "cm5"),
    ("pi4\n", "pi4"),
]


@pytest.mark.parametrize(("text", "name"), MODEL_NAMES)
def test_a_model_is_known_by_the_device_trees_name(text: str, name: str) -> None:
    assert parse_model(text) is MODELS[name]


@pytest.mark.parametrize("text", ["", "QEMU Virtual Machine", "Raspberry Pi 9"])
def test_another_machine_is_no_model(text: str) -> None:
    assert parse_model(text) is None

"""[display] of gatelight.toml as the screen reads it."""

from pathlib import Path

import pytest

from display.settings import Oled, Pins, Settings, SettingsError, load_settings, parse_settings

WHOLE = """
[listen]
admin_socket = "/tmp/a.sock"
admin = "0.0.0.0:8470"
http = ":80"
[[site]]
host = "a"
[display]
output = ["oled", "hdmi"]
sleep = "2h"
night = "23:30-06:15"
rotate = 90
pages = ["overview", "box"]
[display.oled]
driver = "sh1106"
bus = "spi"
port = 1
device = 1
data_pin = 5
reset_pin = 6
size = "128x64"
[display.hdmi]
device = "/dev/fb1"
[display.controls]
button = 17
next = 22
back = 23
led = 27
motion = 4
"""


def test_a_whole_section_is_read() -> None:
    assert parse_settings(WHOLE, "f") == Settings(
        outputs=("oled", "hdmi"),
        sleep_s=7200.0,
        night=(23 * 60 + 30, 6 * 60 + 15),
        rotate=90,
        pages=("overview", "box"),
        oled=Oled("sh1106", "spi", 1, 0x3C, 1, 5, 6, (128, 64)),
        framebuffer="/dev/fb1",
        pins=Pins(17, 22, 23, 27, 4),
        admin_socket="/tmp/a.sock",
        admin="0.0.0.0:8470",
    )


def test_a_file_without_the_section_is_the_defaults() -> None:
    assert parse_settings("", "f") == Settings()
    assert Settings().outputs is None
    assert Settings().oled.panel == (128, 64)


@pytest.mark.parametrize(("bus", "port"), [("i2c", 1), ("spi", 0)])
def test_the_bus_is_that_of_the_header(bus: str, port: int) -> None:
    assert parse_settings(f'[display.oled]\nbus = "{bus}"', "f").oled.bus_port == port


@pytest.mark.parametrize(
    ("line", "expected"),
    [('output = "none"', ()), ('output = "hdmi"', ("hdmi",)), ('output = "auto"', None)],
)
def test_outputs(line: str, expected: tuple[str, ...] | None) -> None:
    assert parse_settings(f"[display]\n{line}", "f").outputs == expected


def test_sleep_and_night_can_be_switched_off() -> None:
    found = parse_settings('[display]\nsleep = "off"\nnight = "off"', "f")
    assert (found.sleep_s, found.night) == (None, None)


FAULTS = [
    ("display = 3", "display: a table is needed"),
    ("[display]\noutptu = 1", 'display.outptu: unknown key; did you mean "output"?'),
    ('[display]\noutput = "vga"', 'display.output: "auto", "oled"'),
    ('[display]\noutput = ["oled", "oled"]', "display.output: each output stands there once"),
    ('[display]\nsleep = "soon"', "display.sleep: "),
    ('[display]\nsleep = "0s"', "display.sleep: "),
    ("[display]\nsleep = 10", "display.sleep: "),
    ('[display]\nnight = "25:00-07:00"', "display.night: "),
    ("[display]\nrotate = 45", "display.rotate: 0, 90, 180, 270"),
    ("[display]\nrotate = true", "display.rotate: "),
    ("[display]\npages = []", "display.pages: a list"),
    ('[display]\npages = ["overveiw"]', 'did you mean "overview"?'),
    ('[display]\npages = ["box", "box"]', "display.pages: a page stands there twice"),
    ('[display]\npages = ["alert"]', 'display.pages: "alert" is no page to turn to'),
    ("[display.oled]\ndrivr = 1", 'display.oled.drivr: unknown key; did you mean "driver"?'),
    ('[display.oled]\ndriver = "sd1306"', 'did you mean "ssd1306"?'),
    ("[display.oled]\ndriver = []", "display.oled.driver: "),
    ("[display.oled]\naddress = 300", "display.oled.address: a number from 8 to 119"),
    ('[display.oled]\nsize = "big"', 'display.oled.size: "128x64"'),
    ('[display.oled]\nsize = "100x100"', "display.oled.size: ssd1306 is made in 128x64"),
    ("[display.hdmi]\ndevice = 0", "display.hdmi.device: a string"),
    ("[display.controls]\nbutton = 28", "display.controls.button: a number from 0 to 27"),
    ("[display.controls]\nbutton = 17\nled = 17", "display.controls: a pin stands there twice"),
    ("[display.controls]\nbutton = 0\nled = 0", "display.controls: a pin stands there twice"),
    ("not toml", "not TOML"),
]


@pytest.mark.parametrize(("content", "words"), FAULTS, ids=[content for content, _ in FAULTS])
def test_a_fault_is_named(content: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(content, "gatelight.toml")
    assert str(caught.value).startswith("gatelight.toml: ")
    assert words in str(caught.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings("[display]\nrotate = 1\n[display.oled]\nport = -1", "f")
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, content in (("gone.toml", None), ("bad.toml", b"\xff")):
        if content:
            (tmp_path / path).write_bytes(content)
        with pytest.raises(SettingsError, match=path):
            load_settings(str(tmp_path / path))

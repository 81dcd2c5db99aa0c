"""Which screens are found, without any."""

from pathlib import Path

import pytest

from display import finding
from display.settings import parse_settings


def find(content: str, monkeypatch: pytest.MonkeyPatch, *answering: int) -> list[finding.Found]:
    monkeypatch.setattr(finding, "answers_i2c", lambda port, address: address in answering)
    return finding.find(parse_settings(content, "f"))


def names(found: list[finding.Found]) -> list[str]:
    return [one.name for one in found]


def test_auto_finds_what_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = tmp_path / "fb0"
    hdmi = f'[display.hdmi]\ndevice = "{there}"\n'
    assert find(hdmi, monkeypatch) == []
    (oled,) = find(hdmi, monkeypatch, 0x3D)
    assert oled.name == "ssd1306 128x64 at 0x3d on I2C 1"
    assert oled.can_burn
    known = finding.find(parse_settings(hdmi, "f"), {oled.name})
    assert names(known) == [oled.name]
    there.touch()
    found = find(hdmi, monkeypatch, 0x3C, 0x3D)
    assert names(found) == ["ssd1306 128x64 at 0x3c on I2C 1", f"the screen of {there}"]
    assert finding.names(found) == " and ".join(names(found))


def test_what_is_configured_needs_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    content = '[display]\noutput = ["hdmi", "oled"]\n[display.oled]\nbus = "spi"\n'
    assert names(find(content, monkeypatch)) == [
        "the screen of /dev/fb0",
        "ssd1306 128x64 at device 0 on SPI 0",
    ]
    assert find('[display]\noutput = "none"\n', monkeypatch, 0x3C) == []


def test_a_bus_that_is_not_there_does_not_answer() -> None:
    assert not finding.answers_i2c(31, 0x3C)


@pytest.mark.parametrize("bus", ["i2c", "spi"])
def test_opening_what_is_not_there_is_an_error_of_the_system(bus: str) -> None:
    content = f'[display]\noutput = ["oled", "hdmi"]\n[display.oled]\nbus = "{bus}"\nport = 31\n'
    content += '[display.hdmi]\ndevice = "/dev/fb99"\n'
    for found in finding.find(parse_settings(content, "f")):
        with pytest.raises(OSError, match="No such file"):
            found.open()

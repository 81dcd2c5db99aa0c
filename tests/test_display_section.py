"""[display] is read by the screen and checked by the proxy: they are held together here."""

import re
from pathlib import Path

import pytest

from appliance import config_display
from appliance.config import ConfigError, parse_settings
from display import settings
from display.outputs.controllers import CONTROLLERS
from display.pages.registry import TURNED
from tests.display.test_settings import FAULTS, WHOLE

LISTEN = '[listen]\nhttp = ":80"\n'
PAGE = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text()
GOOD = [
    "",
    '[display]\noutput = "none"',
    '[display]\noutput = ["oled"]',
    '[display]\nsleep = "off"\nnight = "off"\nrotate = 270',
    '[display.oled]\ndriver = "ssd1351"\nsize = "96x96"',
    "[display.oled]\nport = 0\naddress = 0x77\ndevice = 3",
    "[display.controls]\nbutton = 0\nnext = 27",
]
BAD = [content for content, _ in FAULTS if content != "not toml"] + [
    "[display]\noutput = []",
    "[display]\noutput = 1",
    '[display]\noutput = ["auto"]',
    "[display]\npages = [1]",
    '[display]\nsleep = "500ms"',
    '[display]\nsleep = "999999d"',
    "[display]\noled = 1",
    '[display.oled]\nsize = "0x0"',
    '[display.hdmi]\ndevice = ""',
    "[display.led]\npin = 1",
]


@pytest.mark.parametrize("content", GOOD)
def test_what_is_good_for_one_is_good_for_the_other(content: str) -> None:
    settings.parse_settings(content, "f")
    parse_settings(f"{LISTEN}{content}", "f")


def test_a_whole_section_is_good_for_both() -> None:
    content = WHOLE.replace('admin = "0.0.0.0:8470"\n', "").replace(
        'host = "a"', 'host = "a"\nbackends = "http://b"'
    )
    settings.parse_settings(content, "f")
    parse_settings(content, "f")


@pytest.mark.parametrize("content", BAD)
def test_what_one_refuses_the_other_refuses(content: str) -> None:
    with pytest.raises(settings.SettingsError):
        settings.parse_settings(content, "f")
    with pytest.raises(ConfigError) as caught:
        parse_settings(f"{LISTEN}{content}", "f")
    # The fault is told with its line.
    assert all(fault.line > 2 for fault in caught.value.faults)


def test_both_know_the_same_keys() -> None:
    assert set(config_display.DISPLAY) == set(settings.DISPLAY)
    tables = {name: set(keys) for name, keys in config_display.TABLES.items()}
    assert tables == {name: set(keys) for name, keys in settings.SECTIONS.items()}


def test_both_know_the_same_pages_and_panels() -> None:
    assert tuple(TURNED) == config_display.PAGES
    panels = {
        name: tuple(f"{width}x{height}" for width, height in controller.sizes)
        for name, controller in CONTROLLERS.items()
    }
    assert panels == config_display.DRIVERS


ROW = re.compile(r"^\| `(\w+)` \| `(.+?)` \| .+ \|$", re.MULTILINE)
DEFAULTS = [
    pytest.param(section, key, default, id=f"{section}.{key}")
    for section in ("display", "display.oled", "display.hdmi")
    for key, default in ROW.findall(PAGE.partition(f"\n## [{section}]\n")[2].partition("\n#")[0])
]


@pytest.mark.parametrize(("section", "key", "default"), DEFAULTS)
def test_a_documented_default_is_the_screens(section: str, key: str, default: str) -> None:
    content = f"[{section}]\n{key} = {default}\n"
    assert settings.parse_settings(content, "f") == settings.Settings()

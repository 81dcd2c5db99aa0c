"""docs/configuration.md says what the code does, and the other way round; examples are good files."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.config import LIMITS, LISTEN, NOT_YET, PROXY, STORE, Key, parse_settings, parse_sites
from appliance.config_box import BOX, NETWORK, WIFI
from appliance.config_display import CONTROLS, DISPLAY, HDMI, OLED
from appliance.config_sites import HEALTH, SITE

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "configuration.md").read_text()
DISPLAY_SECTIONS: dict[str, Mapping[str, Key]] = {
    "display": DISPLAY,
    "display.oled": OLED,
    "display.hdmi": HDMI,
    "display.controls": CONTROLS,
    "box": BOX,
    "box.wifi": WIFI,
    "box.network": NETWORK,
}
SECTIONS: dict[str, Mapping[str, Key]] = {
    "listen": LISTEN,
    "proxy": PROXY,
    "limits": LIMITS,
    "store": STORE,
    "site": SITE,
    "site.health": HEALTH,
}
BLOCKS = re.findall(
    r"^```toml\n(.*?)^```", PAGE + (DOCS / "https.md").read_text(), re.DOTALL | re.MULTILINE
)
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| .+ \|$", re.MULTILINE)
# What a file needs before a default can be tried in it.
BASE = {
    "listen": '[listen]\nhttp = ":80"\n',
    "site": '[[site]]\nhost = "a"\nbackends = "http://b"\n',
    "site.health": '[[site]]\nhost = "a"\nbackends = "http://b"\n[site.health]\n',
}


def part(heading: str) -> str:
    """The text under a heading, up to the next one of any level."""
    return PAGE.partition(f"\n{heading}\n")[2].partition("\n#")[0]


def rows(section: str) -> dict[str, str]:
    """Each documented key of a section with the text of its default."""
    heading = "## [[site]]" if section == "site" else f"## [{section}]"
    return dict(ROW.findall(part(heading)))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_every_example_is_a_good_file(block: str) -> None:
    if "[listen]" in block:
        parse_settings(block, "example")
    else:
        assert parse_sites(block, "example")


@pytest.mark.parametrize("section", [*SECTIONS, *DISPLAY_SECTIONS])
def test_every_key_is_documented_and_every_documented_key_is_one(section: str) -> None:
    assert set(rows(section)) == set((SECTIONS | DISPLAY_SECTIONS)[section])


DEFAULTS = [
    pytest.param(section, key, default.strip("`"), id=f"{section}.{key}")
    for section in SECTIONS
    for key, default in rows(section).items()
    if default.startswith("`")
]


@pytest.mark.parametrize(("section", "key", "default"), DEFAULTS)
def test_a_documented_default_is_the_default(section: str, key: str, default: str) -> None:
    pair = f"{key} = {default}\n"
    if section.startswith("site"):
        assert parse_sites(BASE[section] + pair, "f") == parse_sites(BASE[section], "f")
        return
    header = "" if section == "listen" else f"[{section}]\n"
    plain = parse_settings(BASE["listen"], "f")
    assert parse_settings(BASE["listen"] + header + pair, "f") == plain


def test_what_is_not_yet_supported_is_listed() -> None:
    listed = {}
    for line in part("## Not yet supported").splitlines():
        if line.startswith(("| `", "| sections")):
            _, section, keys, _ = line.split("|")
            name = section.strip().strip("`")
            listed["" if name == "sections" else name] = set(re.findall(r"`(\w+)`", keys))
    assert listed == {section: set(keys) for section, keys in NOT_YET.items()}


def test_the_faults_shown_are_the_faults_told() -> None:
    shown = re.findall(r"^gatelight\.toml:\d+: [\w.]+: (.*)$", PAGE, re.MULTILINE)
    site = BASE["site"].replace("http://b", "192.168.1.20:2283")
    told = []
    for content in ('[listen]\nhtp = ":80"\n', BASE["listen"] + site):
        with pytest.raises(ValueError, match="did you mean") as caught:
            parse_settings(content, "gatelight.toml")
        told.append(str(caught.value).partition(": ")[2].partition(": ")[2])
    assert shown == told

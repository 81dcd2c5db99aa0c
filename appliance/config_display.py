"""[display]: what may stand there (PURE).

The screen is a program of its own that reads this section itself; here it is only checked, so that
`gatelight check` tells of every fault in the file. A test holds the two together.
"""

import re
from collections.abc import Mapping
from typing import Any

from appliance.config import Faults, Key, read_section
from appliance.quantities import Parse, duration, nearest, path, text, texts

PAGES = ("overview", "sites", "site", "traffic", "box", "network", "certificates", "alerts")
# Panels of each controller.
_SMALL = ("128x64", "128x32", "96x16", "64x48", "64x32")
DRIVERS: Mapping[str, tuple[str, ...]] = {
    "ssd1306": _SMALL,
    "ssd1309": _SMALL,
    "ssd1315": _SMALL,
    "sh1106": ("128x64", "128x32", "128x128"),
    "ch1115": ("128x64",),
    "sh1107": ("128x128", "64x128", "80x128"),
    "ssd1322": ("256x64", "256x48", "256x32", "128x64", "128x48", "128x32"),
    "ssd1325": ("128x64",),
    "ssd1327": ("128x128",),
    "ssd1362": ("256x64",),
    "ssd1331": ("96x64",),
    "ssd1351": ("128x128", "128x96", "96x96"),
}
MAX_SLEEP_S = 7 * 86400.0
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_NIGHT = re.compile(f"{_TIME}-{_TIME}")


def outputs(value: Any) -> tuple[str, ...]:
    """One word, or a list of screens."""
    names = texts(value)
    known = ("oled", "hdmi") if isinstance(value, list) else ("auto", "oled", "hdmi", "none")
    for name in names:
        if name not in known:
            raise ValueError(f'"{name}" is none of {", ".join(known)}{nearest(name, list(known))}')
    return _once(names)


def sleep(value: Any) -> float | None:
    """After how long it goes dark, or "off"."""
    if value == "off":
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,6}[smhd]", value):
        raise ValueError('write "10m" or the like, or "off"')
    if duration(value) > MAX_SLEEP_S:
        raise ValueError("it sleeps after a week at the latest")
    return duration(value)


def night(value: Any) -> str:
    """When it dims, or "off"."""
    if value != "off" and not _NIGHT.fullmatch(text(value)):
        raise ValueError('write "22:00-07:00" or the like, or "off"')
    return text(value)


def pages(value: Any) -> tuple[str, ...]:
    """Those one can turn to, in order."""
    if not isinstance(value, list) or not value:
        raise ValueError('a list is needed: ["overview", "sites"]')
    for name in texts(value):
        if name not in PAGES:
            raise ValueError(f'"{name}" is none of {", ".join(PAGES)}{nearest(name, list(PAGES))}')
    return _once(texts(value))


def size(value: Any) -> str:
    """Of some panel."""
    if text(value) not in {size for sizes in DRIVERS.values() for size in sizes}:
        raise ValueError(f'"{value}" is no size of a panel: write "128x64" or the like')
    return text(value)


def one_of(*known: Any) -> Parse:
    """One of a few values."""

    def parse(value: Any) -> Any:
        if isinstance(value, bool) or value not in known:
            names = [str(name) for name in known]
            hint = nearest(value, names) if isinstance(value, str) else ""
            raise ValueError(f"one of {', '.join(names)} is needed{hint}")
        return value

    return parse


def number(least: int, most: int) -> Parse:
    """A whole number."""

    def parse(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"a number from {least} to {most} is needed")
        return value

    return parse


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) < len(names):
        raise ValueError("each stands there once, and at least one")
    return names


def _keys(**parsers: Parse) -> dict[str, Key]:
    return {name: Key(name, parse) for name, parse in parsers.items()}


PIN = number(0, 27)
DISPLAY = _keys(
    output=outputs, sleep=sleep, night=night, rotate=one_of(0, 90, 180, 270), pages=pages
)
OLED = _keys(
    driver=one_of(*DRIVERS),
    bus=one_of("i2c", "spi"),
    port=number(0, 31),
    address=number(0x08, 0x77),
    device=number(0, 3),
    data_pin=PIN,
    reset_pin=PIN,
    size=size,
)
HDMI = _keys(device=path)
CONTROLS = _keys(button=PIN, next=PIN, back=PIN, led=PIN, motion=PIN)
TABLES = {"oled": OLED, "hdmi": HDMI, "controls": CONTROLS}


def check_display(table: Any, faults: Faults) -> None:
    """Notes every fault of the section."""
    own = {**DISPLAY, **{name: Key(name, lambda value: value) for name in TABLES}}
    read_section(table, ("display",), own, "display", faults)
    if not isinstance(table, dict):
        return
    found = {
        name: read_section(table[name], ("display", name), keys, f"display.{name}", faults)
        for name, keys in TABLES.items()
        if name in table
    }
    oled = found.get("oled", {})
    driver = oled.get("driver", "ssd1306")
    if oled.get("size", DRIVERS[driver][0]) not in DRIVERS[driver]:
        sizes = ", ".join(DRIVERS[driver])
        faults.add(("display", "oled", "size"), f"{driver} is made in {sizes}")
    pins = list(found.get("controls", {}).values())
    if len(set(pins)) < len(pins):
        faults.add(("display", "controls"), "a pin stands there twice")

"""[display] of gatelight.toml, read strictly (PURE but for load_settings)."""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from display.outputs.controllers import CONTROLLERS
from display.pages.registry import TURNED

OUTPUTS = ("oled", "hdmi")
# The header's pins by Broadcom's numbers.
MAX_PIN = 27
MAX_SLEEP_S = 7 * 86400.0
_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_DURATION_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NIGHT = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_SIZE = re.compile(r"([0-9]{2,4})x([0-9]{2,4})")


class SettingsError(ValueError):
    """A file that cannot be used: one line for each fault."""


@dataclass(frozen=True, slots=True)
class Oled:
    driver: str = "ssd1306"
    bus: str = "i2c"
    port: int | None = None
    address: int = 0x3C
    device: int = 0
    data_pin: int = 24
    reset_pin: int | None = None
    size: tuple[int, int] | None = None

    @property
    def panel(self) -> tuple[int, int]:
        """Its size; the commonest of its kind unless given."""
        return self.size or CONTROLLERS[self.driver].size

    @property
    def bus_port(self) -> int:
        """Which bus: on a Raspberry Pi's header I2C is 1, SPI 0."""
        if self.port is not None:
            return self.port
        return 1 if self.bus == "i2c" else 0


@dataclass(frozen=True, slots=True)
class Pins:
    button: int | None = None
    next: int | None = None
    back: int | None = None
    led: int | None = None
    motion: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    # None: find what is there.
    outputs: tuple[str, ...] | None = None
    sleep_s: float | None = 600.0
    night: tuple[int, int] | None = (22 * 60, 7 * 60)
    rotate: int = 0
    pages: tuple[str, ...] = tuple(TURNED)
    oled: Oled = Oled()
    framebuffer: str = "/dev/fb0"
    pins: Pins = Pins()
    admin_socket: str = "/run/gatelight/admin.sock"
    admin: str = "127.0.0.1:8470"


Parse = Callable[[Any], Any]


def _outputs(value: Any) -> tuple[str, ...] | None:
    if value == "auto":
        return None
    if value == "none":
        return ()
    names = value if isinstance(value, list) else [value]
    for name in names:
        if name not in OUTPUTS:
            raise ValueError('"auto", "oled", "hdmi", "none" or a list is needed')
    if not names or len(set(names)) != len(names):
        raise ValueError("each output stands there once, and at least one")
    return tuple(names)


def _sleep(value: Any) -> float | None:
    if value == "off":
        return None
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    seconds = float(match[1]) * _DURATION_S[match[2]] if match else 0.0
    if not 0 < seconds <= MAX_SLEEP_S:
        raise ValueError('"10m" or the like is needed, a week at most, or "off"')
    return seconds


def _night(value: Any) -> tuple[int, int] | None:
    if value == "off":
        return None
    match = _NIGHT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('"22:00-07:00" or the like is needed, or "off"')
    hours = [int(part) for part in match.groups()]
    return hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]


def _pages(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("a list of pages is needed")
    for name in value:
        if name not in TURNED:
            raise ValueError(f'"{name}" is no page to turn to{_nearest(str(name), list(TURNED))}')
    if len(set(value)) != len(value):
        raise ValueError("a page stands there twice")
    return tuple(value)


def _size(value: Any) -> tuple[int, int]:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('"128x64" or the like is needed')
    return int(match[1]), int(match[2])


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a string is needed")
    return value


def _one_of(*known: Any) -> Parse:
    def parse(value: Any) -> Any:
        if value not in known or isinstance(value, bool):
            hint = _nearest(value, [str(name) for name in known]) if isinstance(value, str) else ""
            raise ValueError(f"{', '.join(map(str, known))} are possible{hint}")
        return value

    return parse


def _number(least: int, most: int) -> Parse:
    def parse(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"a number from {least} to {most} is needed")
        return value

    return parse


_PIN = _number(0, MAX_PIN)
# Keys of each table: the field a value goes to, and how it is read.
DISPLAY: Mapping[str, tuple[str, Parse]] = {
    "output": ("outputs", _outputs),
    "sleep": ("sleep_s", _sleep),
    "night": ("night", _night),
    "rotate": ("rotate", _one_of(0, 90, 180, 270)),
    "pages": ("pages", _pages),
}
OLED: Mapping[str, tuple[str, Parse]] = {
    "driver": ("driver", _one_of(*CONTROLLERS)),
    "bus": ("bus", _one_of("i2c", "spi")),
    "port": ("port", _number(0, 31)),
    "address": ("address", _number(0x08, 0x77)),
    "device": ("device", _number(0, 3)),
    "data_pin": ("data_pin", _PIN),
    "reset_pin": ("reset_pin", _PIN),
    "size": ("size", _size),
}
HDMI: Mapping[str, tuple[str, Parse]] = {"device": ("framebuffer", _text)}
CONTROLS: Mapping[str, tuple[str, Parse]] = {
    name: (name, _PIN) for name in ("button", "next", "back", "led", "motion")
}
SECTIONS = {"oled": OLED, "hdmi": HDMI, "controls": CONTROLS}


@dataclass(slots=True)
class _Reader:
    faults: list[str] = field(default_factory=list)

    def read(self, table: Any, path: str, keys: Mapping[str, tuple[str, Parse]]) -> dict[str, Any]:
        """A table's values by field; faults are noted."""
        if not isinstance(table, dict):
            self.faults.append(f"{path}: a table is needed")
            return {}
        values = {}
        for name, value in table.items():
            if path == "display" and name in SECTIONS:
                continue
            if name not in keys:
                known = [*keys, *(SECTIONS if path == "display" else ())]
                self.faults.append(f"{path}.{name}: unknown key{_nearest(name, known)}")
                continue
            attribute, parse = keys[name]
            try:
                values[attribute] = parse(value)
            except (ValueError, TypeError) as error:
                self.faults.append(f"{path}.{name}: {error}")
        return values


def parse_settings(content: str, path: str) -> Settings:
    """The parts of gatelight.toml that the screen needs. Raises SettingsError."""
    try:
        data = tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    reader = _Reader()
    display = data.get("display", {})
    values = reader.read(display, "display", DISPLAY)
    parts = display if isinstance(display, dict) else {}
    read = {
        name: reader.read(parts.get(name, {}), f"display.{name}", keys)
        for name, keys in SECTIONS.items()
    }
    values |= read["hdmi"] | _admin(data.get("listen"))
    oled = Oled(**read["oled"])
    if oled.size is not None and oled.size not in CONTROLLERS[oled.driver].sizes:
        sizes = ", ".join(f"{width}x{height}" for width, height in CONTROLLERS[oled.driver].sizes)
        reader.faults.append(f"display.oled.size: {oled.driver} is made in {sizes}")
    pins = Pins(**read["controls"])
    named = (pins.button, pins.next, pins.back, pins.led, pins.motion)
    used = [pin for pin in named if pin is not None]
    if len(set(used)) != len(used):
        reader.faults.append("display.controls: a pin stands there twice")
    if reader.faults:
        raise SettingsError("\n".join(f"{path}: {fault}" for fault in reader.faults))
    return Settings(**values, oled=oled, pins=pins)


def _admin(listen: Any) -> dict[str, str]:
    """Where the proxy answers; its own part of the file is the proxy's to judge."""
    table = listen if isinstance(listen, dict) else {}
    found = {}
    for key in ("admin_socket", "admin"):
        value = table.get(key)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, str) and value:
            found[key] = value
    return found


def load_settings(path: str) -> Settings:
    """Reads and parses the file. Raises SettingsError."""
    try:
        content = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not UTF-8 text") from None
    return parse_settings(content, path)


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f'; did you mean "{near[0]}"?' if near else ""

"""Which screens there are, and how each is opened."""

import os
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from fcntl import ioctl

from display.outputs.base import Output
from display.outputs.buses import I2C_SLAVE, open_i2c, open_spi
from display.outputs.framebuffer import open_framebuffer
from display.outputs.oled import OledOutput
from display.settings import Oled, Settings

# Where small OLEDs answer; the second one by a solder bridge.
I2C_ADDRESSES = (0x3C, 0x3D)


@dataclass(frozen=True, slots=True)
class Found:
    """A screen that may be opened. `can_burn`: its pixels fade as they are lit."""

    name: str
    open: Callable[[], Output]
    can_burn: bool
    has_console: bool = False


def find(settings: Settings, known: Container[str] = ()) -> list[Found]:
    """The screens that are configured, or with "auto" those that answer now.

    Those whose names are known already are not asked again: they are in use.
    """
    if settings.outputs is not None:
        known = {"oled": _oled(settings.oled, settings), "hdmi": _hdmi(settings)}
        return [known[name] for name in settings.outputs]
    found = []
    oled = settings.oled
    addresses = (oled.address, *I2C_ADDRESSES) if oled.bus == "i2c" else ()
    for address in dict.fromkeys(addresses):
        screen = _oled(oled, settings, address)
        if screen.name in known or answers_i2c(oled.bus_port, address):
            found.append(screen)
            break
    if oled.bus == "spi" and os.path.exists(f"/dev/spidev{oled.bus_port}.{oled.device}"):
        found.append(_oled(oled, settings))
    if os.path.exists(settings.framebuffer):
        found.append(_hdmi(settings))
    return found


def answers_i2c(port: int, address: int) -> bool:
    """Whether something at the address acknowledges a read."""
    try:
        file = os.open(f"/dev/i2c-{port}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        ioctl(file, I2C_SLAVE, address)
        os.read(file, 1)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def names(found: Sequence[Found]) -> str:
    """The screens in words."""
    return " and ".join(screen.name for screen in found)


def _oled(oled: Oled, settings: Settings, address: int | None = None) -> Found:
    width, height = oled.panel
    at = oled.address if address is None else address
    where = f"{at:#x} on I2C {oled.bus_port}"
    if oled.bus == "spi":
        where = f"device {oled.device} on SPI {oled.bus_port}"
    name = f"{oled.driver} {width}x{height} at {where}"

    def connect() -> Output:
        if oled.bus == "i2c":
            bus = open_i2c(oled.bus_port, at)
            return OledOutput(name, oled.driver, oled.panel, bus, settings.rotate)
        spi = open_spi(oled.bus_port, oled.device, oled.data_pin, oled.reset_pin)
        return OledOutput(name, oled.driver, oled.panel, spi, settings.rotate)

    return Found(name, connect, can_burn=True)


def _hdmi(settings: Settings) -> Found:
    path = settings.framebuffer
    return Found(
        f"the screen of {path}",
        lambda: open_framebuffer(path, settings.rotate),
        can_burn=False,
        has_console=True,
    )

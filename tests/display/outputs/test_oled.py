"""Each OLED controller, over each bus, decoded back into a picture."""

import os
import random

import luma.oled.device
import pytest
from PIL import Image, ImageDraw

from display.outputs.base import Light, Mode, OutputError, turn
from display.outputs.buses import Bus, I2cBus, SpiBus
from display.outputs.controllers import CONTROLLERS
from display.outputs.oled import RENEW_S, OledOutput
from tests.support.controllers import Chip, I2cWire, SpiWire, make_chip

# luma still asks Pillow by the old name.
pytestmark = pytest.mark.filterwarnings("ignore:Image.Image.getdata")
PANELS = [
    pytest.param(name, size, id=f"{name} {size[0]}x{size[1]}")
    for name, controller in CONTROLLERS.items()
    for size in controller.sizes
]
NAMED = pytest.mark.parametrize("driver", CONTROLLERS)


class Clock:
    """A clock that a test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(name="file")
def open_file() -> int:
    return os.open(os.devnull, os.O_RDWR)


def i2c(file: int, driver: str, size: tuple[int, int]) -> tuple[Chip, I2cWire, Bus]:
    chip = make_chip(driver, *size)
    wire = I2cWire(chip)
    return chip, wire, I2cBus(file, wire.write)


def spi(file: int, driver: str, size: tuple[int, int]) -> tuple[Chip, SpiWire, Bus]:
    chip = make_chip(driver, *size)
    wire = SpiWire(chip)
    return chip, wire, SpiBus(file, wire, write=wire.write)


def picture(mode: Mode, width: int, height: int, seed: int = 1) -> Image.Image:
    """Noise in values that every controller of the mode keeps."""
    chance = random.Random(seed)
    if mode == "1":
        return Image.frombytes("1", (width, height), chance.randbytes((width + 7) // 8 * height))
    data = chance.randbytes(width * height * (3 if mode == "RGB" else 1))
    image = Image.frombytes(mode, (width, height), data)
    return image.point([value & 0xF0 for value in range(256)] * (3 if mode == "RGB" else 1))


@pytest.mark.parametrize(("driver", "size"), PANELS)
@pytest.mark.parametrize("connect", [i2c, spi], ids=["i2c", "spi"])
def test_the_panel_shows_what_was_shown(
    connect: type, driver: str, size: tuple[int, int], file: int
) -> None:
    chip, _, bus = connect(file, driver, size)
    output = OledOutput("oled", driver, size, bus)
    assert (output.width, output.height) == size
    assert chip.is_on
    for seed in (1, 2):
        image = picture(output.mode, *size, seed)
        output.show(image)
        assert chip.image.tobytes() == image.tobytes()
    ImageDraw.Draw(image).rectangle((7, 3, 13, 11), fill="black")
    output.show(image)
    assert chip.image.tobytes() == image.tobytes()


@pytest.mark.parametrize(("driver", "size"), PANELS)
def test_luma_itself_would_show_the_same(driver: str, size: tuple[int, int]) -> None:
    """Our own way of sending against luma's, on the same controller."""

    class Serial:
        def __init__(self, chip: Chip) -> None:
            self.chip = chip

        def command(self, *content: int) -> None:
            self.chip.command(content)

        def data(self, content: list[int]) -> None:
            self.chip.data(bytes(content))

        def cleanup(self) -> None:
            pass

    chip = make_chip(driver, *size)
    mode = CONTROLLERS[driver].mode
    image = picture(mode, *size)
    device = getattr(luma.oled.device, driver)(Serial(chip), *size)
    device.display(image if mode == "1" else image.convert("RGB"))
    assert chip.image.tobytes() == image.tobytes()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("driver", ["ssd1306", "ssd1322", "ssd1351"])
def test_a_turned_panel_is_drawn_in_its_own_size(driver: str, rotate: int, file: int) -> None:
    size = CONTROLLERS[driver].size
    chip, _, bus = i2c(file, driver, size)
    output = OledOutput("oled", driver, size, bus, rotate)
    image = picture(output.mode, output.width, output.height)
    output.show(image)
    assert chip.image.tobytes() == turn(image, rotate).tobytes()


@NAMED
def test_the_same_picture_again_sends_nothing(driver: str, file: int) -> None:
    size = CONTROLLERS[driver].size
    _, wire, bus = i2c(file, driver, size)
    output = OledOutput("oled", driver, size, bus)
    output.show(picture(output.mode, *size))
    before = wire.sent_bytes
    output.show(picture(output.mode, *size))
    assert wire.sent_bytes == before == output.sent_bytes


@NAMED
def test_only_what_changed_is_sent(driver: str, file: int) -> None:
    size = CONTROLLERS[driver].size
    chip, _, bus = i2c(file, driver, size)
    output = OledOutput("oled", driver, size, bus)
    image = picture(output.mode, *size)
    output.show(image)
    chip.pixels_written = 0
    draw = ImageDraw.Draw(image)
    draw.rectangle((8, 8, 15, 15), fill="white")
    output.show(image)
    assert 0 < chip.pixels_written <= 8 * 8


@NAMED
def test_it_dims_sleeps_and_wakes_with_its_picture(driver: str, file: int) -> None:
    size = CONTROLLERS[driver].size
    chip, _, bus = i2c(file, driver, size)
    output = OledOutput("oled", driver, size, bus)
    first, second = picture(output.mode, *size), picture(output.mode, *size, seed=2)
    output.show(first)
    full = chip.contrast
    output.set_light(Light.DIM)
    assert 0 < chip.contrast < full
    output.set_light(Light.OFF)
    assert not chip.is_on
    output.show(second)
    assert chip.image.tobytes() == first.tobytes()
    output.set_light(Light.FULL)
    output.show(second)
    assert chip.is_on
    assert chip.contrast == full
    assert chip.image.tobytes() == second.tobytes()


def test_waking_sets_the_contrast_that_luma_sets(file: int) -> None:
    for driver, controller in CONTROLLERS.items():
        chip, _, bus = i2c(file, driver, controller.size)
        output = OledOutput("oled", driver, controller.size, bus)
        woken = chip.contrast
        output.set_light(Light.DIM)
        output.set_light(Light.FULL)
        assert chip.contrast == woken, driver


@pytest.mark.parametrize("light", [Light.FULL, Light.DIM])
@NAMED
def test_a_panel_that_was_plugged_in_again_is_woken_within_a_minute(
    driver: str, light: Light, file: int
) -> None:
    size, clock = CONTROLLERS[driver].size, Clock()
    chip, wire, bus = spi(file, driver, size)
    output = OledOutput("oled", driver, size, bus, clock=clock)
    image = picture(output.mode, *size)
    output.set_light(light)
    output.show(image)
    contrast = chip.contrast
    wire.chip = make_chip(driver, *size)
    output.show(image)
    assert not wire.chip.is_on
    clock.now_s = RENEW_S
    output.show(image)
    assert wire.chip.is_on
    assert wire.chip.contrast == contrast
    assert wire.chip.image.tobytes() == image.tobytes()


def test_a_pulled_cable_is_a_fault_and_a_new_output_shows_all_again(file: int) -> None:
    chip, wire, bus = i2c(file, "ssd1306", (128, 64))
    output = OledOutput("oled", "ssd1306", (128, 64), bus)
    image = picture("1", 128, 64)
    wire.is_pulled = True
    with pytest.raises(OSError, match="Remote"):
        output.show(image)
    output.close()
    wire.is_pulled = False
    wire.chip = chip = make_chip("ssd1306", 128, 64)
    bus = I2cBus(os.open(os.devnull, os.O_RDWR), wire.write)
    output = OledOutput("oled", "ssd1306", (128, 64), bus)
    output.show(image)
    assert chip.image.tobytes() == image.tobytes()


def test_a_closed_panel_is_dark_and_its_lines_are_given_back(file: int) -> None:
    chip, wire, bus = spi(file, "ssd1309", (128, 64))
    output = OledOutput("oled", "ssd1309", (128, 64), bus)
    output.close()
    assert not chip.is_on
    assert wire.is_closed


def test_a_reset_line_is_pulled_before_the_first_command(file: int) -> None:
    events: list[str] = []

    class Line:
        def on(self) -> None:
            events.append("high")

        def off(self) -> None:
            events.append("low")

        def close(self) -> None:
            events.append("closed")

    def write(file: int, content: bytes) -> int:
        events.append("write")
        return len(content)

    wire = SpiWire(make_chip("ssd1306", 128, 64))
    bus = SpiBus(file, wire, Line(), write, lambda pause_s: events.append("pause"))
    assert events == ["low", "pause", "high", "pause"]
    bus.close()
    assert events[-1] == "closed"


def test_a_size_that_is_not_made_is_refused(file: int) -> None:
    _, _, bus = i2c(file, "ssd1306", (128, 64))
    with pytest.raises(OutputError, match="ssd1306 is not made in 100x50"):
        OledOutput("oled", "ssd1306", (100, 50), bus)

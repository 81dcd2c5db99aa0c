"""The screens that pages are tested on, and the pictures that were looked at."""

import os
from pathlib import Path

from PIL import Image, ImageChops

from display.outputs.base import Mode
from display.preview import parse_device

FOLDER = Path(__file__).parents[1] / "golden" / "screen"
# Where a picture that differs is put, beside what was expected.
DIFFERENCES = Path(__file__).parents[2] / "build" / "golden"
DEVICES = [
    "ssd1306-128x32",
    "ssd1306",
    "ssd1306/90",
    "ssd1322",
    "ssd1327",
    "hdmi-320x240",
    "hdmi-240x320",
    "hdmi-480x320",
    "hdmi-800x480",
    "hdmi-480x800",
    "hdmi-1280x720",
    "hdmi-1920x1080",
    "hdmi-1080x1920",
    "hdmi-3840x2160",
]
# Larger pictures are kept reduced to about this many pixels a side.
KEPT_PX = 960
COLOURS = 64
# How far a colour may be off (a palette, another FreeType), and how many pixels further.
TOLERANCE = 40
FEW_PIXELS = 24


def size_of(device: str) -> tuple[int, int, Mode]:
    """Width, height and mode of a device of the list above."""
    name, _, rotate = device.partition("/")
    return parse_device(name, int(rotate or 0))


def reduce(image: Image.Image) -> Image.Image:
    """As it is kept."""
    factor = -(-max(image.size) // KEPT_PX)
    return image.reduce(factor) if factor > 1 else image


def check_golden(image: Image.Image, name: str) -> None:
    """Raises AssertionError where the picture is not the one that was looked at."""
    path = FOLDER / f"{name}.png"
    image = reduce(image)
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = (
            image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            if image.mode == "RGB"
            else image
        )
        kept.save(path, "PNG", optimize=True)
        return
    assert path.exists(), f"nobody has looked at {name} yet: GOLDEN=write keeps it"
    expected = Image.open(path).convert(image.mode)
    assert expected.size == image.size
    difference = ImageChops.difference(image.convert("RGB"), expected.convert("RGB"))
    bands = [band.point(lambda value: 255 * (value > TOLERANCE)) for band in difference.split()]
    wrong = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    count = wrong.histogram()[255]
    if count > FEW_PIXELS:
        DIFFERENCES.mkdir(parents=True, exist_ok=True)
        flat = name.replace("/", "-")
        image.save(DIFFERENCES / f"{flat}-now.png")
        expected.save(DIFFERENCES / f"{flat}-expected.png")
        wrong.save(DIFFERENCES / f"{flat}-difference.png")
        raise AssertionError(f"{name} differs in {count} pixels: see {DIFFERENCES}")

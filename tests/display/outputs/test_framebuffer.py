"""The framebuffer against a file of every geometry, read back pixel by pixel."""

import random
import struct
from pathlib import Path

import pytest
from PIL import Image

from display.outputs.base import Light, OutputError, turn
from display.outputs.framebuffer import (
    FileFramebuffer,
    FramebufferOutput,
    open_framebuffer,
)
from display.outputs.geometry import Geometry, parse_geometry


def geometry(
    width: int, height: int, bits: int, red: int, pad: int = 0, x: int = 0, y: int = 0
) -> Geometry:
    stride = (width + x) * bits // 8 + pad
    return Geometry(width, height, bits, stride, red, x, y, stride * (height + y))


GEOMETRIES = [
    pytest.param(geometry(48, 32, 32, 16), id="32-bit BGRX"),
    pytest.param(geometry(48, 32, 32, 0), id="32-bit RGBX"),
    pytest.param(geometry(48, 32, 32, 8), id="32-bit XRGB"),
    pytest.param(geometry(48, 32, 32, 24), id="32-bit XBGR"),
    pytest.param(geometry(48, 32, 24, 16), id="24-bit BGR"),
    pytest.param(geometry(48, 32, 24, 0), id="24-bit RGB"),
    pytest.param(geometry(48, 32, 16, 11), id="16-bit RGB"),
    pytest.param(geometry(48, 32, 16, 0), id="16-bit BGR"),
    pytest.param(geometry(37, 53, 16, 11, pad=22), id="16-bit, padded, odd, portrait"),
    pytest.param(geometry(37, 53, 32, 16, pad=108), id="32-bit, padded, odd, portrait"),
    pytest.param(geometry(40, 30, 32, 16, x=8, y=11), id="panned"),
]


def decode(path: Path, shape: Geometry) -> Image.Image:
    """The visible picture, computed from the bit offsets alone."""
    memory = path.read_bytes()
    image = Image.new("RGB", (shape.width, shape.height))
    for y in range(shape.height):
        for x in range(shape.width):
            at = (y + shape.y_offset) * shape.stride_bytes
            at += (x + shape.x_offset) * shape.bits // 8
            value = int.from_bytes(memory[at : at + shape.bits // 8], "little")
            image.putpixel((x, y), colours(value, shape))
    return image


def colours(value: int, shape: Geometry) -> tuple[int, int, int]:
    if shape.bits == 16:
        high, middle, low = value >> 11 << 3, (value >> 5 & 63) << 2, (value & 31) << 3
        return (high, middle, low) if shape.red_offset else (low, middle, high)
    green, blue = {0: (8, 16), 8: (16, 24), 16: (8, 0), 24: (16, 8)}[shape.red_offset]
    return value >> shape.red_offset & 255, value >> green & 255, value >> blue & 255


def noise(width: int, height: int, seed: int) -> Image.Image:
    """Colours that 16 bits can keep."""
    data = random.Random(seed).randbytes(width * height * 3)
    image = Image.frombytes("RGB", (width, height), data)
    return image.point([value & 0xF8 for value in range(256)] * 3)


@pytest.mark.parametrize("shape", GEOMETRIES)
def test_a_picture_is_in_the_memory_as_it_was_shown(shape: Geometry, tmp_path: Path) -> None:
    output = FramebufferOutput("fb", FileFramebuffer(str(tmp_path / "fb"), shape))
    first, second = (noise(output.width, output.height, seed) for seed in (1, 2))
    output.show(first)
    assert decode(tmp_path / "fb", shape).tobytes() == first.tobytes()
    first.paste(second.crop((3, 5, 11, 9)), (3, 5))
    first.paste(second.crop((20, 20, 30, 27)), (20, 20))
    output.show(first)
    assert decode(tmp_path / "fb", shape).tobytes() == first.tobytes()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_turned_screen_is_drawn_in_its_own_size(rotate: int, tmp_path: Path) -> None:
    shape = geometry(48, 32, 32, 16, pad=16)
    output = FramebufferOutput("fb", FileFramebuffer(str(tmp_path / "fb"), shape), rotate)
    assert (output.width, output.height) == ((48, 32) if rotate in (0, 180) else (32, 48))
    image = noise(output.width, output.height, 3)
    output.show(image)
    assert decode(tmp_path / "fb", shape).tobytes() == turn(image, rotate).tobytes()


def test_clockwise_is_clockwise() -> None:
    image = Image.new("1", (2, 2))
    image.putpixel((0, 0), 1)
    assert turn(image, 90).getpixel((1, 0))
    assert turn(image, 180).getpixel((1, 1))
    assert turn(image, 270).getpixel((0, 1))


@pytest.mark.parametrize("bits", [16, 32])
def test_only_what_changed_is_written(bits: int, tmp_path: Path) -> None:
    shape = geometry(320, 240, bits, 11 if bits == 16 else 16, pad=64)
    output = FramebufferOutput("fb", FileFramebuffer(str(tmp_path / "fb"), shape))
    image = noise(320, 240, 4)
    output.show(image)
    assert output.sent_bytes == 320 * 240 * bits // 8
    output.show(image.copy())
    assert output.sent_bytes == 320 * 240 * bits // 8
    image.paste((255, 255, 255), (10, 10, 20, 20))
    image.paste((255, 255, 255), (300, 200, 310, 204))
    output.show(image)
    assert output.sent_bytes == (320 * 240 + 100 + 40) * bits // 8


def test_padding_between_the_lines_is_never_touched(tmp_path: Path) -> None:
    shape = geometry(40, 20, 16, 11, pad=10)
    (tmp_path / "fb").write_bytes(b"\xaa" * shape.memory_bytes)
    output = FramebufferOutput("fb", FileFramebuffer(str(tmp_path / "fb"), shape))
    output.show(noise(40, 20, 5))
    memory = (tmp_path / "fb").read_bytes()
    assert all(memory[at + 80 : at + 90] == b"\xaa" * 10 for at in range(0, len(memory), 90))


def test_a_dimmed_screen_is_darker_and_a_dark_one_is_black_with_its_signal_off(
    tmp_path: Path,
) -> None:
    shape = geometry(40, 20, 32, 16)
    device = FileFramebuffer(str(tmp_path / "fb"), shape)
    output = FramebufferOutput("fb", device)
    white = Image.new("RGB", (40, 20), (200, 200, 200))
    output.show(white)
    output.set_light(Light.DIM)
    output.show(white)
    assert decode(tmp_path / "fb", shape).getpixel((0, 0)) == (80, 80, 80)
    output.set_light(Light.OFF)
    output.show(white)
    assert device.is_dark
    assert not any((tmp_path / "fb").read_bytes())
    output.set_light(Light.FULL)
    output.show(white)
    assert not device.is_dark
    assert decode(tmp_path / "fb", shape).getpixel((39, 19)) == (200, 200, 200)


def test_a_closed_screen_is_black_and_lit(tmp_path: Path) -> None:
    device = FileFramebuffer(str(tmp_path / "fb"), geometry(40, 20, 32, 16))
    output = FramebufferOutput("fb", device)
    output.show(noise(40, 20, 6))
    output.set_light(Light.OFF)
    output.close()
    assert not device.is_dark
    assert not any((tmp_path / "fb").read_bytes())


def test_a_new_video_mode_asks_for_the_screen_to_be_opened_anew(tmp_path: Path) -> None:
    device = FileFramebuffer(str(tmp_path / "fb"), geometry(48, 32, 32, 16))
    output = FramebufferOutput("fb", device)
    device.geometry = geometry(32, 24, 32, 16)
    with pytest.raises(OutputError, match="another size"):
        output.show(noise(48, 32, 7))


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    output = FramebufferOutput(
        "fb", FileFramebuffer(str(tmp_path / "fb"), geometry(48, 32, 32, 16))
    )
    with pytest.raises(ValueError, match="fb shows 48x32 RGB, not 32x48 RGB"):
        output.show(noise(32, 48, 8))


def structs(bits: int, red: tuple[int, int], stride: int, memory: int) -> tuple[bytes, bytes]:
    """What the two ioctls would answer for 1366x768."""
    green = (5, 6) if bits == 16 else (8, 8)
    blue = (11 - red[0], 5) if bits == 16 else (16 - red[0], 8)
    fields = [1366, 768, 1366, 1536, 0, 768, bits, 0, *red, 0, *green, 0, *blue, 0]
    variable = struct.pack("@40I", *fields, *[0] * (40 - len(fields)))
    fixed = struct.pack(
        "@16sLIIIIHHHILIIHHH0L", b"vc4drmfb", 0, memory, 0, 0, 2, 1, 1, 0, stride, 0, 0, 0, 0, 0, 0
    )
    return variable, fixed


def test_the_kernels_structures_are_read() -> None:
    assert parse_geometry(*structs(16, (11, 5), 2752, 2752 * 1536)) == Geometry(
        1366, 768, 16, 2752, 11, 0, 768, 2752 * 1536
    )
    assert parse_geometry(*structs(32, (16, 8), 5504, 5504 * 1536)).red_offset == 16


@pytest.mark.parametrize(
    ("bits", "red", "stride", "memory", "words"),
    [
        pytest.param(8, (0, 8), 1366, 1366 * 1536, "8 bits a pixel", id="palette"),
        pytest.param(32, (16, 8), 5000, 5000 * 1536, "a line of 5000", id="short lines"),
        pytest.param(32, (16, 8), 5504, 5504 * 768, "do not hold", id="too little memory"),
        pytest.param(32, (16, 8), 5504, 2**31, "do not hold", id="absurd memory"),
        pytest.param(32, (16, 10), 5504, 5504 * 1536, "10, 8 and 8 bits", id="ten bits"),
    ],
)
def test_what_cannot_be_drawn_on_is_refused_in_words(
    bits: int, red: tuple[int, int], stride: int, memory: int, words: str
) -> None:
    with pytest.raises(OutputError, match=words):
        parse_geometry(*structs(bits, red, stride, memory))


def test_a_file_that_is_no_framebuffer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fb").write_bytes(b"")
    with pytest.raises(OSError, match="ioctl"):
        open_framebuffer(str(tmp_path / "fb"))
    with pytest.raises(FileNotFoundError):
        open_framebuffer(str(tmp_path / "none"))

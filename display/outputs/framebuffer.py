"""The kernel's framebuffer: HDMI, DSI panels and SPI TFTs (Linux Documentation/fb/api.rst).

Written straight into the device's memory, and only where the picture changed. Lines may be longer
than the picture is wide (padding), and the visible part may begin anywhere in the memory.
"""

import mmap
import os
import struct
from dataclasses import dataclass
from fcntl import ioctl
from typing import Protocol

from PIL import Image

from display.outputs.base import Light, Mode, OutputError, check_picture, turn, turned_size
from display.outputs.changes import Box, find_changes
from display.outputs.pixels import encode_565

# <linux/fb.h>
FBIOGET_VSCREENINFO = 0x4600
FBIOGET_FSCREENINFO = 0x4602
FBIOBLANK = 0x4611
FB_BLANK_UNBLANK = 0
FB_BLANK_POWERDOWN = 4
_VARIABLE = struct.Struct("@40I")
# id, smem_start, smem_len, type, type_aux, visual, pan and wrap steps, line_length, mmio, rest.
_FIXED = struct.Struct("@16sLIIIIHHHILIIHHH")
# A pixel's bytes as Pillow names them, by its bits and the bit its red begins at.
_RAW = {
    (16, 0): "",
    (16, 11): "",
    (24, 0): "RGB",
    (24, 16): "BGR",
    (32, 0): "RGBX",
    (32, 8): "XRGB",
    (32, 16): "BGRX",
    (32, 24): "XBGR",
}
_DIMMED = [value * 2 // 5 for value in range(256)] * 3
# The largest memory that is believed: two pictures of 8K.
MAX_MEMORY_BYTES = 2 * 7680 * 4320 * 4


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a framebuffer keeps its picture."""

    width: int
    height: int
    bits: int
    stride_bytes: int
    red_offset: int = 16
    x_offset: int = 0
    y_offset: int = 0
    memory_bytes: int = 0

    @property
    def pixel_bytes(self) -> int:
        """Bytes a pixel."""
        return self.bits // 8

    @property
    def needed_bytes(self) -> int:
        """Memory up to the last visible pixel."""
        rows = self.y_offset + self.height - 1
        return rows * self.stride_bytes + (self.x_offset + self.width) * self.pixel_bytes


def parse_geometry(variable: bytes, fixed: bytes) -> Geometry:
    """Reads struct fb_var_screeninfo and fb_fix_screeninfo. Raises OutputError in words."""
    numbers = _VARIABLE.unpack(variable)
    lines = _FIXED.unpack(fixed)
    red, green, blue = numbers[8:11], numbers[11:14], numbers[14:17]
    geometry = Geometry(
        width=numbers[0],
        height=numbers[1],
        bits=numbers[6],
        stride_bytes=lines[9],
        red_offset=red[0],
        x_offset=numbers[4],
        y_offset=numbers[5],
        memory_bytes=lines[2],
    )
    check_geometry(geometry)
    wanted = [5, 6, 5] if geometry.bits == 16 else [8, 8, 8]
    if [red[1], green[1], blue[1]] != wanted:
        raise OutputError(f"a pixel of {red[1]}, {green[1]} and {blue[1]} bits is not supported")
    return geometry


def check_geometry(geometry: Geometry) -> None:
    """Raises OutputError when pictures cannot be kept so."""
    if (geometry.bits, geometry.red_offset) not in _RAW:
        raise OutputError(f"{geometry.bits} bits a pixel are not supported: choose 16 or 32")
    if not 16 <= geometry.width <= 7680 or not 16 <= geometry.height <= 7680:
        raise OutputError(f"{geometry.width}x{geometry.height} is no size for a picture")
    if geometry.stride_bytes < geometry.width * geometry.pixel_bytes:
        raise OutputError(f"a line of {geometry.stride_bytes} bytes does not hold its pixels")
    if not geometry.needed_bytes <= geometry.memory_bytes <= MAX_MEMORY_BYTES:
        raise OutputError(f"{geometry.memory_bytes} bytes do not hold the picture")


def encode_pixels(image: Image.Image, geometry: Geometry) -> bytes:
    """A colour picture as the framebuffer keeps it, without padding."""
    if geometry.bits == 16:
        return encode_565(image, swap_colours=geometry.red_offset == 0, big_endian=False)
    return image.tobytes("raw", _RAW[geometry.bits, geometry.red_offset])


class Framebuffer(Protocol):
    """The device below: its memory, its geometry now, its blanking."""

    memory: mmap.mmap

    def read_geometry(self) -> Geometry:
        """How it keeps its picture at this moment. Raises OSError."""

    def blank(self, is_dark: bool) -> None:
        """Switches the signal off and on. Raises OSError where that is not possible."""

    def close(self) -> None:
        """Gives the memory back."""


class FramebufferDevice:
    """/dev/fbN."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            geometry = self.read_geometry()
            self.memory = mmap.mmap(self._file, geometry.memory_bytes)
        except (OSError, ValueError) as error:
            os.close(self._file)
            raise OutputError(str(error)) from error

    def read_geometry(self) -> Geometry:
        """Asks the kernel."""
        variable, fixed = bytes(_VARIABLE.size), bytes(_FIXED.size)
        return parse_geometry(
            ioctl(self._file, FBIOGET_VSCREENINFO, variable),
            ioctl(self._file, FBIOGET_FSCREENINFO, fixed),
        )

    def blank(self, is_dark: bool) -> None:
        """Powers the monitor down by its signal, or up."""
        ioctl(self._file, FBIOBLANK, FB_BLANK_POWERDOWN if is_dark else FB_BLANK_UNBLANK)

    def close(self) -> None:
        """Unmaps and closes."""
        self.memory.close()
        os.close(self._file)


class FileFramebuffer:
    """A regular file as if it were a framebuffer of the geometry given, for tests."""

    def __init__(self, path: str, geometry: Geometry) -> None:
        check_geometry(geometry)
        self.geometry = geometry
        self.is_dark = False
        with open(path, "ab") as file:
            file.truncate(geometry.memory_bytes)
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), geometry.memory_bytes)

    def read_geometry(self) -> Geometry:
        """What it was given."""
        return self.geometry

    def blank(self, is_dark: bool) -> None:
        """Remembers it."""
        self.is_dark = is_dark

    def close(self) -> None:
        """Unmaps."""
        self.memory.close()


class FramebufferOutput:
    """Shows pictures on a framebuffer."""

    mode: Mode = "RGB"

    def __init__(self, name: str, device: Framebuffer, rotate: int = 0) -> None:
        self.name = name
        self._device = device
        self._rotate = rotate
        self._geometry = device.read_geometry()
        size = (self._geometry.width, self._geometry.height)
        self.width, self.height = turned_size(*size, rotate)
        self.sent_bytes = 0
        self._light = Light.FULL
        self._drawn: Image.Image | None = None

    def show(self, image: Image.Image) -> None:
        """Writes the rectangles that differ from the picture before."""
        check_picture(self, image)
        if self._device.read_geometry() != self._geometry:
            raise OutputError("the screen has another size now")
        if self._light is Light.OFF:
            return
        lit = image.point(_DIMMED) if self._light is Light.DIM else image
        after = turn(lit, self._rotate)
        for box in self._find_boxes(after):
            self._write(after.crop(box), box)
        # The caller may draw on in the picture.
        self._drawn = after.copy() if after is image else after

    def set_light(self, light: Light) -> None:
        """Dims by darker colours; goes dark by switching the signal off, or with black."""
        if light is self._light:
            return
        if Light.OFF in (light, self._light):
            self._go_dark(light is Light.OFF)
        self._light = light

    def close(self) -> None:
        """Leaves a black, lit screen to the console."""
        try:
            self._black_out()
            if self._light is Light.OFF:
                self._device.blank(is_dark=False)
        except OSError:
            pass
        self._device.close()

    def _find_boxes(self, after: Image.Image) -> list[Box]:
        if self._drawn is None:
            return [(0, 0, after.width, after.height)]
        return find_changes(self._drawn, after)

    def _go_dark(self, is_dark: bool) -> None:
        if is_dark:
            self._black_out()
        try:
            self._device.blank(is_dark)
        except OSError:
            # Many SPI panels cannot; black has to do.
            pass

    def _black_out(self) -> None:
        size = (self._geometry.width, self._geometry.height)
        self._write(Image.new("RGB", size), (0, 0, *size))
        self._drawn = None

    def _write(self, part: Image.Image, box: Box) -> None:
        geometry, memory = self._geometry, self._device.memory
        data = encode_pixels(part, geometry)
        row_bytes = part.width * geometry.pixel_bytes
        start = (geometry.y_offset + box[1]) * geometry.stride_bytes
        start += (geometry.x_offset + box[0]) * geometry.pixel_bytes
        if row_bytes == geometry.stride_bytes:
            memory[start : start + len(data)] = data
        else:
            for offset in range(0, len(data), row_bytes):
                memory[start : start + row_bytes] = data[offset : offset + row_bytes]
                start += geometry.stride_bytes
        self.sent_bytes += len(data)


def open_framebuffer(path: str, rotate: int = 0) -> FramebufferOutput:
    """The screen behind a device such as /dev/fb0. Raises OSError."""
    device = FramebufferDevice(path)
    try:
        return FramebufferOutput(path, device, rotate)
    except OSError:
        device.close()
        raise

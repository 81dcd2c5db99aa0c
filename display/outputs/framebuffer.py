"""The kernel's framebuffer: HDMI, DSI panels and SPI TFTs (Linux Documentation/fb/api.rst).

Written straight into the device's memory, and only where the picture changed. Lines may be longer
than the picture is wide (padding), and the visible part may begin anywhere in the memory.
"""

import mmap
import os
from fcntl import ioctl
from typing import Protocol

from PIL import Image

from display.outputs.base import Light, Mode, OutputError, check_picture, turn, turned_size
from display.outputs.changes import Box, find_changes
from display.outputs.geometry import (
    FIXED,
    VARIABLE,
    Geometry,
    check_geometry,
    encode_pixels,
    parse_geometry,
)

# <linux/fb.h>
FBIOGET_VSCREENINFO = 0x4600
FBIOGET_FSCREENINFO = 0x4602
FBIOBLANK = 0x4611
FB_BLANK_UNBLANK = 0
FB_BLANK_POWERDOWN = 4
_DIMMED = [value * 2 // 5 for value in range(256)] * 3


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
        variable, fixed = bytes(VARIABLE.size), bytes(FIXED.size)
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

"""How a framebuffer keeps its picture (PURE; Linux Documentation/fb/api.rst)."""

import struct
from dataclasses import dataclass

from PIL import Image

from display.outputs.base import OutputError
from display.outputs.pixels import encode_565

# struct fb_var_screeninfo and fb_fix_screeninfo of <linux/fb.h>.
VARIABLE = struct.Struct("@40I")
# id, smem_start, smem_len, type, type_aux, visual, pan and wrap steps, line_length, mmio, rest.
FIXED = struct.Struct("@16sLIIIIHHHILIIHHH0L")
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
    numbers = VARIABLE.unpack(variable)
    lines = FIXED.unpack(fixed)
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

"""Pictures in the forms that screens keep them in (PURE)."""

from PIL import Image, ImageChops

_HIGH_FIVE = [value & 0xF8 for value in range(256)]
_HIGH_SIX_DOWN = [value >> 5 for value in range(256)]
_LOW_SIX_UP = [value << 3 & 0xE0 for value in range(256)]
_FIVE_DOWN = [value >> 3 for value in range(256)]
_UPPER_NIBBLE = bytes(value & 0xF0 for value in range(256))
_LOWER_NIBBLE = bytes(value >> 4 for value in range(256))


def encode_565(image: Image.Image, swap_colours: bool, big_endian: bool) -> bytes:
    """RGB in 16 bits a pixel: five red, six green, five blue, red uppermost unless swapped."""
    red, green, blue = image.split()
    if swap_colours:
        red, blue = blue, red
    high = ImageChops.add(red.point(_HIGH_FIVE), green.point(_HIGH_SIX_DOWN))
    low = ImageChops.add(green.point(_LOW_SIX_UP), blue.point(_FIVE_DOWN))
    # Two bands side by side are the two bytes of a pixel, interleaved by Pillow.
    return Image.merge("LA", (high, low) if big_endian else (low, high)).tobytes()


def encode_nibbles(image: Image.Image, left_is_high: bool) -> bytes:
    """Grey in 4 bits a pixel, two to a byte; the width is even."""
    grey = image.tobytes()
    high, low = (grey[0::2], grey[1::2]) if left_is_high else (grey[1::2], grey[0::2])
    upper = int.from_bytes(high.translate(_UPPER_NIBBLE))
    lower = int.from_bytes(low.translate(_LOWER_NIBBLE))
    return (upper | lower).to_bytes(len(high))


def encode_pages(image: Image.Image) -> tuple[bytes, ...]:
    """One bit a pixel in pages of eight rows: a byte is a column, its lowest bit on top.

    The height is a multiple of eight.
    """
    pages = image.height // 8
    # Turned clockwise a column lies in a row, its bottom first, as Pillow packs bits.
    data = image.transpose(Image.Transpose.ROTATE_270).tobytes()
    return tuple(data[pages - 1 - page :: pages] for page in range(pages))

"""The five shapes of states, and round corners, as masks (PURE)."""

from functools import lru_cache

from PIL import Image, ImageDraw

from display.render.theme import Shape

# Drawn this much larger and reduced, so that edges are smooth.
FINE = 4
_KEPT = 128
# Below, a shape is a matter of single pixels.
FEW_PIXELS = 12


@lru_cache(_KEPT)
def shape_mask(shape: Shape, size: int, is_crisp: bool) -> Image.Image:
    """A shape in a square, grey, where 255 is ink; crisp for screens of one bit a pixel."""
    if is_crisp:
        return _draw(shape, size).convert("L")
    return _draw(shape, size * FINE).reduce(FINE)


@lru_cache(_KEPT)
def round_mask(width: int, height: int, radius: int) -> Image.Image:
    """A rectangle with round corners."""
    mask = Image.new("L", (width * FINE, height * FINE))
    area = (0, 0, width * FINE - 1, height * FINE - 1)
    ImageDraw.Draw(mask).rounded_rectangle(area, radius * FINE, fill=255)
    return mask.reduce(FINE)


def _draw(shape: Shape, size: int) -> Image.Image:
    """Sizes are for the eye: a diamond and a triangle need more room than a disc."""
    mask = Image.new("L", (size, size))
    draw = ImageDraw.Draw(mask)
    last, middle = size - 1, (size - 1) / 2
    if shape is Shape.DIAMOND:
        draw.polygon([(middle, 0), (last, middle), (middle, last), (0, middle)], fill=255)
        return mask
    if shape is Shape.TRIANGLE:
        draw.polygon([(middle, size * 0.02), (last, size * 0.93), (0, size * 0.93)], fill=255)
        return mask
    if size <= FEW_PIXELS and shape is Shape.DISC:
        # Rounder would look like the diamond.
        draw.rounded_rectangle((0, 0, last, last), round(size / 3), fill=255)
        return mask
    inset = size * 0.04 if size > FEW_PIXELS else 0
    circle = (inset, inset, last - inset, last - inset)
    if shape is Shape.DISC:
        draw.ellipse(circle, fill=255)
        return mask
    thickness = max(1, round(size * 0.16))
    draw.ellipse(circle, outline=255, width=thickness)
    if shape is Shape.HALF_DISC:
        draw.pieslice(circle, 90, 270, fill=255)
    return mask

"""The faces: Inter for panels, and two of our own, pixel by pixel, for OLEDs.

Text is placed by the height of its capitals, so that both kinds are laid out alike. Drawn texts are
kept as masks, as a page says mostly the same each second.
"""

import unicodedata
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageFont

from display.render.theme import Weight

FOLDER = Path(__file__).parent / "fonts"
# Each is some kilobytes: a hundred pages' worth of words.
MAX_KEPT_TEXTS = 1024
# A longer text is not read on any screen.
MAX_CHARACTERS = 600


@dataclass(frozen=True, slots=True)
class Mask:
    """A text's picture, where 255 is ink; `x` and `y` from its capitals' upper left corner."""

    image: Image.Image
    x: int
    y: int


class Font(Hashable, Protocol):
    """A face in one size."""

    cap: int
    line: int

    def width(self, text: str) -> int:
        """How far it runs, in pixels."""

    def mask(self, text: str) -> Mask:
        """Its picture."""


class OutlineFont:
    """Inter, by FreeType."""

    def __init__(self, weight: Weight, size: int) -> None:
        path = FOLDER / f"inter-{weight.value}.otf"
        # The basic layout is always there; Raqm is not.
        self._font = ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
        top, bottom = self._font.getbbox("H", anchor="ls")[1::2]
        self.cap = round(bottom - top)
        self.line = round(size * 1.28)

    def width(self, text: str) -> int:
        """Rounded up."""
        return -int(-self._font.getlength(text[:MAX_CHARACTERS]) // 1)

    def mask(self, text: str) -> Mask:
        """Anti-aliased."""
        text = text[:MAX_CHARACTERS]
        left, top, right, bottom = map(round, self._font.getbbox(text, anchor="ls"))
        image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
        core, _ = self._font.getmask2(text, "L", anchor="ls")
        if core.size[0] and core.size[1]:
            image = Image.frombytes("L", core.size, bytes(core))
        return Mask(image, left, top + self.cap)


class PixelFont:
    """A face drawn pixel by pixel, also at twice its size with its corners rounded."""

    GAP = 1

    def __init__(self, name: str, factor: int = 1) -> None:
        self._glyphs, cap, height = parse_face((FOLDER / f"{name}.txt").read_text())
        if factor == 2:
            self._glyphs = {sign: double(glyph) for sign, glyph in self._glyphs.items()}
        self._gap = self.GAP * factor
        self.cap = cap * factor
        self.line = height * factor + self._gap

    def width(self, text: str) -> int:
        """Without the gap after the last character."""
        glyphs = self._find(text)
        return max(0, sum(glyph.width + self._gap for glyph in glyphs) - self._gap)

    def mask(self, text: str) -> Mask:
        """Crisp."""
        glyphs = self._find(text)
        height = max((glyph.height for glyph in glyphs), default=1)
        image = Image.new("L", (max(1, self.width(text)), height))
        x = 0
        for glyph in glyphs:
            image.paste(glyph, (x, 0))
            x += glyph.width + self._gap
        return Mask(image, 0, 0)

    def _find(self, text: str) -> list[Image.Image]:
        return [self._glyph(sign) for sign in text[:MAX_CHARACTERS]]

    def _glyph(self, sign: str) -> Image.Image:
        if sign in self._glyphs:
            return self._glyphs[sign]
        plain = unicodedata.normalize("NFKD", sign)[:1]
        return self._glyphs.get(plain) or self._glyphs["?"]


def parse_face(content: str) -> tuple[dict[str, Image.Image], int, int]:
    """Glyphs by character, the height of capitals, the height of all (PURE)."""
    lines = content.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("cap "))
    _, cap, _, height = lines[start].split()
    glyphs = {}
    for line in lines[start + 1 :]:
        name, *rows = line.split(" ")
        image = Image.new("L", (len(rows[0]), len(rows)))
        image.putdata([255 if dot == "#" else 0 for row in rows for dot in row])
        glyphs[" " if name == "space" else name] = image
    return glyphs, int(cap), int(height)


def double(glyph: Image.Image) -> Image.Image:
    """Twice as large, with corners rounded by the rule of Scale2x (EPX) (PURE)."""
    padded = Image.new("L", (glyph.width + 2, glyph.height + 2))
    padded.paste(glyph, (1, 1))
    source, target = padded.load(), Image.new("L", (glyph.width * 2, glyph.height * 2))
    assert source is not None
    for y in range(glyph.height):
        for x in range(glyph.width):
            here, above, below = source[x + 1, y + 1], source[x + 1, y], source[x + 1, y + 2]
            left, right = source[x, y + 1], source[x + 2, y + 1]
            corners = [here] * 4
            if above != below and left != right:
                corners = [
                    left if left == above else here,
                    right if right == above else here,
                    left if left == below else here,
                    right if right == below else here,
                ]
            for number, value in enumerate(corners):
                target.putpixel((2 * x + number % 2, 2 * y + number // 2), value)
    return target


@cache
def outline(weight: Weight, size: int) -> OutlineFont:
    """Inter in a size."""
    return OutlineFont(weight, size)


@cache
def pixels(name: str, factor: int = 1) -> PixelFont:
    """One of the faces for OLEDs."""
    return PixelFont(name, factor)


@lru_cache(MAX_KEPT_TEXTS)
def draw_text(font: Font, text: str) -> Mask:
    """The text's mask, kept."""
    return font.mask(text)

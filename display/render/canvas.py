"""What pages draw on: text, shapes, bars and plots, in the colours a screen has."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageChops, ImageDraw

from display.outputs.base import Mode
from display.render import fonts, theme
from display.render.fonts import Font
from display.render.layout import Form, Rect, choose_form
from display.render.shapes import round_mask, shape_mask
from display.render.theme import Ink, Role, Weight
from display.status.model import State

Align = Literal["left", "centre", "right"]
ELLIPSIS = "…"
# A name's parts, each with the sign behind it.
_BREAKABLE = re.compile(r"[^:./@-]*[:./@-]+|[^:./@-]+")
# The pixel faces: name and factor.
_PIXEL_FACES = {
    Role.HERO: ("small", 2),
    Role.TITLE: ("medium", 1),
    Role.LEAD: ("medium", 1),
    Role.BODY: ("small", 1),
    Role.NOTE: ("small", 1),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A text as it was drawn: for tests, which can hardly read pixels."""

    text: str
    area: Rect
    is_cut: bool


class Canvas:
    """One picture under the pencil. Text is placed by its capitals' upper edge."""

    def __init__(self, width: int, height: int, mode: Mode = "RGB") -> None:
        self.form: Form = choose_form(width, height)
        self.mode = mode
        self.image = Image.new(mode, (width, height), self._colour(Ink.GROUND))
        self.placed: list[Placed] = []
        self._draw = ImageDraw.Draw(self.image)

    def font(self, role: Role, weight: Weight = Weight.MEDIUM) -> Font:
        """The face of a role on this screen."""
        if self.form.is_tiny:
            return fonts.pixels(*_PIXEL_FACES[role])
        return fonts.outline(weight, self.form.size(role))

    def cap(self, role: Role) -> int:
        """The height of a role's capitals."""
        return self.font(role).cap

    def line(self, role: Role) -> int:
        """From one line's capitals to the next one's."""
        return self.font(role).line

    def width(self, text: str, role: Role, weight: Weight = Weight.MEDIUM) -> int:
        """How wide a text is."""
        return self.font(role, weight).width(text)

    def text(
        self,
        x: int,
        y: int,
        text: str,
        role: Role,
        ink: Ink = Ink.TEXT,
        weight: Weight = Weight.MEDIUM,
        align: Align = "left",
        width: int | None = None,
    ) -> int:
        """Draws a text, cut with an ellipsis where it is wider than `width`; its own width.

        `x` is its left end, its middle or its right end, by `align`.
        """
        font = self.font(role, weight)
        shown = text if width is None else cut_text(font, text, width)
        if not shown:
            return 0
        own = font.width(shown)
        x -= {"left": 0, "centre": own // 2, "right": own}[align]
        mask = fonts.draw_text(font, shown)
        self._stamp(mask.image, x + mask.x, y + mask.y, ink)
        self.placed.append(Placed(shown, Rect(x, y, own, font.cap), shown != text))
        return own

    def fit(
        self, text: str, width: int, roles: Sequence[Role], weight: Weight = Weight.MEDIUM
    ) -> Role:
        """The first role in which the text is narrow enough, or the last."""
        for role in roles:
            if self.width(text, role, weight) <= width:
                return role
        return roles[-1]

    def wrap(
        self, text: str, width: int, role: Role, most: int, weight: Weight = Weight.MEDIUM
    ) -> list[str]:
        """The text in lines, cut after `most` of them."""
        return wrap_text(self.font(role, weight), text, width, most)

    def state(self, x: int, y: int, size: int, state: State, ink: Ink | None = None) -> None:
        """A state's shape in a square."""
        look = theme.LOOKS[state]
        mask = shape_mask(look.shape, size, self.mode == "1")
        self._stamp(mask, x, y, ink or look.ink)

    def fill(self, area: Rect, ink: Ink, radius: int = 0) -> None:
        """A filled rectangle."""
        if area.width <= 0 or area.height <= 0:
            return
        if radius and not self.form.is_tiny:
            radius = min(radius, area.width // 2, area.height // 2)
            self._stamp(round_mask(area.width, area.height, radius), area.x, area.y, ink)
            return
        box = (area.x, area.y, area.right - 1, area.bottom - 1)
        self._draw.rectangle(box, fill=self._colour(ink))

    def outline(self, area: Rect, ink: Ink) -> None:
        """A rectangle's edge, one unit thick."""
        box = (area.x, area.y, area.right - 1, area.bottom - 1)
        thickness = max(1, round(self.form.scale)) if not self.form.is_tiny else 1
        self._draw.rectangle(box, outline=self._colour(ink), width=thickness)

    def rule(self, x: int, y: int, width: int, ink: Ink = Ink.RULE) -> None:
        """A hairline."""
        self.fill(Rect(x, y, width, max(1, round(self.form.scale))), ink)

    def bar(self, area: Rect, share: float, ink: Ink) -> None:
        """How much of something is used, 0 to 1."""
        filled = round(area.width * min(1.0, max(0.0, share)))
        radius = area.height // 2
        if self.mode == "1":
            self.outline(area, ink)
            self.fill(Rect(area.x, area.y, filled, area.height), ink)
            return
        self.fill(area, Ink.TRACK, radius)
        if filled:
            self.fill(Rect(area.x, area.y, max(filled, area.height), area.height), ink, radius)

    def columns(self, area: Rect, heights: Sequence[float | None], ink: Ink, gap: int) -> None:
        """A plot of columns, each 0 to 1; None is a gap in what is known."""
        foot = max(1, round(self.form.scale))
        for number, height in enumerate(heights):
            left = area.x + number * area.width // len(heights)
            right = area.x + (number + 1) * area.width // len(heights) - gap
            if height is None:
                continue
            pixels = max(foot, round(height * area.height)) if height > 0 else foot
            colour = ink if height > 0 else Ink.FAINT
            self.fill(Rect(left, area.bottom - pixels, max(1, right - left), pixels), colour)

    def matrix(self, x: int, y: int, modules: Sequence[Sequence[int]], size: int) -> None:
        """A QR code's modules, dark on light."""
        data = bytes(0 if dot else 255 for row in modules for dot in row)
        small = Image.frombytes("L", (len(modules[0]), len(modules)), data)
        large = small.resize((small.width * size, small.height * size), Image.Resampling.NEAREST)
        self.image.paste(large.convert(self.mode), (x, y))

    def invert(self) -> None:
        """Lit becomes dark and the other way round."""
        inverted = ImageChops.invert(self.image)
        self.image.paste(inverted)

    def _stamp(self, mask: Image.Image, x: int, y: int, ink: Ink) -> None:
        if self.mode == "1":
            mask = mask.convert("1", dither=Image.Dither.NONE)
        self.image.paste(self._colour(ink), (x, y, x + mask.width, y + mask.height), mask)

    def _colour(self, ink: Ink) -> int | tuple[int, int, int]:
        if self.mode == "RGB" and ink is Ink.GROUND and self.form.is_tiny:
            # An OLED: what is dark is off.
            return (0, 0, 0)
        if self.mode == "RGB":
            return theme.COLOURS[ink]
        return theme.grey_of(ink) if self.mode == "L" else 255 * theme.is_lit(ink)


def cut_text(font: Font, text: str, width: int) -> str:
    """The text, or as much of its beginning as fits with an ellipsis (PURE)."""
    if font.width(text) <= width:
        return text
    fewest, most = 0, len(text)
    while fewest < most:
        middle = (fewest + most + 1) // 2
        if font.width(text[:middle].rstrip(" .-") + ELLIPSIS) <= width:
            fewest = middle
        else:
            most = middle - 1
    return text[:fewest].rstrip(" .-") + ELLIPSIS if fewest else ""


def wrap_text(font: Font, text: str, width: int, most: int) -> list[str]:
    """Lines broken at spaces, in a long name also after its signs; the last one is cut (PURE)."""
    lines: list[str] = []
    for word in text.split():
        first, *others = [word] if font.width(word) <= width else _BREAKABLE.findall(word)
        if lines and not others and font.width(f"{lines[-1]} {first}") <= width:
            lines[-1] += f" {first}"
        else:
            lines.append(first)
        for piece in others:
            if font.width(lines[-1] + piece) <= width:
                lines[-1] += piece
            else:
                lines.append(piece)
    if len(lines) > most > 0:
        lines[most - 1 :] = [" ".join(lines[most - 1 :])]
    return [cut_text(font, line, width) for line in lines[: max(0, most)]]

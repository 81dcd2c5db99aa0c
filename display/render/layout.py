"""Which kind of screen it is, and how its space is divided (PURE)."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from display.render.theme import Role


class Kind(enum.Enum):
    """Size classes: each is laid out for itself."""

    TINY = "tiny"
    SMALL = "small"
    LARGE = "large"
    WALL = "wall"


# The smaller side from which on a screen is of a class, and the size its figures below are for.
_FROM = {Kind.SMALL: 200, Kind.LARGE: 440, Kind.WALL: 700}
_REFERENCE = {Kind.SMALL: (320, 240), Kind.LARGE: (800, 480), Kind.WALL: (1280, 720)}
# Sizes of type in pixels at the reference size. Tiny screens have faces of their own.
TYPE = {
    Kind.SMALL: {Role.HERO: 36, Role.TITLE: 24, Role.LEAD: 18, Role.BODY: 15, Role.NOTE: 13},
    Kind.LARGE: {Role.HERO: 76, Role.TITLE: 42, Role.LEAD: 30, Role.BODY: 24, Role.NOTE: 19},
    Kind.WALL: {Role.HERO: 96, Role.TITLE: 48, Role.LEAD: 34, Role.BODY: 26, Role.NOTE: 20},
}
# The unit of all spacing, at the reference size: gaps are 1, 2, 3 or 4 of it, margins 3.
_SPACE = {Kind.TINY: 2, Kind.SMALL: 4, Kind.LARGE: 8, Kind.WALL: 12}


@dataclass(frozen=True, slots=True)
class Rect:
    """A part of the screen."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """Just outside."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """Just outside."""
        return self.y + self.height

    def inset(self, across: int, down: int | None = None) -> "Rect":
        """Smaller on every side."""
        down = across if down is None else down
        return Rect(self.x + across, self.y + down, self.width - 2 * across, self.height - 2 * down)

    def cut_left(self, width: int, gap: int = 0) -> tuple["Rect", "Rect"]:
        """The left part, and what remains beyond a gap."""
        rest = self.x + width + gap
        return Rect(self.x, self.y, width, self.height), Rect(
            rest, self.y, max(0, self.right - rest), self.height
        )

    def cut_top(self, height: int, gap: int = 0) -> tuple["Rect", "Rect"]:
        """The upper part, and what remains beyond a gap."""
        rest = self.y + height + gap
        return Rect(self.x, self.y, self.width, height), Rect(
            self.x, rest, self.width, max(0, self.bottom - rest)
        )

    def cut_bottom(self, height: int, gap: int = 0) -> tuple["Rect", "Rect"]:
        """The lower part, and what remains above a gap."""
        top = self.bottom - height
        return Rect(self.x, top, self.width, height), Rect(
            self.x, self.y, self.width, max(0, top - gap - self.y)
        )

    def columns(self, count: int, gap: int) -> list["Rect"]:
        """Equal columns."""
        width = (self.width - gap * (count - 1)) // count
        return [Rect(self.x + n * (width + gap), self.y, width, self.height) for n in range(count)]

    def rows(self, count: int, gap: int) -> list["Rect"]:
        """Equal rows."""
        height = (self.height - gap * (count - 1)) // count
        return [Rect(self.x, self.y + n * (height + gap), self.width, height) for n in range(count)]

    def grid(self, across: int, down: int, gap: int) -> Iterator["Rect"]:
        """Equal cells, row by row."""
        for row in self.rows(down, gap):
            yield from row.columns(across, gap)


@dataclass(frozen=True, slots=True)
class Form:
    """A screen's size, its class, and whether it stands upright."""

    width: int
    height: int
    kind: Kind
    scale: float

    @property
    def is_tiny(self) -> bool:
        """Whether it has pixel faces."""
        return self.kind is Kind.TINY

    @property
    def is_tall(self) -> bool:
        """Higher than wide."""
        return self.height > self.width

    @property
    def space(self) -> int:
        """The unit of spacing in pixels."""
        return max(1, round(_SPACE[self.kind] * self.scale))

    @property
    def area(self) -> Rect:
        """All of it."""
        return Rect(0, 0, self.width, self.height)

    def size(self, role: Role) -> int:
        """A role's size of type in pixels, where faces are outlines."""
        return max(8, round(TYPE[self.kind][role] * self.scale))


def choose_form(width: int, height: int) -> Form:
    """The class of a screen of this size."""
    longer, shorter = max(width, height), min(width, height)
    found = [kind for kind, least in _FROM.items() if shorter >= least]
    if not found:
        return Form(width, height, Kind.TINY, 1.0)
    reference = _REFERENCE[found[-1]]
    return Form(width, height, found[-1], min(longer / reference[0], shorter / reference[1]))

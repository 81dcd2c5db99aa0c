"""The design language as data: docs/design-language.md says why (PURE).

Names are shared with the dashboard: Ink.QUIET is its --quiet, State.DOWN its --down, Role.LEAD its
--lead. A colour is never the only sign: each state has a shape and a word too.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from display.status.model import State

Colour = tuple[int, int, int]


class Ink(enum.Enum):
    """Colours by what they are for."""

    GROUND = "ground"
    TRACK = "track"
    RULE = "rule"
    TEXT = "text"
    QUIET = "quiet"
    FAINT = "faint"
    LIGHT = "light"
    UP = "up"
    WARNING = "warning"
    DOWN = "down"
    DRAINING = "draining"
    UNKNOWN = "unknown"
    ALARM = "alarm"
    ALARM_TEXT = "alarm-text"
    CAUTION = "caution"
    CAUTION_TEXT = "caution-text"


class Shape(enum.Enum):
    """Forms that differ in outline, so that they differ without colour."""

    DISC = "disc"
    TRIANGLE = "triangle"
    DIAMOND = "diamond"
    HALF_DISC = "half-disc"
    RING = "ring"


class Role(enum.Enum):
    """What a piece of text is for; its size follows from it and from the screen."""

    HERO = "hero"
    TITLE = "title"
    LEAD = "lead"
    BODY = "body"
    NOTE = "note"


class Weight(enum.Enum):
    MEDIUM = "medium"
    BOLD = "bold"


@dataclass(frozen=True, slots=True)
class Look:
    """How a state shows."""

    shape: Shape
    word: str
    ink: Ink


COLOURS: Mapping[Ink, Colour] = {
    Ink.GROUND: (0x0B, 0x0E, 0x13),
    Ink.TRACK: (0x1B, 0x22, 0x2C),
    Ink.RULE: (0x25, 0x2E, 0x3A),
    Ink.TEXT: (0xED, 0xF1, 0xF5),
    Ink.QUIET: (0xA3, 0xAF, 0xBC),
    Ink.FAINT: (0x6B, 0x78, 0x87),
    Ink.LIGHT: (0xF7, 0xD9, 0x8B),
    Ink.UP: (0x5F, 0xD0, 0x8C),
    Ink.WARNING: (0xF5, 0xB8, 0x3D),
    Ink.DOWN: (0xFF, 0x6B, 0x5E),
    Ink.DRAINING: (0x79, 0xAE, 0xFF),
    Ink.UNKNOWN: (0xA3, 0xAF, 0xBC),
    Ink.ALARM: (0xC4, 0x24, 0x1C),
    Ink.ALARM_TEXT: (0xFF, 0xFF, 0xFF),
    Ink.CAUTION: (0xF5, 0xB8, 0x3D),
    Ink.CAUTION_TEXT: (0x1A, 0x12, 0x00),
}
# Greys of OLEDs that have them: text, what steps back, what is barely there.
_GREYS = {Ink.GROUND: 0, Ink.TRACK: 0x30, Ink.RULE: 0x40, Ink.QUIET: 0xA0, Ink.FAINT: 0x60}
_GREYS |= {Ink.ALARM_TEXT: 0, Ink.CAUTION_TEXT: 0}
# One bit a pixel: lit or not. What merely decorates is left out.
_DARK = frozenset((Ink.GROUND, Ink.TRACK, Ink.RULE, Ink.ALARM_TEXT, Ink.CAUTION_TEXT))

LOOKS: Mapping[State, Look] = {
    State.UP: Look(Shape.DISC, "up", Ink.UP),
    State.WARNING: Look(Shape.TRIANGLE, "warning", Ink.WARNING),
    State.DOWN: Look(Shape.DIAMOND, "down", Ink.DOWN),
    State.DRAINING: Look(Shape.HALF_DISC, "draining", Ink.DRAINING),
    State.UNKNOWN: Look(Shape.RING, "unknown", Ink.UNKNOWN),
}


def grey_of(ink: Ink) -> int:
    """The colour on a screen of greys."""
    return _GREYS.get(ink, 0xFF)


def is_lit(ink: Ink) -> bool:
    """The colour on a screen of one bit a pixel."""
    return ink not in _DARK


def luminance(colour: Colour) -> float:
    """Relative luminance (WCAG 2.2, "relative luminance")."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (part / 255 for part in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)

"""The picture of an OLED that nobody looks at closely: little, and never long in one place.

An OLED's pixels fade as they are lit. So after two minutes without a press a card with the verdict
wanders over the screen, now and then in reversed colours, and an alert takes turns with it.
docs/screen.md has what that comes to in a week.
"""

import enum

from display.pages.lines import choose_address
from display.pages.page import Page
from display.render.canvas import cut_text
from display.render.layout import Rect
from display.render.theme import Ink, Role

MOVE_S = 15.0
# One place in so many is shown in reversed colours.
REVERSED_ONE_IN = 8
# Steps of a walk that comes everywhere and leaves no place out (the plastic number's, R2).
_ACROSS, _DOWN = 0.7548776662466927, 0.5698402909980532
_LINES_FROM_PX = 56
PHASE_S = 5.0


class Phase(enum.Enum):
    """The turns of a picture that stays until somebody comes."""

    PLAIN = "plain"
    CARD = "card"
    REVERSED = "reversed"


def place(number: int, across: int, down: int) -> tuple[int, int]:
    """Where the card lies at its move of this number, in the room there is for it."""
    x = int((number * _ACROSS + 0.5) % 1 * (max(0, across) + 1))
    y = int((number * _DOWN + 0.5) % 1 * (max(0, down) + 1))
    return x, y


def draw(page: Page) -> None:
    """The card at its place: the lamp with its word, and the address where there is height."""
    canvas, verdict = page.canvas, page.verdict
    has_lines = min(page.form.width, page.form.height) >= _LINES_FROM_PX
    lamp, gap = 9, 4
    if has_lines:
        lamp = 15 if page.form.is_tiny else canvas.cap(Role.HERO)
        gap = 4 if page.form.is_tiny else 2 * page.space
    pad = 2 if page.form.is_tiny else 2 * page.space
    room = page.form.width - 2 * pad
    role = canvas.fit(verdict.word, room - lamp - gap, (Role.LEAD, Role.BODY))
    word = verdict.word if canvas.width(verdict.word, role) <= room - lamp - gap else ""
    line = cut_text(canvas.font(Role.NOTE), _line(page, room), room) if has_lines else ""
    width = lamp + (gap + canvas.width(word, role) if word else 0)
    card = Rect(0, 0, max(width, canvas.width(line, Role.NOTE)) + 2 * pad, lamp + 2 * pad)
    if line:
        card = Rect(0, 0, card.width, card.height + gap + canvas.cap(Role.NOTE))
    number = int(page.view.now_s // MOVE_S)
    x, y = place(number, page.form.width - card.width, page.form.height - card.height)
    ink = Ink.TEXT
    if number % REVERSED_ONE_IN == REVERSED_ONE_IN - 1:
        canvas.fill(Rect(x, y, card.width, card.height), Ink.TEXT)
        ink = Ink.GROUND
    canvas.state(x + pad, y + pad, lamp, verdict.state, ink if canvas.mode != "RGB" else None)
    top = y + pad + (lamp - canvas.cap(role) + 1) // 2
    canvas.text(x + pad + lamp + gap, top, word, role, ink)
    canvas.text(x + pad, y + pad + lamp + gap, line, Role.NOTE, ink)


def _line(page: Page, room: int) -> str:
    """The address; with trouble, in turn with what it is."""
    troubles = page.verdict.troubles
    if troubles and page.view.turn(2) == 0:
        return troubles[0].what
    return choose_address(page, room)[0]


def phase(now_s: float) -> Phase:
    """How a picture that waits for somebody is shown now.

    Plain and reversed, no pixel is lit more than half of the time; with the card between less.
    """
    return (Phase.PLAIN, Phase.CARD, Phase.REVERSED, Phase.CARD)[int(now_s // PHASE_S) % 4]

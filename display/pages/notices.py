"""Pictures for when there is nothing else to show: each says one thing."""

from dataclasses import dataclass

from display.pages.page import Page
from display.render.layout import Rect
from display.render.theme import LOOKS, Ink, Role, Weight
from display.status.model import State

SHUTDOWN_S = 10.0


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing said with a shape, a word and a sentence."""

    state: State
    word: str
    sentence: str


def draw_starting(page: Page) -> None:
    """The box boots, or the proxy does."""
    _draw(page, Notice(State.UNKNOWN, "Starting", "One moment: the proxy has not answered yet."))


def draw_gone(page: Page) -> None:
    """The proxy does not answer."""
    sentence = "The proxy does not answer. Sites are not served. It is asked again all the time."
    _draw(page, Notice(State.DOWN, "Proxy gone", sentence))


def draw_updating(page: Page) -> None:
    """The box is being updated."""
    sentence = page.view.text or "The box is being updated."
    _draw(page, Notice(State.DRAINING, "Updating", f"{sentence} Do not switch it off."))


def draw_closing(page: Page) -> None:
    """The box shuts down: the last picture."""
    sentence = "Switch it off when its green light stays dark."
    _draw(page, Notice(State.DRAINING, "Shutting down", sentence))


def draw_shutdown(page: Page) -> None:
    """The countdown before; any press ends it."""
    left = SHUTDOWN_S if page.view.seconds_left is None else page.view.seconds_left
    sentence = "Press to cancel."
    word = f"Off in {left:.0f} s"
    _draw(page, Notice(State.WARNING, word, sentence), share=left / SHUTDOWN_S)


def draw_hold(page: Page) -> None:
    """While the button is held for very long."""
    sentence = "To shut the box down. Let go to stay."
    notice = Notice(State.WARNING, "Keep holding", sentence)
    _draw(page, notice, share=page.view.hold)


def draw_broken(page: Page) -> None:
    """A page that failed."""
    sentence = f"The page {page.view.text or 'shown'} cannot be drawn. The others can."
    _draw(page, Notice(State.WARNING, "Page broken", sentence))


def _draw(page: Page, notice: Notice, share: float | None = None) -> None:
    canvas, area, space = page.canvas, page.area, page.space
    if page.form.is_tiny:
        _draw_tiny(page, notice, share)
        return
    if share is not None:
        foot, area = area.cut_bottom(max(4, space * 3 // 2), 2 * space)
        canvas.bar(foot, share, LOOKS[notice.state].ink)
    cap = canvas.cap(Role.HERO)
    lines = canvas.wrap(notice.sentence, area.width, Role.LEAD, 5)
    lamp = round(cap * 1.7)
    gap = page.below(cap) + 2 * space
    height = lamp + 4 * space + cap + gap + len(lines) * canvas.line(Role.LEAD)
    y = area.y + max(0, (area.height - height) // 2)
    canvas.state(area.x, y, lamp, notice.state)
    y += lamp + 4 * space
    role = canvas.fit(notice.word, area.width, (Role.HERO, Role.TITLE), Weight.BOLD)
    ink = LOOKS[notice.state].ink
    canvas.text(area.x, y, notice.word, role, ink, Weight.BOLD, width=area.width)
    y += canvas.cap(role) + gap
    for line in lines:
        canvas.text(area.x, y, line, Role.LEAD, Ink.QUIET)
        y += canvas.line(Role.LEAD)


def _draw_tiny(page: Page, notice: Notice, share: float | None) -> None:
    canvas, area = page.canvas, page.area
    if share is not None:
        foot, area = area.cut_bottom(3, 3)
        canvas.fill(Rect(foot.x, foot.y, round(foot.width * min(1.0, share)), 3), Ink.TEXT)
    size = 15
    canvas.state(area.x, area.y, size, notice.state)
    if area.width < 90:
        y, x, room = area.y + size + 5, area.x, area.width
    else:
        y, x, room = area.y, area.x + size + 5, area.width - size - 5
    role = canvas.fit(notice.word, room, (Role.HERO, Role.LEAD, Role.BODY))
    if x > area.x:
        y += (size - canvas.cap(role) + 1) // 2
    lines = canvas.wrap(notice.word, room, role, 1 if x > area.x else 2)
    for line in lines:
        canvas.text(x, y, line, role)
        y += canvas.line(role)
    y = max(y, area.y + size) + 4
    most = max(0, (area.bottom - y + 2) // canvas.line(Role.BODY))
    for line in canvas.wrap(notice.sentence, area.width, Role.BODY, most):
        canvas.text(area.x, y, line, Role.BODY, Ink.QUIET)
        y += canvas.line(Role.BODY)

"""The last five minutes."""

from collections.abc import Callable
from dataclasses import dataclass

from display.pages.page import Page
from display.pages.parts import draw_plot
from display.render.layout import Kind, Rect
from display.render.theme import Ink, Role, Weight
from display.status import words
from display.status.history import Sample
from display.status.model import Status


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is plotted."""

    name: str
    of: Callable[[Sample], float | None]
    now: Callable[[Status], float | None]
    words: Callable[[float | None], str]
    least_top: float = 1.0


def _rate(value: float | None) -> str:
    return words.NOT_REPORTED if value is None else f"{words.short_amount(value)}/s"


def _milliseconds(value: float | None) -> str:
    return "idle" if value is None else words.milliseconds(value)


MEASURES = (
    Measure("requests", lambda s: s.requests_per_s, lambda s: s.proxy.requests_per_s, _rate),
    Measure("99 % within", lambda s: s.p99_ms, lambda s: s.proxy.latency.p99_ms, _milliseconds),
    Measure(
        "to clients",
        lambda s: s.bytes_out_per_s,
        lambda s: s.proxy.bytes_out_per_s,
        words.bytes_rate,
        1000.0,
    ),
    Measure(
        "from clients",
        lambda s: s.bytes_in_per_s,
        lambda s: s.proxy.bytes_in_per_s,
        words.bytes_rate,
        1000.0,
    ),
)


def draw(page: Page) -> None:
    """As many plots as there is room for."""
    body = page.frame("Traffic", "5 min")
    form = page.form
    if form.is_tiny:
        _draw_tiny(page, body)
        return
    across, down = (1, 4) if form.is_tall else (2, 2) if form.kind is not Kind.SMALL else (1, 2)
    cells = body.grid(across, down, 4 * page.space)
    for measure, cell in zip(MEASURES, cells, strict=False):
        _draw_cell(page, cell, measure)


def _draw_cell(page: Page, cell: Rect, measure: Measure) -> None:
    canvas, space = page.canvas, page.space
    figure = measure.words(measure.now(page.view.known))
    top, plot = cell.cut_top(canvas.cap(Role.LEAD), space * 3 // 2)
    used = canvas.text(top.x, top.y, figure, Role.LEAD, weight=Weight.BOLD)
    y = top.y + top.height - canvas.cap(Role.NOTE)
    canvas.text(
        top.x + used + space, y, measure.name, Role.NOTE, Ink.QUIET, width=top.width - used - space
    )
    draw_plot(page, plot, measure.of, axis=measure.words, least_top=measure.least_top)


def _draw_tiny(page: Page, body: Rect) -> None:
    """One after the other where there is room for one."""
    canvas = page.canvas
    room = 2 if body.height >= 80 else 1
    first = page.view.turn(len(MEASURES)) if room == 1 else page.view.turn(2) * 2
    for measure, cell in zip(MEASURES[first : first + room], body.rows(room, 5), strict=True):
        figure = measure.words(measure.now(page.view.known))
        top, plot = cell.cut_top(canvas.cap(Role.LEAD), 3)
        role = canvas.fit(figure, top.width, (Role.LEAD, Role.BODY))
        used = canvas.text(top.x, top.y, figure, role, width=top.width)
        room_left = top.width - used - 6
        if canvas.width(measure.name, Role.NOTE) <= room_left:
            y = top.y + canvas.cap(role) - canvas.cap(Role.NOTE)
            canvas.text(top.right, y, measure.name, Role.NOTE, Ink.QUIET, align="right")
        draw_plot(page, plot, measure.of, least_top=measure.least_top)

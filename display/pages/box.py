"""The machine itself."""

from dataclasses import dataclass

from display.pages.page import Page
from display.pages.parts import Item, draw_facts, draw_rows
from display.render.layout import Kind, Rect
from display.render.theme import Ink, Role, Weight
from display.status import words
from display.status.model import Power, Use
from display.status.verdict import FULL_PERCENT, HOT_C

WARM_C = 70.0
# The scale of the thermometer.
_COLD_C, _HOTTEST_C = 20.0, 90.0


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure with a bar: its share is 0 to 1, None when it is not reported."""

    name: str
    figure: str
    share: float | None
    ink: Ink
    note: str = ""


def draw(page: Page) -> None:
    """Temperature, processor, memory, disk; power and uptime."""
    box = page.view.known.box
    body = page.frame("Box")
    facts = [("power", power_words(box.power)), ("up for", words.long_span(box.uptime_s))]
    gauges = _gauges(page)
    if page.form.is_tiny:
        names = ("temp", "CPU", "memory", "disk")
        items = [Item(n, gauge.figure) for n, gauge in zip(names, gauges, strict=True)]
        facts[1] = ("up", words.long_span(box.uptime_s))
        _draw_tiny(page, body, gauges, [*items, *(Item(*fact) for fact in facts)])
        return
    across = 4 if page.form.kind is not Kind.SMALL and not page.form.is_tall else 2
    step = page.canvas.cap(Role.NOTE) + page.canvas.cap(Role.LEAD) + 2 * page.space
    low, top = body.cut_bottom(step, 4 * page.space)
    is_narrow = page.form.is_tall and page.form.kind is not Kind.SMALL
    cells = top.grid(*((1, 4) if is_narrow else (2, 2)), 4 * page.space)
    for gauge, cell in zip(gauges, cells, strict=True):
        _draw_gauge(page, cell, gauge)
    draw_facts(page, low, facts, across)
    if across == 4 and box.model:
        _draw_model(page, low.columns(2, 4 * page.space)[1], box.model)


def _draw_model(page: Page, area: Rect, model: str) -> None:
    canvas = page.canvas
    canvas.text(area.x, area.y, "model", Role.NOTE, Ink.QUIET)
    y = area.y + canvas.cap(Role.NOTE) + 2 * page.space
    role = canvas.fit(model, area.width, (Role.LEAD, Role.BODY, Role.NOTE), Weight.BOLD)
    canvas.text(area.x, y, model, role, weight=Weight.BOLD, width=area.width)


def power_words(power: Power) -> str:
    """What is known of the supply; never fine when nothing is."""
    if power.undervoltage:
        return "voltage too low"
    if power.throttled:
        return "slowed down"
    if power.undervoltage is None and power.throttled is None:
        return words.NOT_REPORTED
    return "good"


def _gauges(page: Page) -> list[Gauge]:
    box = page.view.known.box
    heat = box.temperature_c
    heat_share = None if heat is None else (heat - _COLD_C) / (_HOTTEST_C - _COLD_C)
    heat_ink = Ink.UP if heat is None or heat < WARM_C else Ink.WARNING
    if heat is not None and heat >= HOT_C:
        heat_ink = Ink.DOWN
    busy = box.cpu_percent
    return [
        Gauge("temperature", words.degrees(heat), heat_share, heat_ink),
        Gauge("processor", words.percent(busy), None if busy is None else busy / 100, Ink.UP),
        _use("memory", box.memory),
        _use("disk", box.disk),
    ]


def _use(name: str, use: Use | None) -> Gauge:
    if use is None:
        return Gauge(name, words.NOT_REPORTED, None, Ink.UP)
    ink = Ink.WARNING if use.percent >= FULL_PERCENT - 10 else Ink.UP
    note = f"{words.size(use.used_bytes)} of {words.size(use.total_bytes)}"
    return Gauge(name, words.percent(use.percent), use.percent / 100, ink, note)


def _draw_gauge(page: Page, cell: Rect, gauge: Gauge) -> None:
    canvas, space = page.canvas, page.space
    role = Role.TITLE if gauge.share is not None else Role.LEAD
    y = cell.y
    canvas.text(cell.x, y, gauge.name, Role.NOTE, Ink.QUIET)
    if page.form.kind is not Kind.SMALL:
        canvas.text(cell.right, y, gauge.note, Role.NOTE, Ink.FAINT, align="right")
    height = max(3, space)
    caps = canvas.cap(Role.NOTE) + canvas.cap(Role.TITLE)
    gap = min(2 * space, (cell.height - caps - height) // 2)
    y += canvas.cap(Role.NOTE) + gap
    canvas.text(cell.x, y, gauge.figure, role, weight=Weight.BOLD, width=cell.width)
    y += canvas.cap(Role.TITLE) + gap
    bar = Rect(cell.x, y, cell.width, height)
    if gauge.share is None:
        canvas.fill(bar, Ink.TRACK, height // 2)
    else:
        canvas.bar(bar, gauge.share, gauge.ink)


def _draw_tiny(page: Page, body: Rect, gauges: list[Gauge], items: list[Item]) -> None:
    """Lines, with bars between name and figure where there is room for all of them."""
    steps = draw_rows(page, body, items)
    if len(steps) < len(items) or body.width < 120:
        return
    left = body.x + 44
    for y, gauge in zip(steps, gauges, strict=False):
        if gauge.share is not None:
            page.canvas.bar(Rect(left, y + 1, body.right - 36 - left, 5), gauge.share, Ink.TEXT)

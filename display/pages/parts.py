"""The parts that pages are put together from: rows, facts, figures, plots, codes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import segno

from display.pages.page import Page
from display.render.layout import Kind, Rect
from display.render.theme import Ink, Role, Weight
from display.status import words
from display.status.history import Sample, nice_top, sum_up
from display.status.model import State

# Columns a plot may have: the window is divided by each without a rest.
_COLUMNS = (150, 100, 60, 30, 15)
QUIET_MODULES = 2
# Phones do not read modules of one pixel.
LEAST_MODULE_PX = 2
# An OLED of 128x64 or 128x32 that stands upright.
NARROW_PX = 70


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list. A spare value is left out where it would cut the label."""

    label: str
    value: str = ""
    note: str = ""
    state: State | None = None
    is_quiet: bool = False
    is_value_spare: bool = False


@dataclass(frozen=True, slots=True)
class Spacing:
    """How rows are set: their type, and from one row to the next."""

    role: Role
    step: int


def draw_rows(page: Page, area: Rect, items: Sequence[Item], across: int = 1) -> list[int]:
    """A list, as large as it fits; where its rows begin.

    What does not fit is counted, and shown in parts.
    """
    items = _unfold(page, area, items)
    spacing, down = _choose_spacing(page, area, items, across)
    if len(items) > down * across:
        if not page.form.is_tiny:
            line, area = area.cut_bottom(page.canvas.cap(Role.NOTE), 2 * page.space)
            down = _count_rows(page, area, spacing)
        items, text = _choose_part(page, items, down * across)
        if not page.form.is_tiny:
            page.canvas.text(line.x, line.y, text, Role.NOTE, Ink.FAINT)
    down = min(down, -(-len(items) // across))
    columns = area.columns(across, 5 * page.space)
    tops = [area.y + number % down * spacing.step for number in range(len(items))]
    for number, (y, item) in enumerate(zip(tops, items, strict=True)):
        column = columns[number // down % across]
        _draw_row(page, Rect(column.x, y, column.width, spacing.step), item, spacing.role)
    return tops


def _unfold(page: Page, area: Rect, items: Sequence[Item]) -> Sequence[Item]:
    """A value that has no room beside a short name goes to a line of its own.

    On a very narrow screen one beside a long name does so too.
    """
    canvas = page.canvas
    unfolded: list[Item] = []
    for item in items:
        is_short = item.state is None and canvas.width(item.label, Role.BODY) < area.width // 2
        fits = _needed_width(page, item, Role.BODY) <= area.width
        if fits or item.is_value_spare or not (is_short or area.width < NARROW_PX):
            unfolded.append(item)
        else:
            unfolded += [replace(item, value=""), Item("", item.value)]
    return unfolded


def _choose_spacing(
    page: Page, area: Rect, items: Sequence[Item], across: int
) -> tuple[Spacing, int]:
    """The roomiest in which all rows fit, or the tightest; how many fit in a column."""
    canvas, space = page.canvas, page.space
    width = area.columns(across, 5 * space)[0].width
    if page.form.is_tiny:
        line = canvas.line(Role.BODY)
        choices = [Spacing(Role.BODY, line + more) for more in (4, 2, page.form.height >= 30)]
    else:
        notes = canvas.cap(Role.NOTE) + round(space * 1.5) if any(i.note for i in items) else 0
        choices = [
            Spacing(role, canvas.cap(role) + notes + round(gap * space))
            for role, gap in ((Role.LEAD, 4), (Role.LEAD, 3), (Role.BODY, 3), (Role.BODY, 2.3))
        ]
    down = 1
    for spacing in choices:
        down = _count_rows(page, area, spacing)
        is_whole = spacing.role is Role.BODY or all(
            _needed_width(page, item, spacing.role) <= width for item in items
        )
        if is_whole and len(items) <= down * across:
            return spacing, down
    return choices[-1], down


def _needed_width(page: Page, item: Item, role: Role) -> int:
    """For a row with nothing cut."""
    canvas = page.canvas
    mark = round(canvas.cap(role) * 1.15) + 2 * page.space if item.state else 0
    gap = 2 * page.space if item.value else 0
    return mark + canvas.width(item.label, role) + gap + canvas.width(item.value, role)


def _count_rows(page: Page, area: Rect, spacing: Spacing) -> int:
    """Rows in an area; the last one needs no gap below."""
    return max(1, (area.height + (3 if page.form.is_tiny else 2 * page.space)) // spacing.step)


def _choose_part(page: Page, items: Sequence[Item], size: int) -> tuple[Sequence[Item], str]:
    """The part of a long list that is shown, and which it is; tiny screens turn by themselves."""
    parts = -(-len(items) // size)
    turned = page.view.turn(parts) if page.form.is_tiny else 0
    # The last part is as full as the others.
    first = min((page.view.part + turned) % parts * size, len(items) - size)
    shown = items[first : first + size]
    text = f"{first + 1}{words.DASH}{first + len(shown)} of {len(items)}"
    return shown, page.hint("more", text)


def _draw_row(page: Page, area: Rect, item: Item, role: Role) -> None:
    canvas, tiny = page.canvas, page.form.is_tiny
    cap = canvas.cap(role)
    x, y = area.x, area.y
    if item.state is not None:
        size = cap if tiny else round(cap * 1.15)
        canvas.state(x, y - (size - cap) // 2, size, item.state)
        x += size + (3 if tiny else page.space * 3 // 2)
    gap = 4 if tiny else 2 * page.space
    room = area.right - x
    value_room = room
    if item.label:
        # A short name stays whole; a long one leaves the value its half.
        label_width = canvas.width(item.label, role)
        value_room = max(room - gap - label_width, 0 if label_width < room // 2 else room // 2)
    used = 0
    is_cut = _needed_width(page, item, role) > area.width
    if item.value and not (is_cut and item.is_value_spare):
        used = canvas.text(
            area.right, y, item.value, role, Ink.QUIET, align="right", width=value_room
        )
        used += gap
    ink = Ink.QUIET if item.is_quiet else Ink.TEXT
    canvas.text(x, y, item.label, role, ink, width=room - used)
    if item.note and not tiny:
        y += cap + round(page.space * 1.5)
        canvas.text(x, y, item.note, Role.NOTE, Ink.QUIET, width=room)


def draw_facts(page: Page, area: Rect, facts: Sequence[tuple[str, str]], across: int) -> int:
    """Names with their values below, in a grid, on panels; the height it takes."""
    canvas, space = page.canvas, page.space
    step = canvas.cap(Role.NOTE) + canvas.cap(Role.LEAD) + 6 * space
    for number, (name, value) in enumerate(facts):
        cell = area.columns(across, 4 * space)[number % across]
        y = area.y + number // across * step
        canvas.text(cell.x, y, name, Role.NOTE, Ink.QUIET, width=cell.width)
        y += canvas.cap(Role.NOTE) + 2 * space
        role = canvas.fit(value, cell.width, (Role.LEAD, Role.BODY, Role.NOTE), Weight.BOLD)
        canvas.text(cell.x, y, value, role, weight=Weight.BOLD, width=cell.width)
    return -(-len(facts) // across) * step - 4 * space


def draw_plot(
    page: Page,
    area: Rect,
    of: Callable[[Sample], float | None],
    ink: Ink = Ink.LIGHT,
    axis: Callable[[float], str] | None = None,
    least_top: float = 1.0,
) -> None:
    """The last minutes as columns; with `axis` the upper end of the axis is named."""
    least = {Kind.TINY: 1, Kind.SMALL: 3}.get(page.form.kind, 5 * page.form.scale)
    fitting = [count for count in _COLUMNS if area.width / count >= least]
    count = fitting[0] if fitting else _COLUMNS[-1]
    means = sum_up(page.view.history, of, page.view.now_s, count)
    top = nice_top(max((mean for mean in means if mean is not None), default=0.0), least_top)
    gap = 0 if page.form.is_tiny else max(1, round(area.width / count / 4))
    heights = [None if mean is None else mean / top for mean in means]
    if axis is not None:
        label, area = area.cut_top(page.canvas.cap(Role.NOTE), page.space)
        page.canvas.text(label.right, label.y, axis(top), Role.NOTE, Ink.FAINT, align="right")
        page.canvas.rule(area.x, area.y, area.width)
    page.canvas.columns(area, heights, ink, gap)
    if not page.form.is_tiny:
        page.canvas.rule(area.x, area.bottom, area.width)


@lru_cache(8)
def qr_modules(text: str) -> tuple[tuple[int, ...], ...]:
    """A QR code with a narrow quiet zone, as light surrounds it on the screen."""
    code = segno.make(text, error="l", micro=False, boost_error=False)
    return tuple(tuple(row) for row in code.matrix_iter(border=QUIET_MODULES))


def fit_code(text: str, room: int) -> int:
    """The side of a QR code in pixels, at most `room`; 0 when it could not be read."""
    modules = len(qr_modules(text))
    size = room // modules
    return size * modules if size >= LEAST_MODULE_PX else 0


def draw_code(page: Page, x: int, y: int, text: str, side: int) -> None:
    """A QR code of a side that `fit_code` found."""
    modules = qr_modules(text)
    page.canvas.matrix(x, y, modules, side // len(modules))

"""The overview on an OLED: what there is no height for is left out, the least first."""

from display.pages.lines import choose_address, requests, site_item, trouble_items
from display.pages.page import Page
from display.pages.parts import draw_plot, draw_rows
from display.render.layout import Rect
from display.render.theme import Ink, Role
from display.status import words
from display.status.verdict import busiest_site, sort_sites

LAMP_PX = 15
_WIDE_PX = 200
_NARROW_PX = 90
_WITH_HEAD_PX = 56
_WITH_DETAIL_PX = 112


def draw_tiny(page: Page) -> None:
    """From 16 rows of pixels up."""
    canvas, area = page.canvas, page.area
    if area.width >= _WIDE_PX:
        area, right = area.cut_left(124, 10)
        _draw_list(page, right)
    if area.height >= _WITH_HEAD_PX:
        head, area = area.cut_top(canvas.cap(Role.NOTE), 5)
        room = head.width
        if area.width >= _NARROW_PX:
            used = canvas.text(
                head.right, head.y, page.view.clock, Role.NOTE, Ink.QUIET, align="right"
            )
            room -= used + 4
        canvas.text(head.x, head.y, page.view.name, Role.NOTE, Ink.QUIET, width=room)
    area = _draw_hero(page, area)
    cap = canvas.cap(Role.NOTE)
    if area.height < cap:
        return
    if page.form.height >= _WITH_DETAIL_PX and not page.verdict.troubles:
        for line in canvas.wrap(page.verdict.detail, area.width, Role.NOTE, 3):
            line_area, area = area.cut_top(cap, 3)
            canvas.text(line_area.x, line_area.y, line, Role.NOTE, Ink.QUIET)
        area = area.cut_top(0, 4)[1]
    foot, rest = area.cut_bottom(cap + 1, 3)
    if rest.height < canvas.cap(Role.LEAD):
        _draw_one_line(page, foot)
        return
    canvas.text(foot.x, foot.y, _foot(page, foot.width), Role.NOTE, width=foot.width)
    if page.verdict.troubles:
        _draw_trouble(page, rest)
    else:
        _draw_traffic(page, rest)


def _draw_hero(page: Page, area: Rect) -> Rect:
    """The lamp with its word beside it, or below on a narrow screen; what is left."""
    canvas, verdict = page.canvas, page.verdict
    if area.width < _NARROW_PX:
        size = min(area.width, 2 * LAMP_PX - 1)
        canvas.state(area.x, area.y, size, verdict.state)
        area = area.cut_top(size, 5)[1]
        longest = max(verdict.word.split(), key=len)
        role = canvas.fit(longest, area.width, (Role.LEAD, Role.BODY))
        for line in canvas.wrap(verdict.word, area.width, role, 2):
            line_area, area = area.cut_top(canvas.cap(role), 4)
            canvas.text(line_area.x, line_area.y, line, role, width=area.width)
        return area.cut_top(0, 2)[1]
    canvas.state(area.x, area.y, LAMP_PX, verdict.state)
    x = area.x + LAMP_PX + 5
    room = area.right - x
    role = canvas.fit(verdict.word, room, (Role.HERO, Role.LEAD, Role.BODY))
    y = area.y + (LAMP_PX - canvas.cap(role) + 1) // 2
    canvas.text(x, y, verdict.word, role, width=room)
    return area.cut_top(LAMP_PX, 5)[1]


def _rate(page: Page) -> str:
    rate = page.view.known.proxy.requests_per_s
    return f"{words.DASH} /s" if rate is None else f"{words.short_amount(rate)}/s"


def _draw_one_line(page: Page, foot: Rect) -> None:
    """Trouble, or traffic and address, where there is one line left."""
    canvas = page.canvas
    troubles = page.verdict.troubles
    if troubles:
        trouble = troubles[page.view.turn(len(troubles))]
        canvas.text(foot.x, foot.y, trouble.what, Role.NOTE, width=foot.width)
        return
    used = canvas.text(foot.x, foot.y, _rate(page), Role.NOTE) + 6
    if foot.width >= _NARROW_PX:
        room = foot.width - used
        address, _ = choose_address(page, room)
        canvas.text(foot.right, foot.y, address, Role.NOTE, align="right", width=room)


def _draw_trouble(page: Page, area: Rect) -> None:
    """Which it is, and why; several take turns."""
    canvas = page.canvas
    troubles = page.verdict.troubles
    trouble = troubles[page.view.turn(len(troubles))]
    role = canvas.fit(trouble.what, area.width, (Role.LEAD, Role.BODY))
    canvas.text(area.x, area.y, trouble.what, role, width=area.width)
    y = area.y + canvas.cap(role) + 4
    lines = max(0, (area.bottom - y + 3) // canvas.line(Role.NOTE))
    for line in canvas.wrap(trouble.why, area.width, Role.NOTE, lines):
        canvas.text(area.x, y, line, Role.NOTE, Ink.QUIET)
        y += canvas.line(Role.NOTE)


def _draw_traffic(page: Page, area: Rect) -> None:
    canvas = page.canvas
    text = _rate(page)
    if area.width < _NARROW_PX or area.height > 30:
        canvas.text(area.x, area.y, text, Role.LEAD)
        area = area.cut_top(canvas.cap(Role.LEAD), 3)[1]
    else:
        middle = area.y + (area.height - canvas.cap(Role.LEAD)) // 2
        width = canvas.text(area.x, middle, text, Role.LEAD)
        area = area.cut_left(max(56, width + 8))[1]
    draw_plot(page, area, requests)


def _foot(page: Page, room: int) -> str:
    """The address; in turn with the busiest site where all is well."""
    busiest = busiest_site(page.view.known)
    if busiest is None or page.verdict.troubles or page.view.turn(3) < 2:
        return choose_address(page, room)[0]
    return f"↑ {words.host_name(busiest.host)}"


def _draw_list(page: Page, area: Rect) -> None:
    """Beside the rest on a wide OLED: troubles, or the sites."""
    sites = sort_sites(page.view.known.sites)
    items = trouble_items(page) or [site_item(site) for site in sites]
    page.canvas.fill(Rect(area.x - 6, area.y, 1, area.height), Ink.RULE)
    draw_rows(page, area, items)

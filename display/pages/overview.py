"""Is all well? The page that stays on."""

from display.pages.lines import choose_address, requests, site_item, trouble_items
from display.pages.overview_tiny import draw_tiny
from display.pages.page import Page
from display.pages.parts import draw_plot, draw_rows
from display.render.layout import Kind, Rect
from display.render.theme import LOOKS, Ink, Role, Weight
from display.status import words
from display.status.model import State
from display.status.verdict import busiest_site, sort_sites


def draw(page: Page) -> None:
    """The name, the verdict, the traffic, the address."""
    if page.form.is_tiny:
        draw_tiny(page)
        return
    canvas, space = page.canvas, page.space
    head, body = page.area.cut_top(canvas.cap(Role.LEAD), 4 * space)
    used = canvas.text(head.right, head.y, page.view.clock, Role.LEAD, Ink.QUIET, align="right")
    canvas.text(
        head.x,
        head.y,
        page.view.name,
        Role.LEAD,
        weight=Weight.BOLD,
        width=head.width - used - space,
    )
    foot, body = body.cut_bottom(canvas.cap(Role.LEAD), 3 * space)
    _draw_foot(page, foot)
    if page.form.kind is Kind.WALL and not page.form.is_tall:
        left, right = body.cut_left(body.width * 62 // 100, 6 * space)
        _draw_sites(page, right)
        body = left
    body = _draw_hero(page, body)
    if page.verdict.troubles:
        draw_rows(page, body, trouble_items(page))
    elif page.form.is_tall:
        traffic, rest = body.cut_top(body.height * 45 // 100, 4 * space)
        _draw_traffic(page, traffic)
        _draw_sites(page, rest)
    else:
        _draw_traffic(page, body)


def _draw_hero(page: Page, body: Rect) -> Rect:
    """The lamp and its word; what is left below."""
    canvas, space, verdict = page.canvas, page.space, page.verdict
    cap = canvas.cap(Role.HERO)
    detail = _detail(page)
    gap = page.below(cap) + space
    height = cap + gap + canvas.cap(Role.BODY)
    hero, rest = body.cut_top(height, 5 * space)
    canvas.state(hero.x, hero.y, height, verdict.state)
    x = hero.x + height + 3 * space
    room = hero.right - x
    role = canvas.fit(verdict.word, room, (Role.HERO, Role.TITLE), Weight.BOLD)
    ink = Ink.TEXT if verdict.state is State.UP else LOOKS[verdict.state].ink
    y = hero.y + cap - canvas.cap(role)
    canvas.text(x, y, verdict.word, role, ink, Weight.BOLD, width=room)
    canvas.text(x, hero.y + cap + gap, detail, Role.BODY, Ink.QUIET, width=room)
    return rest


def _detail(page: Page) -> str:
    """With troubles the rows below say which: the line says what still goes."""
    verdict = page.verdict
    if not verdict.troubles:
        return verdict.detail
    sites = page.view.known.sites
    states = [site.state for site in sites]
    if not sites or set(states) == {State.UNKNOWN}:
        return words.counted(len(sites), "site") + (", not checked" if sites else "")
    return f"{states.count(State.UP)} of {words.counted(len(sites), 'site')} up"


def _draw_traffic(page: Page, area: Rect) -> None:
    canvas, space = page.canvas, page.space
    rate = page.view.known.proxy.requests_per_s
    figure = words.amount(rate) if rate is not None else words.NOT_REPORTED
    if page.form.is_tall:
        number, plot = area.cut_top(canvas.cap(Role.TITLE), 2 * space)
    else:
        number, plot = area.cut_left(area.width * 38 // 100, 3 * space)
    role = Role.TITLE if rate is not None else Role.LEAD
    used = canvas.text(number.x, number.y, figure, role, weight=Weight.BOLD, width=number.width)
    y = number.y + canvas.cap(role)
    if rate is not None:
        label = "requests/s"
        below = y - canvas.cap(Role.NOTE)
        canvas.text(number.x + used + space, below, label, Role.NOTE, Ink.QUIET)
    busiest = busiest_site(page.view.known)
    if not page.form.is_tall and busiest is not None:
        y += 3 * space
        canvas.text(number.x, y, "busiest", Role.NOTE, Ink.QUIET)
        y += canvas.cap(Role.NOTE) + space * 3 // 2
        name = words.host_name(busiest.host)
        role = canvas.fit(name, number.width, (Role.BODY, Role.NOTE))
        canvas.text(number.x, y, name, role, width=number.width)
    draw_plot(page, plot, requests, axis=lambda top: f"{words.short_amount(top)}/s")


def _draw_sites(page: Page, area: Rect) -> None:
    items = [site_item(site) for site in sort_sites(page.view.known.sites)]
    draw_rows(page, area, items)


def _draw_foot(page: Page, foot: Rect) -> None:
    """The address, always easy to find, and which page this is."""
    canvas, space = page.canvas, page.space
    count = len(page.view.pages)
    size = max(3, round(space * 0.7)) * 2 * count
    if count > 1:
        page.dots(Rect(foot.right - size, foot.y, size, foot.height))
    address, role = choose_address(page, foot.width - size - 2 * space)
    y = foot.y + foot.height - canvas.cap(role)
    canvas.text(foot.x, y, address, role, width=foot.width - size - 2 * space)

"""Every site with its state, and one of them closely."""

from display.pages.lines import site_item
from display.pages.page import Page
from display.pages.parts import Item, draw_facts, draw_plot, draw_rows
from display.render.layout import Kind, Rect
from display.render.theme import LOOKS, Ink, Role, Weight
from display.status import words
from display.status.model import Backend, Site
from display.status.verdict import sort_sites

# Names of facts where there is little room.
_SHORT = {"half within": "p50", "99 % within": "p99", "certificate": "cert"}


def draw_sites(page: Page) -> None:
    """The broken ones first."""
    sites = sort_sites(page.view.known.sites)
    body = page.frame("Sites", _count(page, sites))
    if not sites:
        draw_empty(page, "No sites yet", "add them in the dashboard or in the file")
        return
    items = [site_item(site) for site in sites]
    across = 2 if page.form.kind is Kind.WALL and not page.form.is_tall else 1
    draw_rows(page, body, items, across)


def draw_empty(page: Page, what: str, why: str) -> None:
    """A page that has nothing to list says so in the middle."""
    canvas, area = page.canvas, page.area
    tiny = page.form.is_tiny
    role = canvas.fit(what, area.width, (Role.TITLE, Role.LEAD, Role.BODY), Weight.BOLD)
    lines = canvas.wrap(why, area.width, Role.BODY, 2) if area.height >= 30 else []
    gap = 5 if tiny else 3 * page.space
    height = canvas.cap(role) + len(lines) * canvas.line(Role.BODY) + gap
    y = area.y + max(0, (area.height - height) // 2) + (6 if tiny and area.height >= 48 else 0)
    middle = area.x + area.width // 2
    canvas.text(middle, y, what, role, weight=Weight.BOLD, align="centre", width=area.width)
    y += canvas.cap(role) + gap
    for line in lines:
        canvas.text(middle, y, line, Role.BODY, Ink.QUIET, align="centre")
        y += canvas.line(Role.BODY)


def _count(page: Page, sites: tuple[Site, ...]) -> str:
    return str(len(sites)) if page.form.is_tiny else words.counted(len(sites), "site")


def draw_site(page: Page) -> None:
    """Its backends, how fast it answers, how long its certificate lasts."""
    sites = sort_sites(page.view.known.sites)
    if not sites:
        page.frame("Site")
        draw_empty(page, "No sites yet", "add them in the dashboard or in the file")
        return
    index = page.view.site % len(sites)
    site = sites[index]
    act = "next site" if len(sites) > 1 else ""
    body = page.frame(words.host_name(site.host), f"{index + 1}/{len(sites)}", act)
    facts = _facts(page, site)
    if page.form.is_tiny:
        facts = [(_SHORT.get(name, name), value) for name, value in facts]
    backends = [_backend(page, backend) for backend in site.backends]
    if page.form.is_tiny:
        draw_rows(page, body, [*backends, *(Item(name, value) for name, value in facts)])
        return
    across = 2 if page.form.is_tall or page.form.kind is Kind.SMALL else 4
    height = draw_facts(page, body, facts, across)
    body = body.cut_top(height, 4 * page.space)[1]
    draw_rows(page, _draw_plot(page, body, site, len(backends)), backends)


def _draw_plot(page: Page, body: Rect, site: Site, backends: int) -> Rect:
    """The site's traffic below its backends, where that leaves them room."""
    canvas, space = page.canvas, page.space
    row = canvas.cap(Role.LEAD) + canvas.cap(Role.NOTE) + 5 * space
    height = min(body.height - backends * row, body.height * 60 // 100)
    if height < 10 * space:
        return body
    plot, rest = body.cut_bottom(height, 2 * space)
    draw_plot(
        page,
        plot,
        lambda sample: sample.site_rates.get(site.host),
        axis=lambda top: f"{words.short_amount(top)}/s",
    )
    return rest


def _facts(page: Page, site: Site) -> list[tuple[str, str]]:
    rate = site.requests_per_s
    certificate = words.NOT_REPORTED
    if site.certificate is not None:
        left = words.days_left(site.certificate.expires, page.view.known.time)
        certificate = words.days(left)
    elif site.tls == "off":
        certificate = "no TLS"
    elif site.tls == "passthrough":
        certificate = "the backend's"
    return [
        ("requests/s", words.NOT_REPORTED if rate is None else words.amount(rate)),
        ("half within", _latency(rate, site.latency.p50_ms)),
        ("99 % within", _latency(rate, site.latency.p99_ms)),
        ("certificate", certificate),
    ]


def _latency(rate: float | None, value_ms: float | None) -> str:
    """None where nothing was answered, if it is known that something could have been."""
    if value_ms is None:
        return words.NOT_REPORTED if rate is None else "idle"
    return words.milliseconds(value_ms)


def _backend(page: Page, backend: Backend) -> Item:
    word = LOOKS[backend.state].word
    lasting = words.since(backend.since, page.view.known.time)
    url = backend.url.removeprefix("http://") if page.form.is_tiny else backend.url
    value = word if page.form.is_tiny or not lasting else f"{word}, {lasting}"
    return Item(url, value, backend.last_error or "", backend.state, is_value_spare=True)

"""What is wrong: as a list, and as the picture that takes the screen."""

from display.pages.page import Page
from display.pages.sites import draw_empty
from display.pages.view import View
from display.render.canvas import ELLIPSIS
from display.render.layout import Rect
from display.render.theme import Ink, Role, Weight
from display.status import words
from display.status.model import Alert, State

# An alert in the list takes so many lines where there is room for all, and where there is not.
MOST_LINES = 5
FEW_LINES = 2


def is_new(view: View, alert: Alert) -> bool:
    """Whether nobody has acknowledged it, here or elsewhere."""
    return not alert.acknowledged and alert.id not in view.acknowledged


def new_alerts(view: View) -> list[Alert]:
    """Those that take the screen, the worst and then the newest first."""
    found = [alert for alert in view.known.alerts if is_new(view, alert)]
    return sorted(found, key=lambda alert: alert.severity is not State.DOWN)


def draw_list(page: Page) -> None:
    """Every alert; those that were acknowledged step back."""
    view = page.view
    alerts = sorted(
        view.known.alerts,
        key=lambda alert: (not is_new(view, alert), alert.severity is not State.DOWN),
    )
    act = "acknowledge" if new_alerts(view) else ""
    body = page.frame("Alerts", str(len(alerts)) if alerts else "", act)
    if not alerts:
        draw_empty(page, "No alerts", "nothing asks for your attention")
        return
    role, most, shown = _choose_part(page, alerts, body)
    y = body.y
    for alert in shown:
        y = _draw_alert(page, Rect(body.x, y, body.width, body.bottom - y), alert, role, most)


def _choose_part(page: Page, alerts: list[Alert], body: Rect) -> tuple[Role, int, list[Alert]]:
    """All of them with all their words where there is room; else some of them, in two lines."""
    large = () if page.form.is_tiny else (Role.LEAD,)
    for role in (*large, Role.BODY):
        heights = [
            _alert_height(page, role, len(_lines(page, body, a, role, MOST_LINES))) for a in alerts
        ]
        if sum(heights) - 3 * page.space <= body.height:
            return role, MOST_LINES, alerts
    size = max(1, (body.height + 3 * page.space) // _alert_height(page, Role.BODY, FEW_LINES))
    parts = -(-len(alerts) // size)
    first = (page.view.part + page.view.turn(parts)) % parts * size
    return Role.BODY, MOST_LINES if size == 1 else FEW_LINES, alerts[first : first + size]


def _alert_height(page: Page, role: Role, lines: int) -> int:
    canvas = page.canvas
    if page.form.is_tiny:
        return lines * canvas.line(role) + 2
    return lines * canvas.line(role) + canvas.line(Role.NOTE) + 3 * page.space


def _mark(page: Page, role: Role) -> tuple[int, int]:
    """The side of an alert's shape, and where its words begin."""
    cap = page.canvas.cap(role)
    size = cap if page.form.is_tiny else round(cap * 1.15)
    return size, size + (3 if page.form.is_tiny else page.space * 3 // 2)


def _lines(page: Page, area: Rect, alert: Alert, role: Role, most: int) -> list[str]:
    fitting = (area.height + 3) // page.canvas.line(role)
    width = area.width - _mark(page, role)[1]
    return page.canvas.wrap(alert.text, width, role, max(1, min(most, fitting)))


def _draw_alert(page: Page, area: Rect, alert: Alert, role: Role, most: int) -> int:
    """Its words, and since when; where the next one begins."""
    canvas = page.canvas
    is_quiet = not is_new(page.view, alert)
    size, indent = _mark(page, role)
    canvas.state(area.x, area.y - (size - canvas.cap(role)) // 2, size, alert.severity)
    x = area.x + indent
    lines = _lines(page, area, alert, role, most)
    for number, line in enumerate(lines):
        y = area.y + number * canvas.line(role)
        canvas.text(x, y, line, role, Ink.QUIET if is_quiet else Ink.TEXT)
    if not page.form.is_tiny:
        note = words.since(alert.since, page.view.known.time)
        note = " · ".join(part for part in (note, "acknowledged" if is_quiet else "") if part)
        canvas.text(x, area.y + len(lines) * canvas.line(role), note, Role.NOTE, Ink.QUIET)
    return area.y + _alert_height(page, role, len(lines))


def draw_takeover(page: Page) -> None:
    """One alert over the whole screen, in reversed colours."""
    alerts = new_alerts(page.view)
    if not alerts:
        draw_list(page)
        return
    alert = alerts[page.view.turn(len(alerts))]
    is_critical = alert.severity is State.DOWN
    ground, ink = (Ink.ALARM, Ink.ALARM_TEXT) if is_critical else (Ink.CAUTION, Ink.CAUTION_TEXT)
    canvas, area = page.canvas, page.area
    canvas.fill(page.form.area, ground)
    if page.form.is_tiny:
        _draw_tiny(page, alert, ink)
        return
    space = page.space
    word = "Critical" if is_critical else "Warning"
    cap = canvas.cap(Role.HERO)
    head, body = area.cut_top(cap, 5 * space)
    size = round(cap * 1.25)
    canvas.state(head.x, head.y - (size - cap) // 2, size, alert.severity, ink)
    x = head.x + size + 2 * space
    canvas.text(x, head.y, word, Role.HERO, ink, Weight.BOLD, width=head.right - x)
    foot, body = body.cut_bottom(canvas.cap(Role.BODY), 2 * space)
    lasting = words.since(alert.since, page.view.known.time)
    number = f"{alerts.index(alert) + 1} of {len(alerts)}" if len(alerts) > 1 else ""
    right = " · ".join(part for part in (lasting, number) if part)
    used = canvas.text(foot.right, foot.y, right, Role.BODY, ink, align="right")
    room = foot.width - used - 2 * space
    left = page.hint("acknowledge")
    if canvas.width(left, Role.BODY) > room:
        left = page.hint("ok")
    canvas.text(foot.x, foot.y, left, Role.BODY, ink, width=room)
    _draw_words(page, alert.text, ink, body.y, body.bottom)


def _draw_words(page: Page, text: str, ink: Ink, top: int, bottom: int) -> None:
    roles = (Role.HERO, Role.TITLE, Role.LEAD, Role.BODY)
    role, lines = _fit_words(page, text, bottom - top, roles)
    for line in lines:
        page.canvas.text(page.area.x, top, line, role, ink, Weight.BOLD)
        top += page.canvas.line(role)


def _fit_words(
    page: Page, text: str, height: int, roles: tuple[Role, ...]
) -> tuple[Role, list[str]]:
    """The lines in the largest type in which all of the text fits, or cut in the smallest."""
    canvas = page.canvas
    width = page.area.width - (6 if page.form.is_tiny else 0)
    lines: list[str] = []
    role = roles[-1]
    for role in roles:
        most = max(1, (height + canvas.line(role) - canvas.cap(role)) // canvas.line(role))
        lines = canvas.wrap(text, width, role, most, Weight.BOLD)
        is_whole = all(canvas.width(word, role, Weight.BOLD) <= width for word in text.split())
        if is_whole and not any(line.endswith(ELLIPSIS) for line in lines):
            break
    return role, lines


def _draw_tiny(page: Page, alert: Alert, ink: Ink) -> None:
    canvas, area = page.canvas, page.area.inset(3)
    size = 13 if area.height >= 40 else 9
    canvas.state(area.x, area.y, size, alert.severity, ink)
    word = "CRITICAL" if alert.severity is State.DOWN else "WARNING"
    x = area.x + size + 4
    y = area.y + (size - canvas.cap(Role.LEAD) + 1) // 2
    if canvas.width(word, Role.LEAD) > area.right - x:
        word = word.capitalize()
    role = canvas.fit(word, area.right - x, (Role.LEAD, Role.BODY))
    canvas.text(x, y, word, role, ink, width=area.right - x)
    y = area.y + size + 5
    hint = canvas.line(Role.BODY) if area.height >= 40 else 0
    role, lines = _fit_words(page, alert.text, area.bottom - y - hint, (Role.LEAD, Role.BODY))
    for line in lines:
        canvas.text(area.x, y, line, role, ink)
        y += canvas.line(role)
    if hint:
        y = area.bottom - canvas.cap(Role.BODY)
        canvas.text(area.x, y, page.hint("ok"), Role.NOTE, ink, width=area.width)

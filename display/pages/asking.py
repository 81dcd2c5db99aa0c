"""Pages that ask something of the person in front of the screen."""

from display.pages.page import Page
from display.pages.parts import draw_code, fit_code
from display.render.layout import Rect
from display.render.theme import Ink, Role, Weight
from display.status.model import Trial

# The whole time of a trial is not told, only what is left; the bar is full from here on.
FULL_BAR_S = 60.0
CODE_ROLES = (Role.HERO, Role.TITLE, Role.LEAD)


def draw_claim(page: Page) -> None:
    """The code with which the dashboard is claimed."""
    code = page.view.known.claim_code
    canvas, space = page.canvas, page.space
    where = page.view.dashboard or "the dashboard"
    if page.form.is_tiny:
        _draw_claim_tiny(page, code or "claimed", where)
        return
    body = page.frame("Claim this box")
    if code is None:
        canvas.text(body.x, body.y, "It is claimed already.", Role.LEAD, width=body.width)
        return
    text = page.view.dashboard
    side = 0
    if text is not None:
        side = _code_side(page, text, code, body)
    if text is not None and side and not page.form.is_tall:
        # Both begin at one height, in the middle of the screen with a foot or without.
        top = min(body.y + (page.area.bottom - body.y - side) // 2, body.bottom - side)
        draw_code(page, body.right - side, top, text, side)
        body = Rect(body.x, top, body.width - side - 4 * space, body.bottom - top)
    y = body.y
    for line in canvas.wrap("Open the dashboard and type this code:", body.width, Role.BODY, 3):
        canvas.text(body.x, y, line, Role.BODY, Ink.QUIET)
        y += canvas.line(Role.BODY)
    y += 2 * space
    role = canvas.fit(code, body.width, CODE_ROLES, Weight.BOLD)
    canvas.text(body.x, y, code, role, Ink.LIGHT, Weight.BOLD, width=body.width)
    y += canvas.cap(role) + 4 * space
    shown = where.removeprefix("https://").removesuffix("/")
    role = canvas.fit(shown, body.width, (Role.LEAD, Role.BODY, Role.NOTE))
    canvas.text(body.x, y, shown, role, width=body.width)
    y += canvas.cap(role) + 4 * space
    if text is not None and page.form.is_tall and y + side <= body.bottom:
        draw_code(page, body.x, y, text, side)


def _code_side(page: Page, text: str, code: str, body: Rect) -> int:
    """As large as leaves the code that is typed its largest letters; 0 where there is no room."""
    side = 0
    for share in (70,) if page.form.is_tall else (48, 42):
        side = fit_code(text, min(body.height, body.width * share // 100))
        left = body.width - side - 4 * page.space
        if page.canvas.fit(code, left, CODE_ROLES, Weight.BOLD) is CODE_ROLES[0]:
            break
    return side


def _draw_claim_tiny(page: Page, code: str, where: str) -> None:
    canvas, area = page.canvas, page.area
    if area.height >= 48:
        canvas.text(area.x, area.y, "Claim code", Role.NOTE, Ink.QUIET, width=area.width)
        area = area.cut_top(canvas.cap(Role.NOTE) + 7)[1]
    role = canvas.fit(code, area.width, (Role.HERO, Role.LEAD, Role.BODY))
    canvas.text(area.x + area.width // 2, area.y, code, role, align="centre", width=area.width)
    y = max(area.y + canvas.cap(role) + 5, area.bottom - canvas.line(Role.NOTE) * 2)
    shown = where.removeprefix("https://").removesuffix("/")
    text = f"type it at {shown}" if area.height >= 40 else shown
    if area.height >= 40:
        y = min(y, area.y + canvas.cap(role) + 12)
    most = (area.bottom - y + 2) // canvas.line(Role.NOTE)
    for line in canvas.wrap(text, area.width, Role.NOTE, most):
        canvas.text(area.x, y, line, Role.NOTE, Ink.QUIET)
        y += canvas.line(Role.NOTE)


def draw_confirm(page: Page) -> None:
    """Whether somebody sees a new HDMI mode."""
    trial = page.view.known.trial or Trial(0, "no mode", 0.0)
    left = f"{trial.seconds_left:.0f}"
    canvas, area, space = page.canvas, page.area, page.space
    if page.form.is_tiny:
        _draw_confirm_tiny(page, trial, left)
        return
    head, body = area.cut_top(canvas.cap(Role.LEAD), 5 * space)
    used = canvas.text(head.right, head.y, left + " s", Role.LEAD, Ink.QUIET, align="right")
    room = head.width - used - 2 * space
    what = f"HDMI {trial.port} · {trial.mode}"
    role = canvas.fit(what, room, (Role.LEAD, Role.BODY, Role.NOTE))
    canvas.text(head.x, head.y, what, role, Ink.QUIET, width=room)
    question = "Can you see this?"
    role = canvas.fit(question, body.width, (Role.HERO, Role.TITLE, Role.LEAD), Weight.BOLD)
    canvas.text(body.x, body.y, question, role, weight=Weight.BOLD, width=body.width)
    body = body.cut_top(canvas.cap(role), 5 * space)[1]
    height = canvas.cap(Role.TITLE) + 4 * space
    width = canvas.width("Keep", Role.TITLE, Weight.BOLD) + 10 * space
    keep, body = body.cut_top(height, 3 * space)
    keep = Rect(keep.x, keep.y, min(width, keep.width), height)
    canvas.fill(keep, Ink.LIGHT, 2 * space)
    middle = keep.x + keep.width // 2
    y = keep.y + 2 * space
    canvas.text(middle, y, "Keep", Role.TITLE, Ink.GROUND, Weight.BOLD, align="centre")
    foot, body = body.cut_bottom(max(3, space), 3 * space)
    canvas.bar(foot, trial.seconds_left / FULL_BAR_S, Ink.LIGHT)
    text = "Hold the button, press Enter or touch the screen. Otherwise the old picture comes back."
    most = max(1, (body.height + space) // canvas.line(Role.BODY))
    for number, line in enumerate(canvas.wrap(text, body.width, Role.BODY, most)):
        canvas.text(body.x, body.y + number * canvas.line(Role.BODY), line, Role.BODY, Ink.QUIET)


def _draw_confirm_tiny(page: Page, trial: Trial, left: str) -> None:
    canvas, area = page.canvas, page.area
    if area.height < 48:
        canvas.text(area.x, area.y, "HDMI: see it?", Role.LEAD, width=area.width)
        text = f"hold: keep  {left} s"
        y = area.y + canvas.cap(Role.LEAD) + 7
        canvas.text(area.x, y, text, Role.NOTE, width=area.width)
        return
    canvas.text(area.x, area.y, f"HDMI {trial.mode}", Role.NOTE, Ink.QUIET, width=area.width)
    y = area.y + canvas.line(Role.NOTE) + 3
    for line in canvas.wrap("Can you see it?", area.width, Role.LEAD, 3):
        canvas.text(area.x, y, line, Role.LEAD)
        y += canvas.line(Role.LEAD) + 1
    y += 3
    for line in canvas.wrap(f"hold to keep, or it goes back: {left} s", area.width, Role.NOTE, 4):
        canvas.text(area.x, y, line, Role.NOTE, Ink.QUIET)
        y += canvas.line(Role.NOTE)

"""How the box is reached, and whether it reaches others."""

from display.pages.page import Page
from display.pages.parts import Item, draw_code, draw_rows, fit_code
from display.render.layout import Rect
from display.render.theme import Ink, Role
from display.status import words
from display.status.model import State

# From here on a tiny screen has room for names beside their values.
_WIDE_PX = 90
# From here on it has height for the code below the lines.
_CODE_BELOW_PX = 112
# The longest address on the narrowest screen.
_MAX_LINES = 4
# The code has one turn in so many.
_TURNS = 3


def draw(page: Page) -> None:
    """Addresses, gateway, Wi-Fi, DNS, and a QR code to the dashboard."""
    if page.form.is_tiny:
        _draw_tiny(page)
        return
    body = page.frame("Network")
    text = page.view.dashboard
    if text is not None:
        body = _draw_code(page, body, text)
    draw_rows(page, body, _items(page, body.width))


def _draw_code(page: Page, body: Rect, text: str) -> Rect:
    """The code at the right or the foot, its address below; what is left of the body."""
    canvas, space = page.canvas, page.space
    caption = canvas.cap(Role.NOTE) + 2 * space
    share = 44 if page.form.is_tall else 40
    room = min((body.height if page.form.is_tall else body.width) * share // 100, body.width)
    side = fit_code(text, min(room, body.height - caption))
    if not side:
        return body
    if page.form.is_tall:
        place, rest = body.cut_bottom(side + caption, 3 * space)
    else:
        rest, place = body.cut_left(body.width - side)
        rest = Rect(rest.x, rest.y, rest.width - 4 * space, rest.height)
    x = place.x
    draw_code(page, x, place.y, text, side)
    shown = text.removeprefix("https://").removesuffix("/")
    y = place.y + side + 2 * space
    if page.form.is_tall:
        canvas.text(x, y, shown, Role.NOTE, Ink.QUIET, width=body.right - x)
    else:
        room = side + 4 * space
        canvas.text(x + side, y, shown, Role.NOTE, Ink.QUIET, align="right", width=room)
    return rest


def _items(page: Page, room: int) -> list[Item]:
    box = page.view.known.box
    network = box.network
    if box.addresses is None:
        items = [Item("address", words.NOT_REPORTED)]
    elif not box.addresses:
        items = [Item("no address", state=State.DOWN)]
    else:
        lines = [line for address in box.addresses for line in _lines(page, address, room)]
        items = [Item(line) for line in lines]
    dns = {True: "works", False: "fails", None: words.NOT_REPORTED}[network.dns_ok]
    state = {True: State.UP, False: State.WARNING, None: State.UNKNOWN}[network.dns_ok]
    items.append(Item("DNS", dns, state=state))
    if network.wifi_percent is not None:
        items.append(Item("Wi-Fi", words.percent(network.wifi_percent)))
    if not page.form.is_tiny or room > _WIDE_PX:
        items.append(Item("gateway", network.gateway or words.NOT_REPORTED))
        items.append(Item("interface", network.interface or words.NOT_REPORTED))
    return items


def _lines(page: Page, address: str, room: int) -> list[str]:
    """An address that is too long takes several lines, for it may have to be typed."""
    return page.canvas.wrap(address, room, Role.BODY, _MAX_LINES)


def _draw_tiny(page: Page) -> None:
    """Lines, and the code below or beside them where it can be read, or else in turn with them."""
    area, text = page.area, page.view.dashboard
    is_below = area.height >= _CODE_BELOW_PX
    side = (
        fit_code(text, min(area.width, area.height // 2 if is_below else area.height))
        if text
        else 0
    )
    if text is None or not side:
        draw_rows(page, page.frame("Network"), _items(page, area.width))
        return
    if is_below:
        code, area = area.cut_bottom(side, 4)
        draw_code(page, code.x + (code.width - side) // 2, code.y, text, side)
        draw_rows(page, page.frame("Network", area=area), _items(page, area.width))
        return
    beside = Rect(area.x, area.y, area.width - side - 5, area.height)
    widest = max(page.canvas.width(address, Role.BODY) for address in page.view.addresses)
    shows_code = widest <= beside.width or page.view.turn(_TURNS) == _TURNS - 1
    if shows_code:
        draw_code(page, area.right - side, area.y + (area.height - side) // 2, text, side)
        area = beside
    draw_rows(page, page.frame("Network", area=area), _items(page, area.width))

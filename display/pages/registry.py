"""Every page by its name, in the order in which a press goes through them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from display.outputs.base import Mode
from display.pages import (
    alerts,
    asking,
    box,
    certificates,
    network,
    notices,
    overview,
    rest,
    sites,
    traffic,
)
from display.pages.page import Page
from display.pages.view import View
from display.render.canvas import Canvas

Draw = Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A page: how it is drawn, and what holding the button does on it."""

    draw: Draw
    act: str = ""


# Those one can turn to; `pages` in [display] chooses among them.
TURNED: Mapping[str, Entry] = {
    "overview": Entry(overview.draw, "more"),
    "sites": Entry(sites.draw_sites, "more"),
    "site": Entry(sites.draw_site, "next site"),
    "traffic": Entry(traffic.draw),
    "box": Entry(box.draw),
    "network": Entry(network.draw),
    "certificates": Entry(certificates.draw, "more"),
    "alerts": Entry(alerts.draw_list, "acknowledge"),
}
# Those that come by themselves.
COMING: Mapping[str, Entry] = {
    "alert": Entry(alerts.draw_takeover, "acknowledge"),
    "claim": Entry(asking.draw_claim),
    "confirm": Entry(asking.draw_confirm, "keep"),
    "starting": Entry(notices.draw_starting),
    "gone": Entry(notices.draw_gone),
    "updating": Entry(notices.draw_updating),
    "shutdown": Entry(notices.draw_shutdown),
    "closing": Entry(notices.draw_closing),
    "hold": Entry(notices.draw_hold),
    "broken": Entry(notices.draw_broken),
    "rest": Entry(rest.draw),
}
PAGES: Mapping[str, Entry] = {**TURNED, **COMING}


# Those that stay until somebody comes.
WAITING = frozenset(("alert", "gone"))


def draw_page(name: str, view: View, width: int, height: int, mode: Mode = "RGB") -> Canvas:
    """A page's picture. Raises what a faulty page raises."""
    canvas = Canvas(width, height, mode)
    PAGES[name].draw(Page(canvas, view))
    return canvas


def draw_sparing(
    name: str, is_resting: bool, view: View, width: int, height: int, mode: Mode
) -> Canvas:
    """The same for a screen that could burn in."""
    turn = rest.phase(view.now_s)
    if is_resting or (name in WAITING and turn is rest.Phase.CARD):
        return draw_page("rest", view, width, height, mode)
    canvas = draw_page(name, view, width, height, mode)
    if name in WAITING and turn is rest.Phase.REVERSED:
        canvas.invert()
    return canvas

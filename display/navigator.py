"""Which page is on show, and how brightly (PURE).

What comes by itself goes before what was turned to, the most urgent first:

    the countdown to switching off, the button held for it
    a new HDMI mode that somebody has to confirm
    an update, the proxy starting
    an alert, or the proxy gone, that nobody has acknowledged
    the page that was turned to

A press wakes a sleeping screen and does nothing else. Without presses the first page comes back,
a screen that could burn in rests, and after `sleep_s` all go dark. None of that befalls a picture
that waits for somebody.
"""

import enum
from dataclasses import dataclass, replace

from display.controls.actions import Action
from display.outputs.base import Light
from display.pages.notices import SHUTDOWN_S
from display.pages.registry import TURNED
from display.status.model import State, Status
from display.status.verdict import Link

HOME_AFTER_S = 60.0
REST_AFTER_S = 120.0
# A press at night lights the screen up for as long.
BRIGHT_S = 30.0
# The proxy being gone is acknowledged like an alert.
GONE = "proxy gone"
TAPS = {Action.TAP_LEFT: Action.BACK, Action.TAP: Action.NEXT}


class Command(enum.Enum):
    """What is to be done outside."""

    KEEP_MODE = "keep the HDMI mode"
    POWER_OFF = "switch off"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says. Minutes are those of the day."""

    pages: tuple[str, ...] = tuple(TURNED)
    sleep_s: float | None = 600.0
    night: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the status says that matters here."""

    link: Link = Link.STARTING
    # Ids of alerts that are neither acknowledged here nor elsewhere; True for the critical ones.
    alerts: frozenset[tuple[str, bool]] = frozenset()
    # Of all alerts, those that somebody knows of too.
    alert_ids: frozenset[str] = frozenset()
    has_claim: bool = False
    has_trial: bool = False
    is_updating: bool = False
    state: State = State.UNKNOWN


@dataclass(frozen=True, slots=True)
class Nav:
    """Where one is. Times are of the monotonic clock."""

    page: str = "overview"
    part: int = 0
    site: int = 0
    pressed_s: float = 0.0
    woken_s: float = 0.0
    off_at_s: float | None = None
    acknowledged: frozenset[str] = frozenset()
    facts: Facts = Facts()


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be shown."""

    page: str
    light: Light
    is_resting: bool = False
    seconds_left: float | None = None


def facts_of(
    status: Status | None, link: Link, acknowledged: frozenset[str], is_updating: bool, state: State
) -> Facts:
    """What matters of a status."""
    known = status if status is not None and link is Link.LIVE else Status()
    return Facts(
        link=link,
        alerts=frozenset(
            (alert.id, alert.severity is State.DOWN)
            for alert in known.alerts
            if not alert.acknowledged and alert.id not in acknowledged
        ),
        alert_ids=frozenset(alert.id for alert in known.alerts),
        has_claim=known.claim_code is not None,
        has_trial=known.trial is not None,
        is_updating=is_updating,
        state=state,
    )


def notice(nav: Nav, facts: Facts, now_s: float) -> Nav:
    """Takes over what a status says; what is new wakes the screen."""
    before = nav.facts
    acknowledged = nav.acknowledged
    if facts.link is Link.LIVE:
        # What comes again after it was over is news.
        acknowledged &= facts.alert_ids
    page = nav.page
    if facts.has_claim and not before.has_claim:
        page = "claim"
    elif page == "claim" and not facts.has_claim:
        page = "overview"
    is_news = (
        facts.link is not before.link
        or bool(facts.alerts - before.alerts)
        or (facts.has_claim, facts.has_trial, facts.is_updating)
        != (before.has_claim, before.has_trial, before.is_updating)
        or facts.state is not before.state
    )
    return replace(
        nav,
        page=page,
        acknowledged=acknowledged,
        woken_s=now_s if is_news else nav.woken_s,
        facts=facts,
    )


def act(nav: Nav, action: Action, rules: Rules, now_s: float) -> tuple[Nav, Command | None]:
    """One action of a person."""
    before = show(nav, rules, now_s, None)
    touched = replace(nav, pressed_s=now_s, woken_s=now_s)
    if nav.off_at_s is not None:
        return replace(touched, off_at_s=None), None
    if action is Action.POWER:
        return replace(touched, off_at_s=now_s + SHUTDOWN_S), None
    if action is Action.WAKE or before.light is Light.OFF:
        return touched, None
    if action in TAPS:
        # Whoever touches the question has seen it.
        action = Action.ACT if before.page == "confirm" else TAPS[action]
    if action is Action.ACT:
        return _act_on(touched, before.page)
    if before.page in ("alert", "gone", "confirm", "starting", "updating"):
        # There is nowhere to turn to.
        return touched, None
    step = 1 if action is Action.NEXT else -1
    pages = turned_pages(nav.facts, rules)
    at = pages.index(before.page) if before.page in pages else 0
    return replace(touched, page=pages[(at + step) % len(pages)], part=0), None


def _act_on(nav: Nav, page: str) -> tuple[Nav, Command | None]:
    if page == "confirm":
        return nav, Command.KEEP_MODE
    if page in ("alert", "alerts"):
        ids = {alert_id for alert_id, _ in nav.facts.alerts}
        facts = replace(nav.facts, alerts=frozenset())
        return replace(nav, acknowledged=nav.acknowledged | ids, facts=facts), None
    if page == "gone":
        return replace(nav, acknowledged=nav.acknowledged | {GONE}), None
    if page == "site":
        return replace(nav, site=nav.site + 1), None
    return replace(nav, part=nav.part + 1), None


def tick(nav: Nav, now_s: float) -> tuple[Nav, Command | None]:
    """Time passes; the countdown to switching off may have come to its end."""
    if nav.off_at_s is None or now_s < nav.off_at_s:
        return nav, None
    return replace(nav, off_at_s=None), Command.POWER_OFF


def turned_pages(facts: Facts, rules: Rules) -> tuple[str, ...]:
    """Those that a press goes through; the claim code is one of them while it is needed."""
    return ("claim", *rules.pages) if facts.has_claim else rules.pages


def show(
    nav: Nav, rules: Rules, now_s: float, minute: int | None, is_held: bool = False
) -> Picture:
    """What is on show; `minute` is the time of day, None where the clock is not set."""
    seconds_left = None
    page, waits = _choose_page(nav, rules, now_s, is_held)
    if nav.off_at_s is not None:
        seconds_left = max(0.0, nav.off_at_s - now_s)
    idle_s = now_s - max(nav.pressed_s, nav.woken_s)
    if not waits and rules.sleep_s is not None and idle_s >= rules.sleep_s:
        return Picture(page, Light.OFF)
    is_bright = waits or now_s - nav.woken_s < BRIGHT_S
    is_dim = is_night(rules.night, minute) and not is_bright
    light = Light.DIM if is_dim else Light.FULL
    return Picture(page, light, not waits and idle_s >= REST_AFTER_S, seconds_left)


def _choose_page(nav: Nav, rules: Rules, now_s: float, is_held: bool) -> tuple[str, bool]:
    """The page, and whether it waits for somebody."""
    facts = nav.facts
    urgent = (
        ("shutdown", nav.off_at_s is not None),
        ("hold", is_held),
        ("confirm", facts.has_trial),
        ("updating", facts.is_updating),
        ("gone", facts.link is Link.GONE and GONE not in nav.acknowledged),
        ("alert", bool(facts.alerts)),
    )
    for page, is_so in urgent:
        if is_so:
            return page, True
    if facts.link is Link.GONE:
        return "gone", False
    if facts.link is Link.STARTING:
        return "starting", False
    pages = turned_pages(facts, rules)
    if now_s - nav.pressed_s >= HOME_AFTER_S or nav.page not in pages:
        return pages[0], False
    return nav.page, False


def is_night(night: tuple[int, int] | None, minute: int | None) -> bool:
    """Whether a minute of the day lies in the night, which may go over midnight."""
    if night is None or minute is None:
        return False
    start, end = night
    if start <= end:
        return start <= minute < end
    return minute >= start or minute < end

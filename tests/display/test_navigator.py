"""Which page is on show, by a clock that the tests hold."""

from dataclasses import replace

import pytest

from display.controls.actions import Action
from display.navigator import (
    BRIGHT_S,
    HOME_AFTER_S,
    REST_AFTER_S,
    Command,
    Facts,
    Nav,
    Rules,
    act,
    is_night,
    notice,
    show,
    tick,
)
from display.outputs.base import Light
from display.pages.notices import SHUTDOWN_S
from display.status.model import State
from display.status.verdict import Link

RULES = Rules(sleep_s=600.0, night=(22 * 60, 7 * 60))
NOON, NIGHT = 12 * 60, 23 * 60
LIVE = Facts(link=Link.LIVE, state=State.UP)
CRITICAL = replace(
    LIVE, alerts=frozenset({("a", True)}), alert_ids=frozenset("a"), state=State.DOWN
)
CLAIM = replace(LIVE, has_claim=True)
TRIAL = replace(LIVE, has_trial=True)


def calm(now_s: float = 0.0) -> Nav:
    return notice(Nav(pressed_s=now_s, woken_s=now_s), LIVE, now_s)


def page(nav: Nav, now_s: float, minute: int | None = NOON) -> str:
    return show(nav, RULES, now_s, minute).page


def press(nav: Nav, now_s: float, *actions: Action) -> Nav:
    for action in actions:
        nav, _ = act(nav, action, RULES, now_s)
    return nav


def test_presses_go_through_all_pages_and_round_again() -> None:
    nav, seen = calm(), []
    for _ in RULES.pages:
        seen.append(page(nav, 1.0))
        nav = press(nav, 1.0, Action.NEXT)
    assert tuple(seen) == RULES.pages
    assert page(nav, 1.0) == "overview"
    assert page(press(nav, 1.0, Action.BACK), 1.0) == RULES.pages[-1]


def test_only_the_configured_pages_are_gone_through() -> None:
    rules = replace(RULES, pages=("network", "overview"))
    nav = calm()
    assert show(nav, rules, 1.0, NOON).page in ("network", "overview")
    nav, _ = act(nav, Action.NEXT, rules, 1.0)
    assert show(nav, rules, 1.0, NOON).page == "network"


def test_after_a_while_the_first_page_is_back() -> None:
    nav = press(calm(), 10.0, Action.NEXT)
    assert page(nav, 10.0 + HOME_AFTER_S - 1) == "sites"
    assert page(nav, 10.0 + HOME_AFTER_S) == "overview"


FIRST = [
    pytest.param(Facts(link=Link.STARTING), "starting", False, id="starting"),
    pytest.param(Facts(link=Link.GONE), "gone", True, id="gone"),
    pytest.param(CRITICAL, "alert", True, id="an alert"),
    pytest.param(replace(CRITICAL, link=Link.GONE), "gone", True, id="gone before an alert"),
    pytest.param(replace(CRITICAL, is_updating=True), "updating", True, id="an update before both"),
    pytest.param(
        replace(CRITICAL, has_trial=True), "confirm", True, id="a question before an alert"
    ),
    pytest.param(CLAIM, "claim", False, id="the claim code"),
]


@pytest.mark.parametrize(("facts", "first", "waits"), FIRST)
def test_what_is_urgent_comes_by_itself(facts: Facts, first: str, waits: bool) -> None:
    nav = notice(press(calm(), 1.0, Action.NEXT), facts, 2.0)
    assert page(nav, 2.0) == first
    later = show(nav, RULES, 2.0 + 1000, NOON)
    assert (later.light is not Light.OFF) == waits


def test_a_held_button_and_the_countdown_go_before_everything() -> None:
    nav = notice(calm(), TRIAL, 1.0)
    assert show(nav, RULES, 1.0, NOON, is_held=True).page == "hold"
    nav = press(nav, 1.0, Action.POWER)
    picture = show(nav, RULES, 3.0, NOON)
    assert (picture.page, picture.seconds_left) == ("shutdown", SHUTDOWN_S - 2)


def test_an_acknowledged_alert_steps_back_and_a_new_one_comes_again() -> None:
    nav = press(notice(calm(), CRITICAL, 1.0), 2.0, Action.ACT)
    assert page(nav, 2.0) == "overview"
    assert nav.acknowledged == {"a"}
    both = replace(CRITICAL, alerts=frozenset({("b", False)}), alert_ids=frozenset("ab"))
    nav = notice(nav, both, 3.0)
    assert page(nav, 3.0) == "alert"
    assert nav.acknowledged == {"a"}


def test_an_acknowledged_alert_that_is_over_and_comes_again_is_news() -> None:
    nav = press(notice(calm(), CRITICAL, 1.0), 2.0, Action.ACT)
    nav = notice(nav, LIVE, 3.0)
    assert nav.acknowledged == frozenset()
    assert page(notice(nav, CRITICAL, 4.0), 4.0) == "alert"


def test_short_presses_do_not_turn_away_from_an_alert() -> None:
    nav = press(notice(calm(), CRITICAL, 1.0), 2.0, Action.NEXT, Action.BACK)
    assert page(nav, 2.0) == "alert"


def test_the_proxy_being_gone_is_acknowledged_until_it_is_gone_again() -> None:
    gone = Facts(link=Link.GONE)
    nav = press(notice(calm(), gone, 1.0), 2.0, Action.ACT)
    assert show(nav, RULES, 3.0 + 600, NOON).light is Light.OFF
    nav = notice(notice(nav, LIVE, 700.0), gone, 800.0)
    assert show(nav, RULES, 800.0 + 5000, NOON).light is Light.FULL


@pytest.mark.parametrize("action", [Action.ACT, Action.TAP, Action.TAP_LEFT], ids=lambda a: a.value)
def test_holding_or_touching_keeps_a_mode_on_trial(action: Action) -> None:
    nav = notice(calm(), TRIAL, 1.0)
    assert act(nav, action, RULES, 2.0)[1] is Command.KEEP_MODE


@pytest.mark.parametrize("action", [Action.NEXT, Action.BACK, Action.WAKE], ids=lambda a: a.value)
def test_nothing_else_keeps_it(action: Action) -> None:
    nav = notice(calm(), TRIAL, 1.0)
    assert act(nav, action, RULES, 2.0)[1] is None


def test_touch_turns_pages() -> None:
    assert page(press(calm(), 1.0, Action.TAP), 1.0) == "sites"
    assert page(press(calm(), 1.0, Action.TAP_LEFT), 1.0) == RULES.pages[-1]


def test_the_countdown_ends_in_the_dark_unless_it_is_cancelled() -> None:
    nav = press(calm(), 1.0, Action.POWER)
    assert tick(nav, 1.0 + SHUTDOWN_S - 0.1)[1] is None
    nav_off, command = tick(nav, 1.0 + SHUTDOWN_S)
    assert command is Command.POWER_OFF
    assert tick(nav_off, 60.0)[1] is None
    for action in Action:
        cancelled, command = act(nav, action, RULES, 5.0)
        assert command is None
        assert tick(cancelled, 60.0)[1] is None


def test_acting_goes_on_within_a_page() -> None:
    nav = press(calm(), 1.0, Action.NEXT, Action.ACT)
    assert (page(nav, 1.0), nav.part, nav.site) == ("sites", 1, 0)
    nav = press(nav, 1.0, Action.NEXT, Action.ACT)
    assert (page(nav, 1.0), nav.part, nav.site) == ("site", 0, 1)


def test_a_sleeping_screen_is_woken_by_a_press_and_nothing_else_happens() -> None:
    nav = calm()
    assert show(nav, RULES, 600.0, NOON).light is Light.OFF
    nav = press(nav, 700.0, Action.NEXT)
    assert show(nav, RULES, 700.0, NOON) == replace(show(calm(700.0), RULES, 700.0, NOON))
    assert page(nav, 700.0) == "overview"


WAKING = [
    pytest.param(CRITICAL, id="an alert"),
    pytest.param(TRIAL, id="a question"),
    pytest.param(CLAIM, id="a claim code"),
    pytest.param(replace(LIVE, state=State.WARNING), id="another verdict"),
    pytest.param(Facts(link=Link.GONE), id="the proxy gone"),
]


@pytest.mark.parametrize("facts", WAKING)
def test_news_wake_a_sleeping_screen(facts: Facts) -> None:
    assert show(notice(calm(), facts, 700.0), RULES, 700.0, NOON).light is Light.FULL


def test_the_same_again_does_not_keep_it_awake() -> None:
    nav = calm()
    for second in range(1, 700):
        nav = notice(nav, LIVE, float(second))
    assert show(nav, RULES, 700.0, NOON).light is Light.OFF


def test_a_screen_that_shall_not_sleep_rests() -> None:
    rules = replace(RULES, sleep_s=None)
    assert not show(calm(), rules, REST_AFTER_S - 1, NOON).is_resting
    picture = show(calm(), rules, 1e6, NOON)
    assert (picture.light, picture.is_resting) == (Light.FULL, True)
    alarmed = notice(calm(), CRITICAL, 1.0)
    assert not show(alarmed, rules, 1e6, NOON).is_resting


@pytest.mark.parametrize(
    ("after_s", "minute", "light"),
    [
        (1.0, NIGHT, Light.FULL),
        (BRIGHT_S, NIGHT, Light.DIM),
        (BRIGHT_S, NOON, Light.FULL),
        (BRIGHT_S, None, Light.FULL),
    ],
    ids=["just woken", "at night", "by day", "without a clock"],
)
def test_it_dims_at_night_unless_somebody_is_there(
    after_s: float, minute: int | None, light: Light
) -> None:
    assert show(calm(), RULES, after_s, minute).light is light


def test_an_alert_is_bright_at_night() -> None:
    nav = notice(calm(), CRITICAL, 1.0)
    assert show(nav, RULES, 5000.0, NIGHT).light is Light.FULL


@pytest.mark.parametrize(
    ("night", "minute", "expected"),
    [
        ((1320, 420), 1320, True),
        ((1320, 420), 0, True),
        ((1320, 420), 419, True),
        ((1320, 420), 420, False),
        ((60, 120), 90, True),
        ((60, 120), 120, False),
        (None, 0, False),
        ((1320, 420), None, False),
    ],
)
def test_a_night_may_go_over_midnight(
    night: tuple[int, int] | None, minute: int | None, expected: bool
) -> None:
    assert is_night(night, minute) is expected


def test_the_claim_code_is_a_page_until_it_is_used() -> None:
    nav = notice(calm(), CLAIM, 1.0)
    assert page(press(nav, 1.0, Action.NEXT), 1.0) == "overview"
    assert page(press(nav, 1.0, Action.NEXT, Action.BACK), 1.0) == "claim"
    assert page(notice(nav, LIVE, 2.0), 2.0) == "overview"

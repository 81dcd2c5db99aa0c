"""A simulated week on OLEDs: which share of the time each pixel is lit.

The week is the worst that the rules allow: the screen never sleeps, somebody presses the button
forty times a day, and on one day an alert stays unacknowledged.
"""

from dataclasses import replace

import pytest

from display.controls.actions import Action
from display.navigator import Facts, Nav, Picture, Rules, act, notice, show
from display.outputs.base import Light
from display.pages.registry import draw_sparing
from display.pages.rest import MOVE_S
from display.scenarios import scenario_view
from display.status.model import State
from display.status.verdict import Link
from tests.support.screens import size_of

WEEK_S = 7 * 86400.0
# Moves of the card and turns of an alert are met evenly by this step, and so are those in reverse.
STEP_S = 5 * MOVE_S
PRESS_EVERY_S = 86400.0 / 40
ALERT_FROM_S, ALERT_UNTIL_S = 3 * 86400.0, 4 * 86400.0
MOST = 0.40


class Wear:
    """How often each pixel was lit: counters of many bits, kept as one number for each bit."""

    def __init__(self) -> None:
        self.frames = 0
        self._planes: list[int] = []

    def add(self, lit: bytes) -> None:
        carry = int.from_bytes(lit)
        for index, plane in enumerate(self._planes):
            self._planes[index], carry = plane ^ carry, plane & carry
        if carry:
            self._planes.append(carry)
        self.frames += 1

    def most(self, pixels: int) -> float:
        """The share of the most worn pixel."""
        counts = [0] * pixels
        for bit, plane in enumerate(self._planes):
            for index in range(pixels):
                counts[index] += (plane >> index & 1) << bit
        return max(counts) / self.frames


def live_a_week(rules: Rules) -> list[tuple[float, Picture]]:
    """What the navigator shows at each step."""
    calm = Facts(link=Link.LIVE, state=State.UP)
    alarmed = Facts(link=Link.LIVE, state=State.DOWN, alerts=frozenset({("a", True)}))
    nav, moments, next_press_s = Nav(), [], PRESS_EVERY_S
    for step in range(int(WEEK_S / STEP_S)):
        now_s = step * STEP_S
        nav = notice(nav, alarmed if ALERT_FROM_S <= now_s < ALERT_UNTIL_S else calm, now_s)
        if now_s >= next_press_s:
            next_press_s += PRESS_EVERY_S
            nav, _ = act(nav, Action.NEXT, rules, now_s)
        moments.append((now_s, show(nav, rules, now_s, int(now_s // 60) % 1440)))
    return moments


def wear_of(device: str, rules: Rules) -> float:
    width, height, mode = size_of(device)
    calm, alarmed = scenario_view("calm", "overview"), scenario_view("trouble", "overview")
    wear = Wear()
    for now_s, picture in live_a_week(rules):
        if picture.light is Light.OFF:
            wear.add(b"")
            continue
        base = alarmed if ALERT_FROM_S <= now_s < ALERT_UNTIL_S else calm
        view = replace(base, now_s=now_s, page=picture.page)
        canvas = draw_sparing(picture.page, picture.is_resting, view, width, height, mode)
        lit = canvas.image.convert("L").point(lambda value: 255 * (value > 0)).convert("1")
        wear.add(lit.tobytes())
    return wear.most(width // 8 * 8 * height)


@pytest.mark.parametrize("device", ["ssd1306", "ssd1306-128x32", "ssd1351"])
def test_no_pixel_is_lit_for_more_than_its_share_of_a_week_without_sleep(device: str) -> None:
    worst = wear_of(device, Rules(sleep_s=None))
    assert 0.0 < worst <= MOST

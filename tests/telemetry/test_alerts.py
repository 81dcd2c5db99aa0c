"""Alerts come, stay, are acknowledged and go."""

from typing import Any

import pytest

from appliance.routing.standing import Severity, Trouble
from appliance.telemetry.alerts import (
    EVENT_SHOWN_S,
    MAX_ALERTS,
    Alerts,
    Events,
    find_box_troubles,
)


def trouble(
    id: str, severity: Severity = Severity.WARNING, since_s: float | None = None
) -> Trouble:
    return Trouble(id, severity, f"{id} is bad", since_s)


def shown(alerts: Alerts) -> list[tuple[str, float, bool]]:
    return [(each.trouble.id, each.since_s, each.acknowledged) for each in alerts.all()]


def test_an_alert_lasts_as_long_as_its_trouble() -> None:
    alerts = Alerts()
    alerts.update([trouble("disk")], 100.0)
    alerts.update([trouble("disk"), trouble("site", since_s=90.0)], 101.0)
    assert shown(alerts) == [("disk", 100.0, False), ("site", 90.0, False)]
    alerts.update([trouble("site")], 102.0)
    assert shown(alerts) == [("site", 90.0, False)]


def test_acknowledged_is_kept_until_the_trouble_is_over() -> None:
    alerts = Alerts()
    alerts.update([trouble("disk")], 100.0)
    assert alerts.acknowledge("disk")
    assert not alerts.acknowledge("nothing")
    alerts.update([trouble("disk")], 101.0)
    assert shown(alerts) == [("disk", 100.0, True)]
    alerts.update([], 102.0)
    alerts.update([trouble("disk")], 103.0)
    assert shown(alerts) == [("disk", 103.0, False)]


def test_critical_ones_come_first_and_are_never_left_out() -> None:
    alerts = Alerts()
    many = [trouble(f"w{number}") for number in range(2 * MAX_ALERTS)]
    alerts.update([*many, trouble("c", Severity.CRITICAL)], 100.0)
    found = shown(alerts)
    assert len(found) == MAX_ALERTS
    assert found[0][0] == "c"


def test_an_event_is_shown_for_a_while_after_it_last_happened() -> None:
    events = Events()
    events.note("worker", Severity.WARNING, "once", 100.0)
    events.note("worker", Severity.WARNING, "twice", 100.0 + EVENT_SHOWN_S / 2)
    (found,) = events.troubles(100.0 + EVENT_SHOWN_S)
    assert (found.text, found.since_s) == ("twice", 100.0)
    assert events.troubles(101.0 + 1.5 * EVENT_SHOWN_S) == []


def test_a_clock_that_jumps_does_not_keep_an_event_for_ever() -> None:
    events = Events()
    events.note("worker", Severity.WARNING, "once", 1e9)
    assert events.troubles(0.0) == []


GIB = 1 << 30


@pytest.mark.parametrize(
    ("box", "ids"),
    [
        pytest.param({}, [], id="nothing known"),
        pytest.param({"disk": None, "power": None, "temperature_c": None}, [], id="not reported"),
        pytest.param({"disk": {"used_bytes": GIB, "total_bytes": 8 * GIB}}, [], id="room enough"),
        pytest.param(
            {"disk": {"used_bytes": 96, "total_bytes": 100}}, ["disk"], id="a tiny disk by share"
        ),
        pytest.param(
            {"disk": {"used_bytes": GIB - (32 << 20), "total_bytes": GIB}},
            ["disk"],
            id="32 MiB left",
        ),
        pytest.param(
            {"power": {"undervoltage": True, "throttled": None}}, ["power"], id="undervoltage"
        ),
        pytest.param({"temperature_c": 79.9}, [], id="warm"),
        pytest.param({"temperature_c": 80.0}, ["temperature"], id="hot"),
    ],
)
def test_the_box_says_what_it_knows(box: dict[str, Any], ids: list[str]) -> None:
    assert [each.id for each in find_box_troubles(box, is_clock_set=True)] == ids


def test_a_clock_that_is_not_set_is_a_trouble() -> None:
    assert [each.id for each in find_box_troubles({}, is_clock_set=False)] == ["clock"]

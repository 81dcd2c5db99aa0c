"""One verdict for the screen and the dashboard, and the alarm that nobody has acknowledged."""

from typing import Any

import pytest

from appliance.admin.pages.verdict import judge, sort_sites, state_of
from appliance.admin.pages.views import show_alarm
from display.status import verdict as on_the_screen
from display.status.model import parse_status
from tests.support.made_up import Status, make_status


def backends(*states: str) -> dict[str, Any]:
    return {"host": "a.test", "backends": [{"state": state} for state in states]}


@pytest.mark.parametrize("name", ["calm", "trouble", "many", "unknown", "new", "trial"])
def test_it_is_the_one_that_the_screen_shows(name: str) -> None:
    status = make_status(name)
    ours, theirs = judge(status), on_the_screen.judge(parse_status(status), on_the_screen.Link.LIVE)
    assert (ours.state, ours.word) == (theirs.state.value, theirs.word)
    if not theirs.troubles:
        assert ours.detail == theirs.detail


@pytest.mark.parametrize("state", ["starting", "draining"])
def test_a_proxy_that_begins_or_ends_is_called_so(state: str) -> None:
    status = make_status("trouble")
    status["proxy"]["state"] = state
    theirs = on_the_screen.judge(parse_status(status), on_the_screen.Link.LIVE)
    assert (judge(status).state, judge(status).word) == (theirs.state.value, theirs.word)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("up",), "up"),
        (("up", "unknown"), "up"),
        (("unknown",), "unknown"),
        (("up", "down"), "warning"),
        (("unknown", "down"), "warning"),
        (("down", "down"), "down"),
        (("down", "draining"), "down"),
        (("draining",), "draining"),
        (("up", "draining"), "up"),
        ((), "down"),
    ],
)
def test_a_site_is_as_well_as_its_backends(states: tuple[str, ...], expected: str) -> None:
    assert state_of(backends(*states)) == expected


def test_the_broken_sites_come_first_and_then_the_names() -> None:
    sites = [
        backends("up") | {"host": "a"},
        backends("unknown") | {"host": "b"},
        backends("up", "down") | {"host": "c"},
        backends("down") | {"host": "d"},
    ]
    assert [site["host"] for site in sort_sites(sites)] == ["d", "c", "a", "b"]


def alerting(*ids: str, severity: str = "warning") -> Status:
    status = make_status("calm")
    status["alerts"] = [
        {
            "id": id,
            "severity": severity,
            "text": id,
            "since": status["time"],
            "acknowledged": False,
        }
        for id in ids
    ]
    return status


@pytest.mark.parametrize(
    ("ids", "word"),
    [
        (("disk",), "Disk full"),
        (("backend:a:http://b", "backend:a:http://c"), "2 backends down"),
        (("certificate:a.test",), "Certificate"),
        (("something-new", "another"), "2 alerts"),
        (("disk", "power", "power"), "3 problems"),
    ],
)
def test_alerts_make_the_headline(ids: tuple[str, ...], word: str) -> None:
    assert judge(alerting(*ids)).word == word


def test_critical_alerts_count_before_warnings() -> None:
    status = alerting("site:a.test", severity="critical")
    status["alerts"] += alerting("disk", "power")["alerts"]
    verdict = judge(status)
    assert (verdict.state, verdict.word) == ("down", "Site down")


def test_of_more_sites_than_a_status_shows_the_rest_is_taken_for_well() -> None:
    status = make_status("trouble")
    status["sites_total"] = 5000
    assert judge(status).detail == "4,998 of 5,000 sites up"
    calm = make_status("calm") | {"sites_total": 5000}
    assert judge(calm).detail == "5,000 sites"


def test_the_alarm_is_what_nobody_has_acknowledged() -> None:
    status = make_status("trouble")
    alarm = show_alarm(status["alerts"], status["time"])
    assert alarm is not None
    assert (alarm["id"], alarm["more"], alarm["state"]) == ("site:photos.home.arpa", 1, "down")
    for alert in status["alerts"]:
        alert["acknowledged"] = True
    assert show_alarm(status["alerts"], status["time"]) is None

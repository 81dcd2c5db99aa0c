"""Whether all is well, and what is said when it is not."""

from collections.abc import Callable
from typing import Any

import pytest

from display.scenarios import (
    make_calm,
    make_many,
    make_new,
    make_offline,
    make_trouble,
    make_unknown,
)
from display.status.model import State, parse_status
from display.status.verdict import Link, Verdict, judge, sort_sites


def verdict(content: dict[str, Any], link: Link = Link.LIVE) -> Verdict:
    return judge(parse_status(content), link)


def with_box(**changes: Any) -> dict[str, Any]:
    status = make_calm()
    status["box"] |= changes
    return status


def with_proxy(**changes: Any) -> dict[str, Any]:
    status = make_calm()
    status["proxy"] |= changes
    return status


def with_store(**changes: Any) -> dict[str, Any]:
    status = make_calm()
    status["store"] |= changes
    return status


def with_workers(*states: str) -> dict[str, Any]:
    return with_proxy(workers=[{"pid": 1, "state": state, "restarts": 0} for state in states])


def with_certificate(expires: str) -> dict[str, Any]:
    status = make_calm()
    status["sites"][0]["certificate"]["expires"] = expires
    return status


CASES = [
    pytest.param(make_calm, State.UP, "All well", id="calm"),
    pytest.param(make_trouble, State.DOWN, "Site down", id="a site is down"),
    pytest.param(make_many, State.DOWN, "2 problems", id="two kinds of trouble"),
    pytest.param(make_unknown, State.UNKNOWN, "Serving", id="nothing was checked"),
    pytest.param(make_offline, State.DOWN, "No network", id="no address"),
    pytest.param(make_new, State.UP, "Ready", id="no sites"),
    pytest.param(lambda: with_proxy(state="draining"), State.DRAINING, "Draining", id="draining"),
    pytest.param(lambda: with_proxy(state="starting"), State.UNKNOWN, "Starting", id="starting"),
    pytest.param(
        lambda: with_workers("serving", "down"), State.WARNING, "Worker down", id="a worker"
    ),
    pytest.param(
        lambda: with_workers("hanging", "down"), State.WARNING, "2 workers down", id="two workers"
    ),
    pytest.param(
        lambda: with_store(ok=False), State.WARNING, "Sites unreadable", id="a faulty store"
    ),
    pytest.param(lambda: with_box(temperature_c=80.0), State.WARNING, "Too hot", id="hot"),
    pytest.param(
        lambda: with_box(power={"undervoltage": True}), State.WARNING, "Low voltage", id="power"
    ),
    pytest.param(
        lambda: with_box(power={"throttled": True}), State.WARNING, "Slowed down", id="throttled"
    ),
    pytest.param(
        lambda: with_box(disk={"used_bytes": 96, "total_bytes": 100}),
        State.WARNING,
        "Disk full",
        id="disk",
    ),
    pytest.param(lambda: with_box(network={"dns_ok": False}), State.WARNING, "DNS fails", id="DNS"),
    pytest.param(
        lambda: with_certificate("2026-06-20T00:00:00Z"),
        State.WARNING,
        "Certificate",
        id="a certificate that ends",
    ),
    pytest.param(
        lambda: with_certificate("2026-06-12T00:00:00Z"),
        State.DOWN,
        "Certificate",
        id="one that has ended",
    ),
]


@pytest.mark.parametrize(("make", "state", "word"), CASES)
def test_the_verdict_names_the_worst(
    make: Callable[[], dict[str, Any]], state: State, word: str
) -> None:
    found = verdict(make())
    assert (found.state, found.word) == (state, word)


@pytest.mark.parametrize(("link", "word"), [(Link.STARTING, "Starting"), (Link.GONE, "Proxy gone")])
def test_without_an_answer_an_old_status_does_not_count(link: Link, word: str) -> None:
    assert verdict(make_calm(), link).word == word


def test_what_is_not_reported_is_neither_good_nor_bad() -> None:
    silent = with_box(temperature_c=None, power=None, network=None, disk=None, addresses=None)
    assert verdict(silent).troubles == ()


def test_an_alert_about_what_is_seen_anyway_is_not_told_twice() -> None:
    whats = [trouble.what for trouble in verdict(make_trouble()).troubles]
    assert whats == ["photos.home.arpa", "shop.home.arpa", "Processor"]


def test_any_other_alert_is_trouble() -> None:
    status = make_calm()
    status["alerts"] = [{"id": "x", "severity": "warning", "text": "the moon is full"}]
    assert [trouble.what for trouble in verdict(status).troubles] == ["the moon is full"]


def test_broken_sites_come_first() -> None:
    sites = sort_sites(parse_status(make_many()).sites)
    assert [site.state for site in sites[:3]] == [State.DOWN, State.DRAINING, State.UP]
    assert [site.host for site in sites[2:]] == sorted(site.host for site in sites[2:])

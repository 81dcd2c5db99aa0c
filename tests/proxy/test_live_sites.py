"""Sites in a worker, with the board replaced by a table."""

import random
import ssl
from dataclasses import replace
from typing import Any

import pytest

from appliance.proxy.live import LiveSite
from appliance.proxy.live_sites import LiveSites
from appliance.routing.health import Condition, Suspicion
from appliance.routing.model import Balance, Site, TlsMode, parse_backend
from appliance.routing.standing import Key
from appliance.upstream.pool import IdlePool

H1, H2, T1, T2 = "http://10.0.0.1", "http://10.0.0.2", "tcp://10.0.0.1:443", "tcp://10.0.0.2:443"
MIXED = Site("a", tuple(map(parse_backend, (H1, H2, T1, T2))), tls=TlsMode.PASSTHROUGH)


class Table:
    """What control would have put on the board."""

    def __init__(self, *sites: Site) -> None:
        self.sites = {site.host: site for site in sites}
        self.marks: dict[str, frozenset[str]] = {}

    def site(self, host: str) -> Site | None:
        return self.sites.get(host)

    def addresses(self, name: str) -> tuple[str, ...] | None:
        return None

    def dead(self, host: str) -> frozenset[str]:
        return self.marks.get(host, frozenset())

    def condition(self, key: Key) -> Condition:
        return Condition()


def make(table: Table) -> LiveSites:
    def no_context(ca: str | None, verify: bool) -> ssl.SSLContext:
        raise OSError

    return LiveSites(table, IdlePool, no_context, random.Random(1), lambda: 0.0)


CELLS = memoryview(bytearray(8))


def find(sites: LiveSites, name: str = "a") -> LiveSite:
    found = sites.find(name, lambda host: CELLS)
    assert found is not None
    return found


def urls(part: LiveSite | None) -> list[str]:
    assert part is not None
    assert part.cells is CELLS
    return [backend.backend.url for backend in part.backends]


def test_a_site_of_one_kind_has_no_parts() -> None:
    table = Table(
        Site("a", MIXED.backends[:2]),
        Site("b", MIXED.backends[2:], tls=TlsMode.PASSTHROUGH),
    )
    sites = make(table)
    for host in ("a", "b"):
        live = find(sites, host)
        assert (live.carried, live.plain) == (None, None)


def test_a_site_that_carries_tls_and_serves_requests_has_two_parts_also_after_a_change() -> None:
    table = Table(MIXED)
    sites = make(table)
    live = find(sites)
    assert (urls(live.carried), urls(live.plain)) == ([T1, T2], [H1, H2])
    table.sites["a"] = replace(MIXED, backends=MIXED.backends[1:], balance=Balance.RANDOM)
    assert [gone.backend.url for gone in sites.renew(["a"])] == [H1]
    changed = find(sites)
    assert (urls(changed.carried), urls(changed.plain)) == ([T1, T2], [H2])
    assert changed.backends[0] is live.backends[1]


def test_marks_leave_each_part_what_is_alive_of_it() -> None:
    table = Table(MIXED)
    table.marks["a"] = frozenset((H1, T2))
    view = find(make(table))
    assert (urls(view.carried), urls(view.plain)) == ([T1], [H2])


@pytest.mark.parametrize(
    ("failing", "carried", "plain"),
    [
        ((T1,), [T2], [H1, H2]),
        ((T1, T2), [T1, T2], [H1, H2]),
        ((H1, T1, T2), [T1, T2], [H2]),
    ],
    ids=["one of two", "all that are carried to", "one and all"],
)
def test_those_that_fail_are_avoided_unless_no_others_are_left_for_the_same(
    failing: tuple[str, ...], carried: list[str], plain: list[str]
) -> None:
    live = find(make(Table(MIXED)))
    for backend in live.backends:
        if backend.backend.url in failing:
            backend.suspicion = Suspicion(until_s=10.0)
    assert live.carried is not None
    live.carried.settle(1.0)

    def asked(part: LiveSite | None) -> list[str]:
        assert part is not None
        found: list[Any] = list(part.candidates(b"192.0.2.1"))
        return sorted(backend.backend.url for backend in found)

    assert (asked(live.carried), asked(live.plain)) == (carried, plain)


def test_hooks_are_not_given_a_backend_that_carries_no_requests() -> None:
    sites = make(Table(MIXED))
    live = find(sites)
    assert live.plain is not None
    assert sites.routed(live.plain, H2) is live.backends[1]
    with pytest.raises(ValueError, match="it carries no requests"):
        sites.routed(live.plain, T1)

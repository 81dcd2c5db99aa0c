"""What the box tells of itself: kept for a moment, made anew when somebody has changed something."""

from collections.abc import Mapping
from typing import Any

import pytest

from appliance import reporter as reporting
from appliance.reporter import Brief, Reporter
from appliance.routing.model import Site, parse_backend
from appliance.telemetry.counters import Counters
from appliance.telemetry.log_lines import combined_line
from appliance.telemetry.log_tail import LogTails
from appliance.telemetry.snapshot import StoreState

BOX: Mapping[str, Any] = {"hostname": "gate", "memory": None, "disk": None}


def make_site(host: str) -> Site:
    return Site(host, (parse_backend("http://127.0.0.1:9"),))


class Bench:
    """A reporter over counters of the test's own."""

    def __init__(self, *hosts: str) -> None:
        self.sites = {host: make_site(host) for host in hosts}
        self.tails = LogTails(1)
        self.reporter = Reporter(
            Counters.create(1),
            self.tails,
            lambda: self.sites,
            lambda host: (),
            lambda: (),
            lambda: (),
            lambda: StoreState("file", True, 0.0, None, "watching"),
            lambda host: None,
            {"claim": lambda: {"code": "ABC-DEF"}},
            is_log_on=True,
        )
        self.reporter.box = BOX

    def write(self, status: int, site: bytes = b"a.test") -> None:
        line = combined_line(
            b"28/Nov/2026:15:05:40 +0000",
            b"192.168.1.7",
            b"GET / HTTP/1.1",
            status,
            1,
            0,
            (b"", b"curl"),
            site,
            b"http://b",
            1000,
            500,
        )
        self.tails.rings[0].write(line)


def test_what_takes_a_while_to_make_is_kept_for_a_multiple_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    made: list[float] = []
    monkeypatch.setattr("appliance.reporter.time.monotonic", lambda: now[0])

    def make() -> int:
        made.append(now[0])
        now[0] += 0.01
        return len(made)

    brief = Brief(make)
    assert [brief.get(), brief.get()] == [1, 1]
    now[0] = 100.0 + reporting.SHARE * 0.01 - 0.001
    assert brief.get() == 1
    now[0] += 0.002
    assert brief.get() == 2
    brief.forget()
    assert brief.get() == 3


def test_sites_are_found_by_a_part_of_their_name_in_order() -> None:
    reporter = Bench("b.test", "a.test", "a.lab", "c.test").reporter
    total, found = reporter.sites(".test", 1, 1)
    assert (total, [each["host"] for each in found]) == (3, ["b.test"])
    assert reporter.sites("nowhere", 0, 9) == (0, [])
    assert reporter.site("nowhere") is None
    assert reporter.status()["claim"] == {"code": "ABC-DEF"}


def test_the_newest_lines_come_first_and_none_is_told_twice() -> None:
    bench = Bench("a.test")
    reporter = bench.reporter
    for status in (200, 404, 502):
        bench.write(status)
    reporter.sample()
    assert [line["status"] for line in reporter.log(0, "", "", "", 9)] == [502, 404, 200]
    seen = reporter.log_end()
    bench.write(503)
    bench.write(200, b"b.test")
    reporter.sample()
    assert [line["status"] for line in reporter.log(seen, "a.test", "", "", 9)] == [503]
    assert [line["status"] for line in reporter.log(0, "", "5xx", "", 1)] == [503]

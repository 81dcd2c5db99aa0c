"""From counters to the status."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from appliance.routing.model import Site, parse_backend
from appliance.routing.standing import Severity, Standing, State, Trouble
from appliance.telemetry.alerts import Alert
from appliance.telemetry.counters import (
    DOWN,
    DRAINING,
    PID,
    SERVING,
    STARTING,
    STATE,
    Counters,
)
from appliance.telemetry.snapshot import (
    MAX_SITES_SHOWN,
    Reading,
    Readings,
    StoreState,
    WorkerReading,
    build_status,
    choose_shown,
    choose_state,
    read_counters,
    rfc3339,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/status-schema.json").read_text())
SITES = (
    Site("a.test", (parse_backend("http://10.0.0.1"), parse_backend("http://nas")), origin="f:3"),
    Site("quiet.test", (parse_backend("unix:/run/app.sock"),)),
)
BOX = dict.fromkeys(SCHEMA["$defs"]["box"]["required"]) | {"hostname": "gate", "addresses": []}


def check_schema(status: Any) -> None:
    jsonschema.validate(status, SCHEMA, cls=jsonschema.Draft202012Validator)


def standing_of(host: str) -> tuple[Standing, ...]:
    """The first backend of a site is unknown, the others are down."""
    first, *others = next(site for site in SITES if site.host == host).backends
    lost = [Standing(each, State.DOWN, 1_600_000_000.5, "connection refused") for each in others]
    return (Standing(first, State.UNKNOWN), *lost)


def build(
    readings: Readings, store: StoreState | None = None, alerts: Sequence[Alert] = ()
) -> dict[str, Any]:
    return build_status(
        1_700_000_000.9,
        BOX,
        readings,
        store or StoreState("file", True, 1_600_000_000, None, "watching"),
        SITES,
        len(SITES),
        standing_of,
        alerts,
    )


@pytest.fixture
def counters() -> Counters:
    made = Counters.create(2)
    for index in range(2):
        worker = made.worker(index)
        worker.cells[PID], worker.cells[STATE] = 100 + index, SERVING
        worker.beat(2**62)
    return made


def answered(counters: Counters, times: int, us: int, status: int = 200) -> Reading:
    for number in range(times):
        worker = counters.worker(number % 2)
        worker.answered(worker.site("a.test"), status, 10, 1000, us)
    return read_counters(counters)


def test_rates_are_over_one_span_and_latencies_over_another(counters: Counters) -> None:
    first = replace(answered(counters, 5, 900_000), at_s=0.0)
    earlier = replace(answered(counters, 0, 0), at_s=59.0)
    later = replace(answered(counters, 10, 1000), at_s=61.0)
    current = answered(counters, 1, 1000, status=502)
    status = build(Readings(first, earlier, later, current))
    check_schema(status)
    proxy = status["proxy"]
    assert proxy["requests_total"] == 16
    assert proxy["errors_total"] == 1
    assert (proxy["requests_per_s"], proxy["bytes_in_per_s"]) == (5.0, 50)
    assert proxy["bytes_out_per_s"] == 5000
    assert 1 <= proxy["latency_ms"]["p99"] <= 1.25
    site, quiet = status["sites"]
    assert site["requests_per_s"] == 5.0
    assert site["latency_ms"] == proxy["latency_ms"]
    assert quiet["latency_ms"] == {"p50": None, "p99": None}


def test_a_box_that_has_just_started_fits_the_schema() -> None:
    reading = read_counters(Counters.create(1))
    status = build(Readings(reading, reading, reading, reading))
    check_schema(status)
    assert status["proxy"]["state"] == "starting"
    assert status["proxy"]["workers"] == [{"pid": 0, "state": "down", "restarts": 0}]
    assert status["time"] == "2023-11-14T22:13:20Z"


def test_a_backend_says_how_it_stands_since_when_and_why(counters: Counters) -> None:
    reading = read_counters(counters)
    status = build(Readings(reading, reading, reading, reading))
    check_schema(status)
    assert status["sites"][0]["backends"] == [
        {"url": "http://10.0.0.1", "state": "unknown", "since": None, "last_error": None},
        {
            "url": "http://nas",
            "state": "down",
            "since": "2020-09-13T12:26:40Z",
            "last_error": "connection refused",
        },
    ]


def test_an_alert_has_the_schema_s_form(counters: Counters) -> None:
    reading = read_counters(counters)
    readings = Readings(reading, reading, reading, reading)
    trouble = Trouble("disk", Severity.WARNING, "the disk is nearly full")
    status = build(readings, alerts=[Alert(trouble, 1_600_000_000.5, False)])
    check_schema(status)
    assert status["alerts"] == [
        {
            "id": "disk",
            "severity": "warning",
            "text": "the disk is nearly full",
            "since": "2020-09-13T12:26:40Z",
            "acknowledged": False,
        }
    ]


def test_a_faulty_store_is_shown(counters: Counters) -> None:
    reading = read_counters(counters)
    readings = Readings(reading, reading, reading, reading)
    status = build(readings, StoreState("file", False, 0, "f:1: x: unknown key", "watching"))
    check_schema(status)
    assert status["store"]["ok"] is False
    assert status["store"]["error"] == "f:1: x: unknown key"
    assert status["store"]["since"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ((DOWN, STARTING), "starting"),
        ((DOWN, SERVING), "serving"),
        ((DRAINING, DOWN), "draining"),
    ],
    ids=["starting", "one serves", "draining"],
)
def test_the_proxy_s_state_follows_its_workers(states: tuple[int, ...], state: str) -> None:
    assert choose_state([WorkerReading(1, each, 0, 0.0) for each in states]) == state


def test_a_silent_worker_is_shown_as_hanging(counters: Counters) -> None:
    counters.worker(0).beat(0)
    reading = read_counters(counters)
    workers = build(Readings(reading, reading, reading, reading))["proxy"]["workers"]
    assert [worker["state"] for worker in workers] == ["hanging", "serving"]


def test_times_are_rfc_3339() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize("key", sorted(SCHEMA["required"]))
def test_the_schema_asks_for_every_key(counters: Counters, key: str) -> None:
    reading = read_counters(counters)
    status = build(Readings(reading, reading, reading, reading))
    del status[key]
    with pytest.raises(jsonschema.ValidationError):
        check_schema(status)


def test_of_very_many_sites_those_in_trouble_and_the_busiest_are_shown(counters: Counters) -> None:
    made = {f"s{n}.test": Site(f"s{n}.test", SITES[0].backends) for n in range(MAX_SITES_SHOWN + 1)}
    for host, answers in (("s400.test", 1), ("s300.test", 2), ("(others)", 3)):
        for _ in range(answers):
            counters.worker(0).answered(counters.worker(0).site(host), 200, 0, 0, 1)
    shown = [
        site.host for site in choose_shown(made, ["s500.test", "gone"], read_counters(counters))
    ]
    assert shown[:5] == ["s500.test", "s300.test", "s400.test", "s0.test", "s1.test"]
    assert len(shown) == len(set(shown)) == MAX_SITES_SHOWN
    few = {host: made[host] for host in ("s2.test", "s1.test")}
    assert choose_shown(few, ["s1.test"], read_counters(counters)) == list(few.values())

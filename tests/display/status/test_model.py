"""The status as the screen reads it: never an exception, never a guess."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from display.scenarios import SCENARIOS
from display.status.model import Backend, Site, State, Status, parse_status
from display.status.verdict import Link

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "status-schema.json").read_text())
LIVE = [name for name, scenario in SCENARIOS.items() if scenario.link is Link.LIVE]
KEYS = [
    "box",
    "proxy",
    "sites",
    "alerts",
    "backends",
    "host",
    "state",
    "memory",
    "claim",
    "since",
    "trial",
    "workers",
    "latency_ms",
    "total_bytes",
    "used_bytes",
    "p50",
    "addresses",
    "power",
    "network",
    "certificate",
    "expires",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


def without_duties(schema: Any) -> Any:
    """The schema with every key optional: a box may be older than the keys that were added since."""
    if isinstance(schema, dict):
        return {k: without_duties(v) for k, v in schema.items() if k != "required"}
    return [without_duties(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("name", LIVE)
def test_a_made_up_box_speaks_as_a_real_one(name: str) -> None:
    Draft202012Validator(without_duties(SCHEMA)).validate(SCENARIOS[name].make())


@given(JSON)
def test_any_json_is_some_status(content: object) -> None:
    assert isinstance(parse_status(content), Status)


def test_what_is_null_or_missing_is_none() -> None:
    content = SCENARIOS["unknown"].make()
    status = parse_status(content)
    assert status.box.temperature_c is None
    assert status.box.memory is None
    assert status.box.power.undervoltage is None
    assert status.box.network.dns_ok is None
    assert status.proxy.latency.p99_ms is None
    assert parse_status({}).box.addresses is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0.0), (12.5, 12.5), ("12", None), (True, None), (float("nan"), None), (1e300, None)],
    ids=["zero", "a number", "text", "yes", "not a number", "too much"],
)
def test_a_number_is_a_number(value: Any, expected: float | None) -> None:
    assert parse_status({"box": {"cpu_percent": value}}).box.cpu_percent == expected


def test_a_text_from_outside_stays_on_one_line() -> None:
    status = parse_status({"alerts": [{"id": "a", "text": "one\ntwo\x1b[31m"}]})
    assert status.alerts[0].text == "one two [31m"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), State.UNKNOWN),
        ((State.UP, State.UP), State.UP),
        ((State.UP, State.DOWN), State.WARNING),
        ((State.DOWN, State.DOWN), State.DOWN),
        ((State.UNKNOWN, State.UNKNOWN), State.UNKNOWN),
        ((State.DOWN, State.UNKNOWN), State.WARNING),
        ((State.UP, State.DRAINING), State.UP),
        ((State.DRAINING,), State.DRAINING),
    ],
    ids=lambda value: "+".join(s.value for s in value) if isinstance(value, tuple) else "",
)
def test_a_site_is_as_its_backends_are(states: tuple[State, ...], expected: State) -> None:
    backends = tuple(Backend("http://a", state) for state in states)
    assert Site("a.test", backends=backends).state is expected

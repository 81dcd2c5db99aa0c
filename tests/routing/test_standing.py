"""How backends stand, and what of it is trouble."""

import pytest

from appliance.routing.health import Condition, Verdict
from appliance.routing.model import Site, parse_backend
from appliance.routing.standing import (
    Evidence,
    Key,
    Knowledge,
    Severity,
    Standing,
    State,
    find_troubles,
    stand,
)

ONE, TWO = "http://one.test", "http://10.0.0.2"
ONE_KEY: Key = ("a.test", ONE)
UP = Condition(Verdict.UP, since_s=10.0)
DOWN = Condition(Verdict.DOWN, since_s=20.0, last_error="connection refused")
FAILED, ANSWERED = Evidence("could not be reached", 30.0), Evidence(None, 40.0)


def first_of(
    condition: Condition | None = None,
    evidence: Evidence | None = None,
    addresses: tuple[str, ...] | None = ("10.0.0.1",),
    weight: int = 1,
) -> tuple[State, float | None, str | None]:
    site = Site("a.test", (parse_backend(ONE, weight), parse_backend(TWO)))
    known = Knowledge(
        {"one.test": addresses}.get,
        {ONE_KEY: condition} if condition else {},
        {ONE_KEY: evidence} if evidence else {},
    )
    found = stand(site, known)[0]
    return found.state, found.since_s, found.last_error


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(first_of(), (State.UNKNOWN, None, None), id="nothing known"),
        pytest.param(first_of(UP), (State.UP, 10.0, None), id="checks say up"),
        pytest.param(
            first_of(DOWN), (State.DOWN, 20.0, "connection refused"), id="checks say down"
        ),
        pytest.param(first_of(None, ANSWERED), (State.UP, 40.0, None), id="it has answered"),
        pytest.param(
            first_of(None, FAILED), (State.DOWN, 30.0, "could not be reached"), id="it has failed"
        ),
        pytest.param(
            first_of(UP, FAILED), (State.DOWN, 30.0, "could not be reached"), id="failed since"
        ),
        pytest.param(
            first_of(DOWN, ANSWERED), (State.DOWN, 20.0, "connection refused"), id="checks decide"
        ),
        pytest.param(
            first_of(UP, ANSWERED, ()),
            (State.DOWN, None, "the name one.test cannot be resolved"),
            id="no address",
        ),
        pytest.param(first_of(addresses=None), (State.UNKNOWN, None, None), id="not looked up"),
        pytest.param(
            first_of(DOWN, weight=0), (State.DRAINING, None, "connection refused"), id="0"
        ),
    ],
)
def test_checks_decide_and_traffic_fills_in(found: object, expected: object) -> None:
    assert found == expected


def troubles_of(*states: State) -> list[tuple[str, Severity, str]]:
    backends = tuple(parse_backend(f"http://10.0.0.{number}") for number in range(len(states)))
    standings = [
        Standing(backend, state, 50.0, "refused" if state is State.DOWN else None)
        for backend, state in zip(backends, states, strict=True)
    ]
    found = find_troubles(Site("a.test", backends), standings)
    return [(each.id, each.severity, each.text) for each in found]


def test_a_site_with_a_backend_left_only_warns() -> None:
    assert troubles_of(State.UP, State.UNKNOWN, State.DRAINING) == []
    assert troubles_of(State.UP, State.DOWN) == [
        (
            "backend:a.test:http://10.0.0.1",
            Severity.WARNING,
            "a.test is without http://10.0.0.1: refused",
        )
    ]


def test_a_site_without_a_backend_is_one_critical_trouble() -> None:
    text = "a.test has no backend that is up (http://10.0.0.0: refused; http://10.0.0.1: refused)"
    assert troubles_of(State.DOWN, State.DOWN) == [("site:a.test", Severity.CRITICAL, text)]
    assert troubles_of(State.DRAINING)[0][2] == "a.test has no backend that is up (all drained)"

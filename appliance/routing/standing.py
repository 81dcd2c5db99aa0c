"""How each backend of a site stands, from all that is known of it (PURE)."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from appliance.routing.health import Condition, Verdict
from appliance.routing.model import Backend, Scheme, Site

Key = tuple[str, str]
"""A site's host and a backend's URL."""


class State(enum.Enum):
    """The words of the status."""

    UP = "up"
    DOWN = "down"
    DRAINING = "draining"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What traffic has shown of a backend last: an error, or None for an answer."""

    error: str | None
    at_s: float


@dataclass(frozen=True, slots=True)
class Standing:
    """One backend; `since_s` is the time of day, None where that is not known."""

    backend: Backend
    state: State
    since_s: float | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Where to look: names that have addresses or none, checks, traffic, marks in the store."""

    addresses: Callable[[str], tuple[str, ...] | None]
    conditions: Mapping[Key, Condition]
    evidence: Mapping[Key, Evidence]
    dead: Callable[[str], frozenset[str]] = lambda host: frozenset()


def stand(site: Site, known: Knowledge) -> tuple[Standing, ...]:
    """Every backend of a site."""
    return tuple(_stand(site, backend, known) for backend in site.backends)


def _stand(site: Site, backend: Backend, known: Knowledge) -> Standing:
    key = (site.host, backend.url)
    condition = known.conditions.get(key, Condition())
    evidence = known.evidence.get(key)
    if backend.weight == 0:
        return Standing(backend, State.DRAINING, None, condition.last_error)
    if backend.scheme is not Scheme.UNIX and known.addresses(backend.host) == ():
        error = f"the name {backend.host} cannot be resolved"
        return Standing(backend, State.DOWN, None, error)
    if condition.verdict is Verdict.DOWN:
        return Standing(backend, State.DOWN, condition.since_s, condition.last_error)
    if evidence is not None and evidence.error is not None:
        return Standing(backend, State.DOWN, evidence.at_s, evidence.error)
    if backend.url in known.dead(site.host):
        return Standing(backend, State.DOWN, None, f"marked as dead in dead:{site.host}")
    if condition.verdict is Verdict.UP:
        return Standing(backend, State.UP, condition.since_s, condition.last_error)
    if evidence is not None:
        return Standing(backend, State.UP, evidence.at_s)
    return Standing(backend, State.UNKNOWN, None, condition.last_error)


class Severity(enum.Enum):
    """How much an alert matters."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a person should know of; `id` stays the same while it lasts."""

    id: str
    severity: Severity
    text: str
    since_s: float | None = None
    """The time of day when it began, where that is known."""


def find_troubles(site: Site, standings: Sequence[Standing]) -> list[Trouble]:
    """A site without a backend, or else each backend of it that is down."""
    down = [standing for standing in standings if standing.state is State.DOWN]
    reasons = [f"{each.backend.url}: {each.last_error or 'down'}" for each in down]
    if all(standing.state in (State.DOWN, State.DRAINING) for standing in standings):
        text = f"{site.host} has no backend that is up ({'; '.join(reasons) or 'all drained'})"
        since_s = max((each.since_s for each in down if each.since_s), default=None)
        return [Trouble(f"site:{site.host}", Severity.CRITICAL, text, since_s)]
    return [
        Trouble(
            f"backend:{site.host}:{each.backend.url}",
            Severity.WARNING,
            f"{site.host} is without {reason}",
            each.since_s,
        )
        for each, reason in zip(down, reasons, strict=True)
    ]

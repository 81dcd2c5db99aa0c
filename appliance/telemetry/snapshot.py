"""From counters and states to the status of docs/status-schema.md."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from appliance.routing.model import Site
from appliance.routing.standing import Standing
from appliance.telemetry.alerts import Alert
from appliance.telemetry.counters import (
    CONNECTIONS,
    DOWN,
    DRAINING,
    HISTOGRAM,
    HOOK_CALLS,
    HOOK_FAULTS,
    HOOK_OVERRUNS,
    HOOK_US,
    LOG_LINES_LOST,
    NAME_CELL,
    PID,
    RESTARTS,
    SERVING,
    SITE_BYTES_IN,
    SITE_BYTES_OUT,
    STARTING,
    STATE,
    STATUS_CLASS,
    Counters,
    WorkerCounters,
)
from appliance.telemetry.histogram import BUCKETS, quantile_ms

# A worker that has not beaten for this long is shown as hanging, before it is replaced.
SILENT_AFTER_S = 2.0
# The status is built and sent each second, and no person or screen looks at more.
MAX_SITES_SHOWN = 500
STATE_NAMES = {DOWN: "down", STARTING: "starting", SERVING: "serving", DRAINING: "draining"}


Standings = Callable[[str], Sequence[Standing]]


@dataclass(frozen=True, slots=True)
class StoreState:
    """How the store of sites is doing."""

    kind: str
    ok: bool
    since_s: float
    error: str | None
    changes_by: str | None
    config: str = ""


@dataclass(frozen=True, slots=True)
class WorkerReading:
    """One worker's process."""

    pid: int
    state: int
    restarts: int
    silent_s: float


@dataclass(frozen=True, slots=True)
class HookCounts:
    """What the user's hooks have done since the start, and the time that took."""

    calls: int = 0
    us: int = 0
    overruns: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """All counters at one moment."""

    at_s: float
    workers: tuple[WorkerReading, ...]
    connections: int
    requests: int
    errors: int
    bytes_in: int
    bytes_out: int
    log_lines_lost: int
    histogram: tuple[int, ...]
    sites: Mapping[str, Sequence[int]]
    hooks: HookCounts = HookCounts()


def read_counters(counters: Counters) -> Reading:
    """Reads the shared map."""
    sites = counters.sites()
    summed = [sum(column) for column in zip(*sites.values(), strict=True)] or [0] * NAME_CELL
    parts = [counters.worker(index) for index in range(counters.workers)]
    return Reading(
        time.monotonic(),
        tuple(_read_worker(part) for part in parts),
        counters.total(CONNECTIONS),
        sum(summed[STATUS_CLASS : STATUS_CLASS + 6]),
        summed[STATUS_CLASS + 5],
        summed[SITE_BYTES_IN],
        summed[SITE_BYTES_OUT],
        counters.total(LOG_LINES_LOST),
        tuple(summed[HISTOGRAM : HISTOGRAM + BUCKETS]),
        sites,
        HookCounts(
            *(counters.total(cell) for cell in (HOOK_CALLS, HOOK_US, HOOK_OVERRUNS, HOOK_FAULTS))
        ),
    )


def _read_worker(part: WorkerCounters) -> WorkerReading:
    cells = part.cells
    return WorkerReading(cells[PID], cells[STATE], cells[RESTARTS], part.age_s())


def rfc3339(at_s: float) -> str:
    """A time in UTC."""
    text = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Readings:
    """Rates are between `earlier` and `later`, latencies between `first` and `current`."""

    first: Reading
    earlier: Reading
    later: Reading
    current: Reading

    def rate(self, of: Callable[[Reading], int]) -> float:
        """How much something grows in a second."""
        span_s = max(self.later.at_s - self.earlier.at_s, 0.001)
        return (of(self.later) - of(self.earlier)) / span_s


def choose_shown(
    sites: Mapping[str, Site], troubled: Iterable[str], reading: Reading
) -> list[Site]:
    """All sites; of very many those in trouble, the busiest, and as many of the others as fit."""
    if len(sites) <= MAX_SITES_SHOWN:
        return list(sites.values())
    busiest = sorted(reading.sites, key=lambda host: -_requests(reading, host))
    chosen: dict[str, Site] = {}
    for host in chain(troubled, busiest, sites):
        if len(chosen) >= MAX_SITES_SHOWN:
            break
        if host in sites:
            chosen[host] = sites[host]
    return list(chosen.values())


def build_status(
    now_s: float,
    box: Mapping[str, Any],
    readings: Readings,
    store: StoreState,
    sites: Sequence[Site],
    sites_total: int,
    standing: Standings,
    alerts: Sequence[Alert],
    hooks: Mapping[str, Any] | None = None,
    certificate_of: Callable[[str], Mapping[str, str] | None] = lambda host: None,
) -> dict[str, Any]:
    """The whole status; `sites` are those to show, `certificate_of` knows issuer and expiry."""
    return {
        "version": 1,
        "time": rfc3339(now_s),
        "box": dict(box),
        "proxy": {**_proxy(readings), "hooks": hooks},
        "store": {
            "kind": store.kind,
            "ok": store.ok,
            "since": rfc3339(store.since_s),
            "error": store.error,
            "changes_by": store.changes_by,
            "config": store.config,
        },
        "sites": [
            build_site(site, readings, standing(site.host), certificate_of(site.host))
            for site in sites
        ],
        "sites_total": sites_total,
        "alerts": [_alert(alert) for alert in alerts],
        "claim": None,
        "trial": None,
    }


def _proxy(readings: Readings) -> dict[str, Any]:
    current = readings.current
    return {
        "state": choose_state(current.workers),
        "workers": [_worker(worker) for worker in current.workers],
        "connections": current.connections,
        "requests_total": current.requests,
        "requests_per_s": round(readings.rate(lambda reading: reading.requests), 1),
        "bytes_in_per_s": round(readings.rate(lambda reading: reading.bytes_in)),
        "bytes_out_per_s": round(readings.rate(lambda reading: reading.bytes_out)),
        "latency_ms": _latency(readings.first.histogram, current.histogram),
        "errors_total": current.errors,
        "log_lines_lost": current.log_lines_lost,
    }


def choose_state(workers: Sequence[WorkerReading]) -> str:
    """The proxy's state: it serves while one worker does."""
    states = {worker.state for worker in workers}
    if DRAINING in states:
        return "draining"
    return "serving" if SERVING in states else "starting"


def _worker(worker: WorkerReading) -> dict[str, Any]:
    is_silent = worker.state == SERVING and worker.silent_s > SILENT_AFTER_S
    return {
        "pid": worker.pid,
        "state": "hanging" if is_silent else STATE_NAMES[worker.state],
        "restarts": worker.restarts,
    }


def _latency(before: Sequence[int], after: Sequence[int]) -> dict[str, float | None]:
    grown = [b - a for a, b in zip(before, after, strict=True)] if before else after
    return {"p50": quantile_ms(grown, 0.5), "p99": quantile_ms(grown, 0.99)}


def build_site(
    site: Site,
    readings: Readings,
    standings: Sequence[Standing],
    certificate: Mapping[str, str] | None,
) -> dict[str, Any]:
    """One site of the status."""
    host = site.host
    return {
        "host": host,
        "tls": site.tls.value,
        "origin": site.origin or None,
        "requests_per_s": round(readings.rate(lambda reading: _requests(reading, host)), 1),
        "latency_ms": _latency(
            _histogram(readings.first, host), _histogram(readings.current, host)
        ),
        "certificate": certificate,
        "backends": [_backend(standing) for standing in standings],
    }


def _histogram(reading: Reading, host: str) -> Sequence[int]:
    cells = reading.sites.get(host)
    return cells[HISTOGRAM : HISTOGRAM + BUCKETS] if cells else ()


def _requests(reading: Reading, host: str) -> int:
    cells = reading.sites.get(host)
    return sum(cells[STATUS_CLASS : STATUS_CLASS + 6]) if cells else 0


def _backend(standing: Standing) -> dict[str, Any]:
    return {
        "url": standing.backend.url,
        "state": standing.state.value,
        "since": rfc3339(standing.since_s) if standing.since_s is not None else None,
        "last_error": standing.last_error,
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.trouble.id,
        "severity": alert.trouble.severity.value,
        "text": alert.trouble.text,
        "since": rfc3339(alert.since_s),
        "acknowledged": alert.acknowledged,
    }

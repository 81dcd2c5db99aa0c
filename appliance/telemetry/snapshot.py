"""From counters and states to the status of docs/status-schema.md."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from appliance.routing.model import Backend, Scheme, Site
from appliance.telemetry.counters import (
    CONNECTIONS,
    HISTOGRAM,
    LOG_LINES_LOST,
    NAME_CELL,
    PID,
    RESTARTS,
    SITE_BYTES_IN,
    SITE_BYTES_OUT,
    STATUS_CLASS,
    Counters,
)
from appliance.telemetry.histogram import BUCKETS, quantile_ms

# A worker that has not beaten for this long is shown as hanging, before it is replaced.
SILENT_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class StoreState:
    """How the store of sites is doing."""

    kind: str
    ok: bool
    since_s: float
    error: str | None


@dataclass(frozen=True, slots=True)
class WorkerReading:
    pid: int
    restarts: int
    silent_s: float


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


def read_counters(counters: Counters) -> Reading:
    """Reads the shared map."""
    sites = counters.sites()
    summed = [sum(column) for column in zip(*sites.values(), strict=True)] or [0] * NAME_CELL
    parts = [counters.worker(index) for index in range(counters.workers)]
    return Reading(
        time.monotonic(),
        tuple(WorkerReading(p.cells[PID], p.cells[RESTARTS], p.age_s()) for p in parts),
        counters.total(CONNECTIONS),
        sum(summed[STATUS_CLASS : STATUS_CLASS + 6]),
        summed[STATUS_CLASS + 5],
        summed[SITE_BYTES_IN],
        summed[SITE_BYTES_OUT],
        counters.total(LOG_LINES_LOST),
        tuple(summed[HISTOGRAM : HISTOGRAM + BUCKETS]),
        sites,
    )


def rfc3339(at_s: float) -> str:
    """A time in UTC."""
    text = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")


def build_status(
    now_s: float,
    box: dict[str, Any],
    before: Reading,
    reading: Reading,
    current: Reading,
    store: StoreState,
    sites: Sequence[Site],
    addresses: Mapping[str, tuple[str, ...]],
) -> dict[str, Any]:
    """The whole status. Rates are between `before` and `reading`, totals those of `current`."""
    span_s = max(reading.at_s - before.at_s, 0.001)
    return {
        "version": 1,
        "time": rfc3339(now_s),
        "box": box,
        "proxy": _proxy(before, reading, current, span_s),
        "store": {
            "kind": store.kind,
            "ok": store.ok,
            "since": rfc3339(store.since_s),
            "error": store.error,
        },
        "sites": [_site(site, before, reading, current, span_s, addresses) for site in sites],
        "alerts": [],
        "claim": None,
        "trial": None,
    }


def _proxy(before: Reading, reading: Reading, current: Reading, span_s: float) -> dict[str, Any]:
    workers = [
        {
            "pid": worker.pid,
            "state": "hanging" if worker.silent_s > SILENT_AFTER_S else "serving",
            "restarts": worker.restarts,
        }
        for worker in current.workers
    ]
    return {
        "state": "serving",
        "workers": workers,
        "connections": current.connections,
        "requests_total": current.requests,
        "requests_per_s": round((reading.requests - before.requests) / span_s, 1),
        "bytes_in_per_s": round((reading.bytes_in - before.bytes_in) / span_s),
        "bytes_out_per_s": round((reading.bytes_out - before.bytes_out) / span_s),
        "latency_ms": _latency(current.histogram),
        "errors_total": current.errors,
        "log_lines_lost": current.log_lines_lost,
    }


def _latency(histogram: Sequence[int]) -> dict[str, float | None]:
    return {"p50": quantile_ms(histogram, 0.5), "p99": quantile_ms(histogram, 0.99)}


def _site(
    site: Site,
    before: Reading,
    reading: Reading,
    current: Reading,
    span_s: float,
    addresses: Mapping[str, tuple[str, ...]],
) -> dict[str, Any]:
    rate = (_requests(reading, site.host) - _requests(before, site.host)) / span_s
    cells = current.sites.get(site.host)
    histogram = cells[HISTOGRAM : HISTOGRAM + BUCKETS] if cells else ()
    return {
        "host": site.host,
        "tls": site.tls.value,
        "origin": site.origin or None,
        "requests_per_s": round(rate, 1),
        "latency_ms": _latency(histogram),
        "certificate": None,
        "backends": [_backend(backend, addresses) for backend in site.backends],
    }


def _requests(reading: Reading, host: str) -> int:
    cells = reading.sites.get(host)
    return sum(cells[:6]) if cells else 0


def _backend(backend: Backend, addresses: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    lost = backend.scheme is not Scheme.UNIX and addresses.get(backend.host) == ()
    return {
        "url": backend.url,
        "state": "down" if lost else "unknown",
        "since": None,
        "last_error": f"the name {backend.host} cannot be resolved" if lost else None,
    }

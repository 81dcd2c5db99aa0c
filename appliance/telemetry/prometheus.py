"""The counters and the status as Prometheus reads them (PURE).

Text exposition format 0.0.4 and the naming rules of prometheus.io/docs/practices/naming. What the
box does not know has no sample.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

from appliance.telemetry.counters import (
    HISTOGRAM,
    SITE_BACKEND_ERRORS,
    SITE_BYTES_IN,
    SITE_BYTES_OUT,
    SITE_TIME_US,
    STATUS_CLASS,
)
from appliance.telemetry.histogram import BUCKETS, bucket_bound_us
from appliance.telemetry.snapshot import Reading

KIND = "text/plain; version=0.0.4; charset=utf-8"
# Every fourth bucket of ours ends at a power of two: from 1 ms to 34 s.
_BOUNDS = [
    (index, bucket_bound_us(index) / 1e6)
    for index in range(BUCKETS)
    if index % 4 == 3 and 1000 < bucket_bound_us(index) < 40_000_000
]
_STATES = {"up": 1, "down": 0}

Labels = Mapping[str, str]
Sample = tuple[Labels, float]


def encode_metrics(status: Mapping[str, Any], reading: Reading, version: str) -> str:
    """All metrics. `reading` has the counters of `status`."""
    return "".join([*_traffic(reading.sites), *_proxy(status, version), *_box(status["box"])])


def _traffic(sites: Mapping[str, Sequence[int]]) -> Iterator[str]:
    yield from _family(
        "requests_total",
        "counter",
        "Answers by site and class of status.",
        (
            ({"site": site, "code": f"{digit}xx"}, cells[STATUS_CLASS + digit])
            for site, cells in sites.items()
            for digit in range(1, 6)
            if digit > 1 or cells[STATUS_CLASS + digit]
        ),
    )
    yield from _durations(sites)
    for name, what, cell in (
        ("received_bytes_total", "Bodies from clients, and tunnels.", SITE_BYTES_IN),
        ("sent_bytes_total", "Answers to clients, and tunnels.", SITE_BYTES_OUT),
        ("backend_errors_total", "Failures of backends.", SITE_BACKEND_ERRORS),
    ):
        samples = (({"site": site}, cells[cell]) for site, cells in sites.items())
        yield from _family(name, "counter", what, samples)


def _durations(sites: Mapping[str, Sequence[int]]) -> Iterator[str]:
    name = "gatelight_request_duration_seconds"
    yield f"# HELP {name} From the end of a request's head to the end of its answer.\n"
    yield f"# TYPE {name} histogram\n"
    for site, cells in sites.items():
        sums = list(accumulate(cells[HISTOGRAM : HISTOGRAM + BUCKETS]))
        label = f'site="{_escape(site)}"'
        for index, bound in _BOUNDS:
            yield f'{name}_bucket{{{label},le="{bound:g}"}} {sums[index]}\n'
        yield f'{name}_bucket{{{label},le="+Inf"}} {sums[-1]}\n'
        yield f"{name}_sum{{{label}}} {cells[SITE_TIME_US] / 1e6:.6f}\n"
        yield f"{name}_count{{{label}}} {sums[-1]}\n"


def _proxy(status: Mapping[str, Any], version: str) -> Iterator[str]:
    proxy, sites = status["proxy"], status["sites"]
    yield from _family("build_info", "gauge", "The version.", [({"version": version}, 1)])
    what = "Connections of clients now."
    yield from _family("connections", "gauge", what, [({}, proxy["connections"])])
    restarts = [
        ({"worker": str(index)}, worker["restarts"])
        for index, worker in enumerate(proxy["workers"])
    ]
    what = "How often each worker was started again."
    yield from _family("worker_restarts_total", "counter", what, restarts)
    what = "Lines that the access log could not take."
    yield from _family("log_lines_lost_total", "counter", what, [({}, proxy["log_lines_lost"])])
    what = "Whether a backend is up; none while nothing has shown it, or it is drained."
    yield from _family(
        "backend_up",
        "gauge",
        what,
        (
            ({"site": site["host"], "backend": backend["url"]}, _STATES[backend["state"]])
            for site in sites
            for backend in site["backends"]
            if backend["state"] in _STATES
        ),
    )
    what = "When a site's certificate ends."
    yield from _family(
        "certificate_expiry_timestamp_seconds",
        "gauge",
        what,
        (
            (
                {"site": site["host"]},
                datetime.fromisoformat(site["certificate"]["expires"]).timestamp(),
            )
            for site in sites
            if site["certificate"]
        ),
    )
    what = "Whether the store of the sites is well."
    yield from _family(
        "store_up", "gauge", what, [({"kind": status["store"]["kind"]}, status["store"]["ok"])]
    )
    severities = [alert["severity"] for alert in status["alerts"]]
    counts = [({"severity": s}, severities.count(s)) for s in ("warning", "critical")]
    yield from _family("alerts", "gauge", "What is wrong now.", counts)


def _box(box: Mapping[str, Any]) -> Iterator[str]:
    memory, disk = box["memory"] or {}, box["disk"] or {}
    cpu = box["cpu_percent"]
    for name, what, value in (
        ("box_temperature_celsius", "The processor's temperature.", box["temperature_c"]),
        (
            "box_cpu_ratio",
            "The processors' share that was not idle.",
            None if cpu is None else cpu / 100,
        ),
        ("box_uptime_seconds", "Since the box was started.", box["uptime_s"]),
        ("box_memory_used_bytes", "Memory in use.", memory.get("used_bytes")),
        ("box_memory_size_bytes", "Memory in all.", memory.get("total_bytes")),
        ("box_disk_used_bytes", "Of the disk of state_dir.", disk.get("used_bytes")),
        ("box_disk_size_bytes", "Of the disk of state_dir.", disk.get("total_bytes")),
    ):
        if value is not None:
            yield from _family(name, "gauge", what, [({}, value)])


def _family(name: str, kind: str, what: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP gatelight_{name} {what}\n# TYPE gatelight_{name} {kind}\n"
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        shown = repr(float(value)) if isinstance(value, float) else str(int(value))
        yield f"gatelight_{name}{{{inside}}} {shown}\n" if inside else f"gatelight_{name} {shown}\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

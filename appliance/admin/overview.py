"""The status in short, for dashboards that look at it each second (PURE).

With thousands of sites the status is megabytes; of them this has the counts, those that are not
well, and those that are busy.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

MAX_TROUBLED = 20
MAX_BUSY = 60
# The worst first; a site is as well as its backends are.
ORDER = ("down", "warning", "draining", "unknown", "up")


def state_of(site: Mapping[str, Any]) -> str:
    """A site's state from its backends': down when none serves, warning when one is missing."""
    states = {backend["state"] for backend in site["backends"]}
    serving = states & {"up", "unknown"}
    if not serving:
        return "down" if "down" in states else "draining"
    if "down" in states:
        return "warning"
    return "up" if "up" in states else "unknown"


def sort_sites(sites: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The broken ones first, then by name."""
    first = ORDER[:3]
    rank = {state: number for number, state in enumerate(first)}
    return sorted(sites, key=lambda each: (rank.get(state_of(each), len(first)), each["host"]))


def describe_overview(status: Mapping[str, Any]) -> dict[str, Any]:
    """The short form of a status; `revision` changes when more than figures do."""
    sites = status["sites"]
    counts = Counter(state_of(site) for site in sites)
    busy = sorted(
        (site for site in sites if site["requests_per_s"]),
        key=lambda site: -site["requests_per_s"],
    )
    return {
        **{key: status[key] for key in ("time", "box", "proxy", "store", "alerts", "trial")},
        "sites": {"total": status["sites_total"], **{state: counts[state] for state in ORDER}},
        "troubled": [site for site in sort_sites(sites) if state_of(site) in ("down", "warning")][
            :MAX_TROUBLED
        ],
        "busy": {
            site["host"]: {"requests_per_s": site["requests_per_s"], **site["latency_ms"]}
            for site in busy[:MAX_BUSY]
        },
        "revision": revision_of(status),
    }


def revision_of(status: Mapping[str, Any]) -> str:
    """A word for everything that pages show and that is no figure."""
    sites = [
        (
            s["host"],
            s["tls"],
            s["origin"],
            s["certificate"],
            [(b["url"], b["state"], b["last_error"]) for b in s["backends"]],
        )
        for s in status["sites"]
    ]
    workers = [worker["state"] for worker in status["proxy"]["workers"]]
    parts = [sites, workers, status["store"], status["alerts"], bool(status["trial"])]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()

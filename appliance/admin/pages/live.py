"""What changes on the pages each second, in the words that they were drawn with (PURE)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from appliance.admin.pages import words
from appliance.admin.pages.verdict import judge
from appliance.admin.pages.views import show_rate

# The busiest; the others' figures are looked at when a page is loaded.
MAX_RATES = 100
PLOTTED = (
    "requests_per_s",
    "errors_per_s",
    "p50_ms",
    "p99_ms",
    "bytes_in_per_s",
    "bytes_out_per_s",
)


def show_live(status: Mapping[str, Any]) -> dict[str, str]:
    """Figures by their places' names."""
    proxy, box = status["proxy"], status["box"]
    verdict = judge(status)
    return {
        "word": verdict.word,
        "detail": verdict.detail,
        "requests": words.amount(proxy["requests_per_s"]),
        "p50": words.milliseconds(proxy["latency_ms"]["p50"]),
        "p99": words.milliseconds(proxy["latency_ms"]["p99"]),
        "bytes_in": words.bytes_rate(proxy["bytes_in_per_s"]),
        "bytes_out": words.bytes_rate(proxy["bytes_out_per_s"]),
        "temperature": words.degrees(box["temperature_c"]),
        "cpu": words.percent(box["cpu_percent"]),
        "memory": words.percent(words.share(box["memory"])),
        "memory_note": words.of_total(box["memory"]),
        "disk": words.percent(words.share(box["disk"])),
        "disk_note": words.of_total(box["disk"]),
        "connections": words.amount(proxy["connections"]),
        "uptime": words.long_span(box["uptime_s"]),
        "total": words.amount(proxy["requests_total"]),
        "failed": words.amount(proxy["errors_total"]),
        "trial": words.span(status["trial"]["seconds_left"]) if status["trial"] else "",
    }


def describe_live(status: Mapping[str, Any], history: Mapping[str, Any]) -> dict[str, Any]:
    """One event for the pages that are open."""
    box = status["box"]
    busy = sorted(
        (site for site in status["sites"] if site["requests_per_s"]),
        key=lambda site: -float(site["requests_per_s"]),
    )
    plotted = {name: history[name][-1] for name in PLOTTED if history[name]}
    return {
        "state": judge(status).state,
        "box": box["hostname"],
        "shown": {**show_live(status), "errors": show_errors(history)},
        "gauges": {
            "temperature": box["temperature_c"],
            "cpu": box["cpu_percent"],
            "memory": words.share(box["memory"]),
            "disk": words.share(box["disk"]),
        },
        "rates": {site["host"]: show_rate(site["requests_per_s"]) for site in busy[:MAX_RATES]},
        "until_s": history["until_s"],
        "plotted": plotted,
        "revision": revision_of(status),
    }


def show_trial(trial: Mapping[str, Any] | None) -> str:
    """A display mode that somebody has to confirm, or nothing."""
    return f"HDMI {trial['port']} shows {trial['mode']}" if trial else ""


def show_errors(history: Mapping[str, Any]) -> str:
    """Answers from 500 up, a second."""
    return words.amount(history["errors_per_s"][-1] if history["errors_per_s"] else 0)


def revision_of(status: Mapping[str, Any]) -> str:
    """A word for all that pages show and that is no figure: they are drawn anew when it changes."""
    sites = [
        (
            site["host"],
            site["tls"],
            site["certificate"],
            [(each["url"], each["state"], each["last_error"]) for each in site["backends"]],
        )
        for site in status["sites"]
    ]
    workers = [(worker["state"], worker["restarts"]) for worker in status["proxy"]["workers"]]
    parts = [sorted(sites), status["sites_total"], workers, status["store"], status["alerts"]]
    parts.append(show_trial(status["trial"]))
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()

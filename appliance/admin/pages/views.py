"""What the pages show of a status: rows of sites, backends, alerts, figures (PURE)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from appliance.admin.pages import words
from appliance.admin.pages.advice import advise, advise_alert
from appliance.admin.pages.verdict import certificate_state, kind_of, state_of

Table = Mapping[str, Any]
Row = dict[str, Any]
# Beside the verdict; the page of sites has them all.
OVERVIEW_SITES = 24
# From here on the firmware of a Raspberry Pi slows the processor down.
HOT_C = 80.0
FULL_PERCENT = 95.0
_TIME_OF_DAY = re.compile(r"(?<=[:T])\d\d:\d\d:\d\d")
STATE_WORDS = {"warning": "partly down", "unknown": "not checked yet"}
SEVERITIES = {"critical": ("down", "Critical"), "warning": ("warning", "Warning")}


def site_path(host: str) -> str:
    """A site's page."""
    return f"/sites/{quote(host, safe='')}"


def show_rate(rate: float | None) -> str:
    """Requests a second; nothing where there are none, so that the busy ones stand out."""
    return f"{words.amount(rate)}/s" if rate else ""


def show_latency(latency: Table) -> str:
    """Half and 99 % of the answers."""
    if latency["p50"] is None:
        return ""
    return f"{words.milliseconds(latency['p50'])}, {words.milliseconds(latency['p99'])}"


def show_backend(backend: Table, now: str) -> Row:
    """One backend: how it stands, since when, and why."""
    state, error = backend["state"], backend["last_error"]
    is_down = state == "down"
    what = (error or "it is down") if is_down else f"last: {error}" if error else ""
    return {
        "url": backend["url"],
        "state": state,
        "word": STATE_WORDS.get(state, state),
        "since": words.since(backend["since"], now),
        "what": what,
        "way_out": advise(backend["url"], error) if is_down else "",
    }


def show_site(site: Table, now: str) -> Row:
    """A site in a row."""
    state = state_of(site)
    backends = [show_backend(backend, now) for backend in site["backends"]]
    certificate = site["certificate"]
    return {
        "host": site["host"],
        "name": words.host_name(site["host"]),
        "path": site_path(site["host"]),
        "state": state,
        "word": STATE_WORDS.get(state, state),
        "rate": show_rate(site["requests_per_s"]),
        "latency": show_latency(site["latency_ms"]),
        "p50": words.milliseconds(site["latency_ms"]["p50"]),
        "p99": words.milliseconds(site["latency_ms"]["p99"]),
        "certificate": words.days(words.days_left(certificate["expires"], now))
        if certificate
        else "",
        "issuer": f"by {certificate['issuer']}" if certificate else "",
        "origin": site["origin"],
        "backends": backends,
        "behind": show_behind(backends),
        "troubles": [each for each in backends if each["state"] == "down"],
    }


def show_behind(backends: list[Row]) -> str:
    """A site's backends in short."""
    if len(backends) == 1:
        return str(backends[0]["url"])
    up = sum(each["state"] == "up" for each in backends)
    return f"{up} of {words.counted(len(backends), 'backend')} up"


def show_alert(alert: Table, now: str) -> Row:
    """An alert with what to do about it."""
    state, word = SEVERITIES.get(alert["severity"], SEVERITIES["warning"])
    kind, _, rest = str(alert["id"]).partition(":")
    host = rest.partition(":")[0] if kind in ("site", "backend") else rest
    return {
        "id": alert["id"],
        "state": state,
        "word": word,
        "text": words.sentence(alert["text"]),
        "since": words.since(alert["since"], now),
        "way_out": advise_alert(alert["id"], alert["text"]),
        "acknowledged": alert["acknowledged"],
        "path": site_path(host) if kind_of(alert) in ("site", "backend", "certificate") else "",
    }


def show_alarm(alerts: Iterable[Table], now: str) -> Row | None:
    """The first alert that nobody has acknowledged, and how many more there are."""
    waiting = [alert for alert in alerts if not alert["acknowledged"]]
    if not waiting:
        return None
    return {**show_alert(waiting[0], now), "more": len(waiting) - 1}


def _figure(label: str, value: str, **more: Any) -> Row:
    base = {"key": "", "note": "", "percent": None, "state": "up", "is_words": False}
    return {"label": label, "value": value, **base, **more}


def _gauge(label: str, key: str, value: float | None, text: str, is_high: bool, note: str) -> Row:
    state = "warning" if is_high else "up"
    percent = None if value is None else round(value, 1)
    is_words = value is None
    return _figure(label, text, key=key, note=note, percent=percent, state=state, is_words=is_words)


def show_box(status: Table) -> Row:
    """The machine's figures; what it cannot know is said so."""
    box, proxy, store = status["box"], status["proxy"], status["store"]
    memory, disk = words.share(box["memory"]), words.share(box["disk"])
    hot, busy = box["temperature_c"], box["cpu_percent"]
    restarts = sum(worker["restarts"] for worker in proxy["workers"])
    serving = sum(worker["state"] == "serving" for worker in proxy["workers"])
    workers = f"{serving} of {len(proxy['workers'])} serving"
    figures = [
        _gauge("temperature", "temperature", hot, words.degrees(hot), (hot or 0) >= HOT_C, ""),
        _gauge("processor", "cpu", busy, words.percent(busy), False, ""),
        _gauge(
            "memory", "memory", memory, words.percent(memory), (memory or 0) >= FULL_PERCENT,
            words.of_total(box["memory"]),
        ),
        _gauge(
            "disk", "disk", disk, words.percent(disk), (disk or 0) >= FULL_PERCENT,
            words.of_total(box["disk"]),
        ),
        _figure("connections", words.amount(proxy["connections"]), key="connections"),
        _figure("up for", words.long_span(box["uptime_s"]), key="uptime", is_words=True),
        _figure("power", show_power(box["power"]), is_words=True),
        _figure(
            "workers", f"{workers}, {restarts} restarted" if restarts else workers, is_words=True
        ),
        _figure("answered", words.amount(proxy["requests_total"]), key="total", is_words=True),
        _figure("failed", words.amount(proxy["errors_total"]), key="failed", is_words=True),
        _figure("sites from", show_store(store), is_words=True),
        _figure(
            "addresses", ", ".join(box["addresses"] or ()) or words.NOT_REPORTED, is_words=True
        ),
    ]  # fmt: skip
    return {"model": box["model"] or "This machine", "figures": figures}


def show_power(power: Table | None) -> str:
    """The supply, in a word."""
    if not power or power.get("undervoltage") is None:
        return words.NOT_REPORTED
    if power["undervoltage"]:
        return "its voltage is too low"
    return "good, but slowed down" if power.get("throttled") else "good"


def show_store(store: Table) -> str:
    """Where the sites come from."""
    where = "Redis" if store["kind"] == "redis" else "a file"
    return where if store["ok"] else f"{where}: {store['error'] or 'cannot be read'}"


def show_certificate(entry: Table, now: str) -> Row:
    """A site's certificate in a row, the soonest to end first (`left_days`)."""
    left = words.days_left(entry["expires"], now)
    state = certificate_state(left, has_fault=bool(entry["fault"]))
    is_ours = entry["source"] == "local CA"
    by = f"by {entry['issuer']}" if entry["issuer"] else "none yet"
    return {
        "name": words.host_name(entry["host"]),
        "path": site_path(entry["host"]),
        "segment": quote(entry["host"], safe=""),
        "left_days": left if left is not None else -1e9,
        "left": words.days(left) if left is not None else "none yet",
        "state": state,
        "spoken": {"up": "good", "warning": "look after it", "down": "not good"}.get(state, state),
        "note": by if is_ours else f"{by}, from {entry['source']}",
        "fault": words.sentence(entry["fault"] or ""),
        "can_renew": is_ours,
    }


def show_line(line: Table) -> Row:
    """A line of the access log."""
    time = _TIME_OF_DAY.search(str(line["time"]))
    return {
        "status": line["status"],
        "request": str(line["request"]).removesuffix(" HTTP/1.1"),
        "took": words.milliseconds(line["total_ms"]),
        "time": time[0] if time else "",
        "site": words.host_name(str(line["site"])),
        "client": line["client"],
    }

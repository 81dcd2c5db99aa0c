"""Whether all is well, in the words that the box's screen has for it (PURE)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.admin.pages import words

# For one of them, for several.
_KINDS = {
    "site": ("Site down", "sites down"),
    "backend": ("Backend down", "backends down"),
    "store": ("Sites unreadable", ""),
    "worker": ("Worker down", "workers down"),
    "temperature": ("Too hot", ""),
    "power": ("Low voltage", ""),
    "disk": ("Disk full", ""),
    "certificate": ("Certificate", "certificates"),
    "alert": ("Alert", "alerts"),
}
FIRST = ("down", "warning", "draining")
# As the screen judges them.
CERTIFICATE_DAYS, CERTIFICATE_DAYS_CRITICAL = 14.0, 3.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of everything, in a word or two."""

    state: str
    word: str
    detail: str


def state_of(site: Mapping[str, Any]) -> str:
    """As well as its backends are: down when none serves, a warning when one is missing."""
    states = {backend["state"] for backend in site["backends"]}
    if not states & {"up", "unknown"}:
        return "down" if "down" in states or not states else "draining"
    if "down" in states:
        return "warning"
    return "up" if "up" in states else "unknown"


def sort_sites(sites: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The broken ones first, then by name."""
    rank = {state: number for number, state in enumerate(FIRST)}
    return sorted(sites, key=lambda each: (rank.get(state_of(each), len(rank)), each["host"]))


def certificate_state(left_days: float | None, has_fault: bool = False) -> str:
    """By the days that are left."""
    if left_days is None:
        return "down" if has_fault else "unknown"
    if left_days < CERTIFICATE_DAYS_CRITICAL:
        return "down"
    return "warning" if has_fault or left_days < CERTIFICATE_DAYS else "up"


def judge(status: Mapping[str, Any]) -> Verdict:
    """The verdict on a status."""
    state = status["proxy"]["state"]
    if state == "starting":
        return Verdict("unknown", "Starting", "the proxy begins to serve")
    if state == "draining":
        return Verdict("draining", "Draining", "the proxy ends its last requests")
    counts = Counter(state_of(site) for site in status["sites"])
    critical, warnings = _troubles(status, counts)
    if critical or warnings:
        worst = critical or warnings
        return Verdict(
            "down" if critical else "warning", _headline(worst), _count_up(status, counts)
        )
    return _judge_calm(status, counts)


def kind_of(alert: Mapping[str, Any]) -> str:
    """What an alert is about, from its id."""
    kind = str(alert["id"]).partition(":")[0]
    return kind if kind in _KINDS else "alert"


def _troubles(
    status: Mapping[str, Any], counts: Mapping[str, int]
) -> tuple[Counter[str], Counter[str]]:
    """How many there are of each kind: critical ones, warnings."""
    critical, warnings = Counter[str](), Counter[str]()
    for alert in status["alerts"]:
        found = critical if alert["severity"] == "critical" else warnings
        found[kind_of(alert)] += 1
    # Of these there may be more than alerts.
    critical["site"] = max(critical["site"], counts.get("down", 0))
    warnings["backend"] = max(warnings["backend"], counts.get("warning", 0))
    ending = Counter(
        certificate_state(words.days_left(site["certificate"]["expires"], status["time"]))
        for site in status["sites"]
        if site["certificate"]
    )
    critical["certificate"] = max(critical["certificate"], ending["down"])
    warnings["certificate"] = max(warnings["certificate"], ending["warning"])
    return +critical, +warnings


def _headline(found: Counter[str]) -> str:
    if len(found) > 1:
        return f"{found.total():,} problems"
    ((kind, number),) = found.items()
    one, many = _KINDS[kind]
    return one if number == 1 or not many else f"{number:,} {many}"


def _count_up(status: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    total = status["sites_total"]
    if not total or counts.get("unknown", 0) == len(status["sites"]):
        return words.counted(total, "site") + (", not checked" if total else "")
    wrong = sum(counts.get(state, 0) for state in (*FIRST, "unknown"))
    return f"{total - wrong:,} of {words.counted(total, 'site')} up"


def _judge_calm(status: Mapping[str, Any], counts: Mapping[str, int]) -> Verdict:
    total = status["sites_total"]
    if not total:
        return Verdict("up", "Ready", "no sites yet")
    sites = words.counted(total, "site")
    if counts.get("unknown", 0) == len(status["sites"]):
        return Verdict("unknown", "Serving", f"{sites}, not checked yet")
    up = sum(b["state"] == "up" for site in status["sites"] for b in site["backends"])
    if total > len(status["sites"]):
        return Verdict("up", "All well", sites)
    return Verdict("up", "All well", f"{sites}, {words.counted(up, 'backend')} up")

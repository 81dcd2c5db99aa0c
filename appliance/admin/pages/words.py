"""Figures as people read them, in the words of docs/design-language.md (PURE)."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

NOT_REPORTED = "not reported"
# Nothing was answered in that time.
IDLE = "idle"
_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_SPANS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def amount(value: float | None) -> str:
    """Whole from ten up, thousands set apart."""
    if value is None:
        return NOT_REPORTED
    return f"{value:.1f}" if 0 < value < 9.95 and value % 1 else f"{value:,.0f}"


def milliseconds(value: float | None) -> str:
    """A latency."""
    if value is None:
        return IDLE
    if value >= 1000:
        return f"{value / 1000:.{0 if value >= 9950 else 1}f} s"
    return f"{value:.1f} ms" if value < 9.95 and value % 1 else f"{value:.0f} ms"


def size(value: float) -> str:
    """Bytes, in powers of ten."""
    for unit, sign in _SIZES:
        if value >= unit:
            return f"{value / unit:.{1 if value < unit * 9.95 and value % unit else 0}f} {sign}"
    return f"{value:.0f} B"


def bytes_rate(value: float | None) -> str:
    """Bytes a second."""
    return NOT_REPORTED if value is None else f"{size(value)}/s"


def percent(value: float | None) -> str:
    """A share of 100."""
    return NOT_REPORTED if value is None else f"{value:.0f} %"


def degrees(value: float | None) -> str:
    """A temperature."""
    return NOT_REPORTED if value is None else f"{value:.0f} °C"


def span(seconds: float) -> str:
    """How long, by its largest unit."""
    for unit, sign in _SPANS:
        if seconds >= unit:
            return f"{seconds // unit:.0f} {sign}"
    return "now"


def long_span(seconds: float | None) -> str:
    """How long, by its two largest units: 41 d 6 h."""
    if seconds is None:
        return NOT_REPORTED
    for (unit, sign), (lower, lower_sign) in pairwise(_SPANS):
        if seconds >= unit:
            return f"{seconds // unit:.0f} {sign} {seconds % unit // lower:.0f} {lower_sign}"
    return f"{seconds:.0f} s"


def seconds_between(earlier: str | None, later: str | None) -> float | None:
    """From one RFC 3339 time to another; None when either is not known."""
    try:
        then, now = (datetime.fromisoformat(each or "") for each in (earlier, later))
        return (now - then).total_seconds()
    except (ValueError, TypeError):
        return None


def since(then: str | None, now: str | None) -> str:
    """How long something has been so; nothing when that is not known."""
    seconds = seconds_between(then, now)
    return "" if seconds is None else span(seconds)


def days_left(expires: str | None, now: str | None) -> float | None:
    """Days until then, below zero once it is over."""
    seconds = seconds_between(now, expires)
    return None if seconds is None else seconds / 86400


def days(left: float | None) -> str:
    """What is left of a certificate."""
    if left is None:
        return NOT_REPORTED
    if left < 0:
        return "expired"
    return f"{left * 24:.0f} h" if left < 1 else counted(int(left), "day")


def counted(number: int, one: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def share(use: Mapping[str, Any] | None) -> float | None:
    """How full something is, of 100."""
    if not use or not use.get("total_bytes") or use.get("used_bytes") is None:
        return None
    return float(min(100.0, 100 * use["used_bytes"] / use["total_bytes"]))


def of_total(use: Mapping[str, Any] | None) -> str:
    """How full something is, in bytes."""
    known = share(use) is not None and use is not None
    return f"{size(use['used_bytes'])} of {size(use['total_bytes'])}" if known and use else ""


def host_name(host: str) -> str:
    """A host as it is read: names outside ASCII decoded (RFC 5891), anything else as it is."""
    if "xn--" not in host:
        return host
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return host


def sentence(text: str) -> str:
    """With a capital, unless it begins with a name or an address."""
    first = text.partition(" ")[0]
    return text if set(first.rstrip(".:")) & set(".:/*[") else text[:1].upper() + text[1:]

"""Figures as people read them (PURE). None is "not reported" wherever there is room for it."""

from datetime import datetime
from itertools import pairwise

NOT_REPORTED = "not reported"
# Where there is no room to say so.
DASH = "\N{EN DASH}"
_BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_SPANS = ((86400, "d"), (3600, "h"), (60, "min"))


def amount(value: float | None) -> str:
    """Whole from ten up, thousands set apart."""
    if value is None:
        return DASH
    if 0 < value < 9.95 and round(value, 1) != int(value):
        return f"{value:.1f}"
    return f"{value:,.0f}"


def short_amount(value: float | None) -> str:
    """In four characters and a dot at most: 950, 1.2k, 100k, 3.4M."""
    if value is None or value < 999.5:
        return amount(value)
    for size, sign in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        if value < size * 999.5:
            digits = 1 if value < size * 99.95 and value % size else 0
            return f"{value / size:.{digits}f}{sign}"
    return "lots"


def bytes_rate(value: float | None) -> str:
    """Bytes a second."""
    return NOT_REPORTED if value is None else f"{size(value)}/s"


def size(value: float) -> str:
    """Bytes, in powers of ten, as network speeds and cards are sold."""
    for unit, sign in _BYTES:
        if value >= unit:
            digits = 1 if value < unit * 9.95 and value % unit else 0
            return f"{value / unit:.{digits}f} {sign}"
    return f"{value:.0f} B"


def milliseconds(value: float | None) -> str:
    """A latency."""
    if value is None:
        return DASH
    if value >= 9950:
        return f"{value / 1000:.0f} s"
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.1f} ms" if value < 9.95 and value % 1 else f"{value:.0f} ms"


def percent(value: float | None) -> str:
    """A share."""
    return NOT_REPORTED if value is None else f"{value:.0f} %"


def degrees(value: float | None) -> str:
    """A temperature."""
    return NOT_REPORTED if value is None else f"{value:.0f} °C"


def span(seconds: float) -> str:
    """How long, by its largest unit: 40 s, 12 min, 5 h, 3 d."""
    for unit, sign in _SPANS:
        if seconds >= unit:
            return f"{seconds // unit:.0f} {sign}"
    return f"{max(0.0, seconds):.0f} s"


def long_span(seconds: float | None) -> str:
    """An uptime, by its two largest units: 41 d 6 h."""
    if seconds is None:
        return NOT_REPORTED
    for (unit, sign), (lower, lower_sign) in pairwise(_SPANS):
        if seconds >= unit:
            return f"{seconds // unit:.0f} {sign} {seconds % unit // lower:.0f} {lower_sign}"
    return span(seconds)


def since(then: datetime | None, now: datetime | None) -> str:
    """How long something has been so; nothing when one of the two is not known."""
    if then is None or now is None:
        return ""
    return span((now - then).total_seconds())


def days_left(expires: datetime | None, now: datetime | None) -> float | None:
    """Days until then, below zero once it is over."""
    if expires is None or now is None:
        return None
    return (expires - now).total_seconds() / 86400


def days(left: float | None) -> str:
    """What is left of a certificate."""
    if left is None:
        return NOT_REPORTED
    if left < 0:
        return "expired"
    return "1 day" if 1 <= left < 2 else f"{left:.0f} days" if left >= 2 else f"{left * 24:.0f} h"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"


def host_name(host: str) -> str:
    """A host as it is read: names outside ASCII decoded (RFC 5891), anything else as it is."""
    if "xn--" not in host:
        return host
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return host

"""What to do about a failure, from the words that it is told in (PURE)."""

import re
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443, "tcp": 443}
# The first that fits counts.
_BACKEND = (
    ("refused", "Nothing listens at {port} there: does the service run, is its port right?"),
    ("cannot be resolved", "See how its name is written, or write its address"),
    ("no route to host", "No machine has that address now: is it switched on, is its cable in?"),
    ("network is unreachable", "This box has no way to that network: see its cable and gateway"),
    ("verif", "Name its authority in the site's settings, or switch verifying off for it"),
    ("wrong version number", "It does not speak TLS there: write http://"),
    ("record layer", "It does not speak TLS there: write http://"),
    ("valid http", "It may speak TLS there: write https://"),
    ("without an answer", "It takes connections and says nothing: it may want https://"),
    ("dead:", "Something marks it so in Redis; it is used again when the mark has ended"),
    ("no such file", "See how the path of its socket is written, and that the service runs"),
    ("permission", "Let the user of gatelight open its socket"),
    ("answer within", "It is switched on but slow, or a firewall keeps silent: see its own log"),
    ("timed out", "Is that machine switched on, and its address right?"),
    ("in time", "Is that machine switched on, and its address right?"),
)
_ANSWERED = re.compile(r"answered ([345])\d\d")
_STATUS = {
    "3": "Its check is sent elsewhere: write the path it is sent to",
    "4": "Check another path: this one wants a login, or is not there",
    "5": "It runs and says that it fails: see its own log",
}
_ALERTS = {
    "store": "The sites from before stay in force. Mend what it names: it is looked at by itself",
    "hooks": "Mend the file: it is read again by itself",
    "disk": "Make room, or use a larger card",
    "log": "Make room where the log is, or see why nobody reads it",
    "files": "Raise LimitNOFILE in the service's unit",
    "worker": "It was started again. The log of gatelight says why it ended",
    "control": "It was started again. The log of gatelight says why it ended",
}


def advise(url: str, error: str | None) -> str:
    """What to do about a backend's error; nothing where that is not known."""
    low = (error or "").lower()
    answered = _ANSWERED.search(low)
    if answered is not None:
        return _STATUS[answered[1]]
    for sign, way_out in _BACKEND:
        if sign in low:
            return way_out.format(port=_port_of(url))
    return ""


def advise_alert(id: str, text: str) -> str:
    """What to do about an alert; nothing where its text says so."""
    kind, _, rest = id.partition(":")
    if kind == "backend":
        return advise(rest.partition(":")[2], text)
    if kind == "site":
        found = re.search(r"((?:https?|tcp|unix):[^ ]*): ", text)
        return advise(found[1] if found else "", text)
    return _ALERTS.get(kind, "")


def _port_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        port = None
    return f"port {port}" if port else "its port"

"""A site's settings as the fields of a form, and back (PURE)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.admin.pages.form import Form

Table = Mapping[str, Any]
# Keys that are one line of text, ticked or picked, with what counts when they are left out.
_TEXTS = {"host_header": "keep", "certificate": "", "key": "", "backend_ca": ""}
_TICKS = ("redirect_http", "hsts", "sticky")
_PICKS = {"tls": "off", "balance": "round-robin", "proxy_protocol": "off"}
_HEALTH_TEXTS = ("path", "interval", "timeout")
_HEALTH_COUNTS = ("rise", "fall")
_RARE = ("host_header", "certificate", "key", "hsts", "backend_ca", "no_verify")
OWN_KEYS = {
    "backends", "weights", "backend_verify", "health", *_TEXTS, *_TICKS, *_PICKS,
}  # fmt: skip
FIELDS = {
    "host", "backends", "no_verify", *_TEXTS, *_TICKS, *_PICKS,
    *(f"health.{name}" for name in (*_HEALTH_TEXTS, *_HEALTH_COUNTS)),
}  # fmt: skip
# Where a fault of a key is shown, if there is no field of its name.
_PLACES = {"weights": "backends", "backend_verify": "no_verify", "hosts": "host"}
_FAULT = re.compile(r"([a-z_]+(?:\.[a-z_]+)?)(?:\[\d+\])?: (.+)", re.DOTALL)

TLS = (
    ("off", "No", "Browsers come in the clear."),
    (
        "terminate",
        "Yes, ended here",
        "The box shows a certificate, its own or yours, and talks to what is behind it in the clear"
        " or by https://.",
    ),
    (
        "passthrough",
        "Yes, carried as it is",
        "What is behind it has the certificate; nothing is readable here. Addresses: tcp://host:443",
    ),
)
BALANCES = (
    ("round-robin", "each in turn"),
    ("least-connections", "the one with the least to do"),
    ("random", "any"),
    ("source-ip", "always the same for a client's address"),
)
PROTOCOLS = (("off", "no"), ("v1", "version 1"), ("v2", "version 2"))


@dataclass(slots=True)
class SiteForm(Form):
    """`seen` is the digest of what it was filled from; `kept` are keys that it does not have."""

    seen: str = ""
    kept: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return max(2, min(12, str(self.values["backends"]).count("\n") + 1))

    @property
    def has_more(self) -> bool:
        return self._differs("balance", "sticky")

    @property
    def has_health(self) -> bool:
        return self._differs(*(name for name in FIELDS if name.startswith("health.")))

    @property
    def has_rare(self) -> bool:
        return self._differs(*_RARE, "proxy_protocol")

    @property
    def kept_words(self) -> str:
        return ", ".join(self.kept)

    def _differs(self, *names: str) -> bool:
        empty = fill_form({}).values
        return any(name in self.faults or self.values[name] != empty[name] for name in names)


def fill_form(table: Table, host: str = "", seen: str = "") -> SiteForm:
    """The form of a site as it is kept, whatever its values are."""
    health = table.get("health", {})
    health = health if isinstance(health, dict) else {}
    values: dict[str, Any] = {
        "host": host,
        "backends": "\n".join(_lines(table)),
        "no_verify": table.get("backend_verify") is False,
        **{name: str(table.get(name, usual)) for name, usual in (_TEXTS | _PICKS).items()},
        **{name: table.get(name) is True for name in _TICKS},
        **{f"health.{n}": str(health.get(n, "")) for n in (*_HEALTH_TEXTS, *_HEALTH_COUNTS)},
    }
    if values["host_header"] == "keep":
        values["host_header"] = ""
    return SiteForm(values, seen=seen, kept=tuple(sorted(set(table) - OWN_KEYS)))


def _lines(table: Table) -> Iterable[str]:
    urls, weights = table.get("backends", []), table.get("weights", [])
    urls = [urls] if isinstance(urls, str) else urls
    weights = weights if isinstance(weights, list) else []
    for index, url in enumerate(urls):
        weight = weights[index] if index < len(weights) else 1
        yield str(url) if weight == 1 else f"{url} {weight}"


def read_form(fields: Mapping[str, str], before: Table) -> dict[str, Any]:
    """The site's table; keys that the form does not have stay as they are in `before`."""
    table = {name: value for name, value in before.items() if name not in OWN_KEYS}
    urls, weights = _read_backends(fields.get("backends", ""))
    table["backends"] = urls
    if any(weight != 1 for weight in weights):
        table["weights"] = weights
    for name, usual in (_TEXTS | _PICKS).items():
        value = fields.get(name, "").strip()
        if value not in ("", usual):
            table[name] = value
    table |= {name: True for name in _TICKS if name in fields}
    if "no_verify" in fields:
        table["backend_verify"] = False
    health = _read_health(fields)
    if health or "health" in before:
        table["health"] = health
    return table


def _read_backends(text: str) -> tuple[list[str], list[Any]]:
    urls, weights = [], list[Any]()
    for line in text.splitlines():
        parts = line.split()
        if parts:
            urls.append(parts[0])
            weight = " ".join(parts[1:])
            weights.append(int(weight) if weight.isdecimal() else weight or 1)
    return urls, weights


def _read_health(fields: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in (*_HEALTH_TEXTS, *_HEALTH_COUNTS):
        value = fields.get(f"health.{name}", "").strip()
        if value:
            is_count = name in _HEALTH_COUNTS and value.isdecimal()
            found[name] = int(value) if is_count else value
    return found


def keep_fields(fields: Mapping[str, str], faults: str = "") -> SiteForm:
    """The form as somebody has filled it in, with what is wrong beside each field."""
    ticks = {*_TICKS, "no_verify"}
    form = SiteForm(
        {name: fields.get(name, "") for name in FIELDS - ticks}, seen=fields.get("seen", "")
    )
    form.values |= {name: name in fields for name in ticks}
    form.faults = place_faults(faults)
    return form


def place_faults(text: str) -> dict[str, str]:
    """Faults by field, from "key: what; key: what"."""
    found: dict[str, str] = {}
    for part in text.split("; "):
        match = _FAULT.fullmatch(part)
        name = _PLACES.get(match[1], match[1]) if match else ""
        if match and name in FIELDS:
            found[name] = f"{found[name]}; {match[2]}" if name in found else match[2]
    return found

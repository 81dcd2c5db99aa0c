"""Sites from the keys of Redis: three schemas that were there before us, and our own (PURE).

docs/redis-schema.md describes them, and what counts where several speak of one host. Nothing is
taken on trust: an entry that cannot be read is named and left out, and the rest applies.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.config import Faults
from appliance.config_sites import PEM, pem, read_site
from appliance.routing.model import CertificatePem, Site, TlsMode, parse_backend
from appliance.stores.base import Table
from appliance.stores.keys import (
    MAX_BACKENDS,
    MAX_VALUE_BYTES,
    Fault,
    Kind,
    Lent,
    Malformed,
    Value,
    Values,
    shorten,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the keys of one host come to: a site, none, or (`broken`) nothing that is any good."""

    site: Site | None
    table: Table | None
    """The site as a [[site]] table without its host."""
    own: Table | None
    """Our own settings in it: those to keep when the next are malformed."""
    faults: tuple[Fault, ...]

    @property
    def broken(self) -> bool:
        """Something is there, and none of it is good: the site stays as it was."""
        return self.site is None and bool(self.faults)


@dataclass(slots=True)
class _Notes:
    """Collects what is wrong with the keys of one host."""

    host: str
    found: list[Fault] = field(default_factory=list)

    def add(self, kind: Kind, what: str) -> None:
        self.found.append((kind.key(self.host), what))


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the three other schemas say of a host, each for itself."""

    frontend: Sequence[str]
    names: Sequence[str]
    http_default: Sequence[str]
    https_default: Sequence[str]
    certificate: CertificatePem | None


def read_values(
    host: str,
    values: Values,
    last_own: Table | None = None,
    last_certificate: CertificatePem | None = None,
) -> Reading:
    """The site of a host. What was good last stands in for what is malformed now."""
    notes = _Notes(host)
    parts = _read_parts(values, notes, last_certificate)
    own = _read_own(values.get(Kind.OWN), notes)
    for settings in _distinct(own, last_own if values.get(Kind.OWN) is not None else None, None):
        base, used = _lay_base(parts, (settings or {}).get("tls"))
        if settings is None and not base.get("backends"):
            break
        table = _lay_over(base, settings or {})
        if settings is not None:
            used = [*used, Kind.OWN]
        faults = Faults(", ".join(_origin(kind, host, values) for kind in used), {})
        site = next(read_site({"host": host, **table}, (), faults), None)
        if site is not None:
            return Reading(site, table, settings, tuple(notes.found))
        if settings is own:
            for fault in faults.found:
                notes.add(used[-1], f"{fault.key}: {fault.what}" if fault.key else fault.what)
    return Reading(None, None, None, tuple(notes.found))


def _origin(kind: Kind, host: str, values: Values) -> str:
    """The key that a part of a site comes from."""
    value = values.get(kind)
    return kind.key(value.lender if isinstance(value, Lent) else host)


def _distinct(*settings: Table | None) -> Iterator[Table | None]:
    """Each once, in this order."""
    seen: list[Table | None] = []
    for each in settings:
        if each not in seen:
            seen.append(each)
            yield each


def _lay_over(base: Table, settings: Table) -> Table:
    """Our own settings over the others'; what goes with their backends goes with them."""
    table = {**base, **settings}
    if "certificate" in settings and "key" not in settings:
        # Its own key is missing then, and another's is none.
        table.pop("key", None)
    if "backends" in settings:
        carries = base.get("tls") == TlsMode.PASSTHROUGH.value
        for key in ("weights", "tls") if carries else ("weights",):
            if key not in settings:
                table.pop(key, None)
    return table


def _read_parts(values: Values, notes: _Notes, last_certificate: CertificatePem | None) -> _Parts:
    frontend, names, http_default, https_default = (
        _read_backends(kind, values.get(kind), notes)
        for kind in (Kind.FRONTEND, Kind.HOSTNAMES, Kind.HTTP_DEFAULT, Kind.HTTPS_DEFAULT)
    )
    certificate = _read_certificate(values.get(Kind.TLS), notes)
    if certificate is None and values.get(Kind.TLS) is not None:
        certificate = last_certificate
    return _Parts(frontend, names, http_default, https_default, certificate)


def _lay_base(parts: _Parts, own_tls: Any) -> tuple[Table, list[Kind]]:
    """A table of what the three other schemas say, and which of them were used.

    Backends come from the first that has any. The Go proxy passes TLS through, unless it is ended
    here: because there is a certificate, or our own settings say so.
    """
    ends_here = parts.certificate is not None if own_tls is None else own_tls != "passthrough"
    table: Table = {}
    used = []
    if parts.frontend:
        counts = Counter(parts.frontend)
        table["backends"] = list(counts)
        if max(counts.values()) > 1:
            table["weights"] = list(counts.values())
        used.append(Kind.FRONTEND)
    elif parts.names:
        table["backends"] = _ask_names(parts.names, () if ends_here else parts.names)
        used.append(Kind.HOSTNAMES)
    else:
        carried = () if ends_here else parts.https_default
        table["backends"] = _ask_names(parts.http_default, carried)
        for kind, names in ((Kind.HTTP_DEFAULT, parts.http_default), (Kind.HTTPS_DEFAULT, carried)):
            if names:
                used.append(kind)
    if any(url.startswith("tcp:") for url in table["backends"]):
        table["tls"] = TlsMode.PASSTHROUGH.value
    if parts.certificate is not None and own_tls in (None, TlsMode.TERMINATE.value):
        table |= _table_of(parts.certificate)
        used.append(Kind.TLS)
    return table, used


def _ask_names(plain: Sequence[str], carried: Sequence[str]) -> list[str]:
    """The Go proxy's ports: 80 for requests, and 443 for TLS that is passed through."""
    return [f"http://{name}" for name in plain] + [f"tcp://{name}:443" for name in carried]


def read_certificate(values: Values) -> Table:
    """What planb's key alone says of a site, without its faults."""
    certificate = _read_certificate(values.get(Kind.TLS), _Notes(""))
    return {} if certificate is None else _table_of(certificate)


def _table_of(certificate: CertificatePem) -> Table:
    pair = {"certificate": certificate.certificate, "key": certificate.key}
    return {"tls": TlsMode.TERMINATE.value, **pair}


def _read_certificate(value: Value, notes: _Notes) -> CertificatePem | None:
    """planb's pair; whether the two fit is for those who load them to say."""
    if isinstance(value, Lent):
        # What is wrong with it is told of the host that lends it.
        return _read_certificate(value.value, _Notes(value.lender))
    if not isinstance(value, list):
        if value is not None:
            notes.add(Kind.TLS, str(value))
        return None
    found = []
    for name, item in zip(("certificate", "key"), value, strict=True):
        try:
            if item is None:
                raise ValueError("there is none")
            # Other programs write for people what comes before.
            before, beginning, rest = _decode(item).partition(PEM)
            found.append(pem(beginning + rest or before))
        except ValueError as error:
            notes.add(Kind.TLS, f"{name}: {error}")
    return CertificatePem(*found) if len(found) == 2 else None


def _read_backends(kind: Kind, value: Value, notes: _Notes) -> list[str]:
    """URLs of hipache's list; names of the others' sets, as a URL has them."""
    found = []
    for number, item in enumerate(_items(kind, value, notes)):
        try:
            text = _decode(item)
            found.append(parse_backend(text).url if kind is Kind.FRONTEND else _name_in(text))
        except ValueError as error:
            place = f"backend {number}" if kind is Kind.FRONTEND else shorten(item)
            notes.add(kind, f"{place}: {error}")
    return found


def _items(kind: Kind, value: Value, notes: _Notes) -> list[bytes]:
    """A list's backends, without the identifier, or a set's in an order that stays."""
    if not isinstance(value, list):
        if value is not None:
            notes.add(kind, str(value))
        return []
    items = [item for item in value if item is not None]
    items = items[1:] if kind is Kind.FRONTEND else sorted(items)
    if len(items) > MAX_BACKENDS:
        notes.add(kind, f"more than {MAX_BACKENDS} backends: the first count")
    return items[:MAX_BACKENDS]


def _name_in(text: str) -> str:
    """The Go proxy knows a name or an address, and its own two ports."""
    if "/" in text or (":" in text and text.count(":") < 2) or text.startswith("["):
        raise ValueError("a name or an address alone stands here, without scheme and port")
    backend = parse_backend(f"http://[{text}]" if ":" in text else f"http://{text}")
    return f"[{backend.host}]" if ":" in backend.host else backend.host


def _read_own(value: Value, notes: _Notes) -> Table | None:
    if value is None:
        return None
    try:
        return parse_own(value)
    except ValueError as error:
        notes.add(Kind.OWN, str(error))
        return None


def parse_own(value: Value) -> Table:
    """Settings from JSON. Raises ValueError in words; their content is not looked at."""
    if not isinstance(value, bytes):
        raise ValueError(str(value) if isinstance(value, Malformed) else "is not a string")
    try:
        table = json.loads(_decode(value), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(table, dict):
        raise ValueError('settings are a JSON object: {"balance": "random"}')
    if "host" in table:
        raise ValueError("host: the key names the host already")
    return table


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _decode(item: bytes) -> str:
    if len(item) > MAX_VALUE_BYTES:
        raise ValueError(f"more than {MAX_VALUE_BYTES} bytes, which is the most")
    try:
        return item.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start})") from None


def wild_parent(host: str) -> str | None:
    """The pattern whose certificate is also good for `host`, as planb has it; one label wide."""
    first, dot, rest = host.partition(".")
    return f"*.{rest}" if dot and first != "*" else None


def lend_certificate(host: str, values: Values, wild: Mapping[str, Value]) -> Values:
    """The values with the certificate of a wildcard, where the host has none of its own."""
    parent = wild_parent(host)
    certificate = wild.get(parent) if parent is not None else None
    if parent is None or certificate is None or values.get(Kind.TLS) is not None:
        return values
    return {**values, Kind.TLS: Lent(parent, certificate)}


def read_dead(frontend: Value, marks: Value) -> frozenset[str]:
    """The URLs that hipache or a health checker beside us has marked as dead.

    A URL listed several times is one server: one mark is enough. An index that leads nowhere is
    left over from an earlier list.
    """
    if not isinstance(frontend, Sequence) or not isinstance(marks, Sequence):
        return frozenset()
    ids = {item for item in marks if isinstance(item, bytes)}
    dead = set()
    for index, item in enumerate(frontend[1:]):
        if isinstance(item, bytes) and b"%d" % index in ids:
            try:
                dead.add(parse_backend(_decode(item)).url)
            except ValueError:
                continue
    return frozenset(dead)

"""Sites from the keys of Redis: three schemas that were there before us, and our own (PURE).

docs/redis-schema.md describes them, and what counts where several speak of one host. Nothing is
taken on trust: an entry that cannot be read is named and left out, and the rest applies.
"""

import enum
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.config import Faults
from appliance.config_sites import read_site
from appliance.routing.model import Site, canonical_host, parse_backend

Table = dict[str, Any]
# What a list or a set may hold; more backends than this for one site are a mistake.
MAX_BACKENDS = 1000
# Settings as a person writes them, with room for a chain of certificates.
MAX_VALUE_BYTES = 64 * 1024


class Kind(enum.Enum):
    """What a key holds for its host; the value is the key, with {} for the host."""

    FRONTEND = "frontend:{}"
    """hipache: a list, an identifier first and then URLs."""
    DEAD = "dead:{}"
    """hipache: a set of indexes among those URLs, which expires."""
    TLS = "tls:{}"
    """planb: a hash with a certificate and its key."""
    HTTP_DEFAULT = "hostnames:httpDefault:backends"
    """The Go SNI proxy: a set of names for hosts that have none, asked on port 80."""
    HTTPS_DEFAULT = "hostnames:httpsDefault:backends"
    """The same for TLS, port 443."""
    HOSTNAMES = "hostnames:{}:backends"
    """The Go SNI proxy: a set of names, asked on port 80, and for TLS on 443."""
    OWN = "gatelight:site:{}"
    """Ours: the keys of a [[site]] table as JSON, on top of what the others say."""

    def key(self, host: str) -> str:
        """The key of a host, without the prefix of the database."""
        return self.value.replace("{}", host)


# What the keys begin with. The server takes these as prefixes to watch; none may hold another.
BEGINNINGS = ("frontend:", "dead:", "tls:", "hostnames:", "gatelight:site:")
ANY_HOST = "*"


class Malformed(str):
    """In the place of a value: why there is none, in words."""

    __slots__ = ()


# As they come: a list or a set, a string, a hash's two fields, or nothing.
Value = Sequence[bytes | None] | bytes | Malformed | None
Values = Mapping[Kind, Value]
Fault = tuple[str, str]
"""A key, and what is wrong with it."""


def parse_key(key: bytes) -> tuple[Kind, str] | None:
    """What a key is and for which host; None for a key of no schema.

    Raises ValueError in words when it can be no host's.
    """
    text = key.decode("utf-8", "backslashreplace")
    for kind in Kind:
        beginning, has_host, end = str(kind.value).partition("{}")
        if not has_host and text == beginning:
            return kind, ANY_HOST
        if has_host and text.startswith(beginning) and text.endswith(end):
            return kind, _own_host(kind, text[len(beginning) : len(text) - len(end)])
    return None


def _own_host(kind: Kind, text: str) -> str:
    if kind is Kind.HOSTNAMES and "*" in text:
        raise ValueError(f'only names stand here: write "{Kind.FRONTEND.key(text)}"')
    host = canonical_host(text)
    if host != text:
        raise ValueError(f'no request leads to it: write "{kind.key(host)}"')
    return host


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


def read_values(host: str, values: Values, last_own: Table | None = None) -> Reading:
    """The site of a host. `last_own`: our own settings as they last were good."""
    notes = _Notes(host)
    base, kinds = _read_base(values, notes)
    own = _read_own(values.get(Kind.OWN), notes)
    for settings in _distinct(own, last_own if values.get(Kind.OWN) is not None else None, None):
        if settings is None and not base.get("backends"):
            break
        table = _lay_over(base, settings or {})
        used = [*kinds, Kind.OWN] if settings is not None else kinds
        faults = Faults(", ".join(kind.key(host) for kind in used), {})
        site = next(read_site({"host": host, **table}, (), faults), None)
        if site is not None:
            return Reading(site, table, settings, tuple(notes.found))
        if settings is own:
            for fault in faults.found:
                notes.add(used[-1], f"{fault.key}: {fault.what}" if fault.key else fault.what)
    return Reading(None, None, None, tuple(notes.found))


def _distinct(*settings: Table | None) -> Iterator[Table | None]:
    """Each once, in this order."""
    seen: list[Table | None] = []
    for each in settings:
        if each not in seen:
            seen.append(each)
            yield each


def _lay_over(base: Table, settings: Table) -> Table:
    """Our own settings over the others'; weights belong to the backends they came with."""
    table = {**base, **settings}
    if "backends" in settings and "weights" not in settings:
        table.pop("weights", None)
    return table


def _read_base(values: Values, notes: _Notes) -> tuple[Table, list[Kind]]:
    """What the three other schemas say, and which of them were used."""
    table: Table = {}
    used = []
    for kind in (Kind.FRONTEND, Kind.HOSTNAMES, Kind.HTTP_DEFAULT):
        urls = _read_urls(kind, values.get(kind), notes)
        if urls and not table:
            counts = Counter(urls)
            table["backends"] = list(counts)
            if max(counts.values()) > 1:
                table["weights"] = list(counts.values())
            used.append(kind)
    return table, used


def _read_urls(kind: Kind, value: Value, notes: _Notes) -> list[str]:
    urls = []
    for number, item in enumerate(_items(kind, value, notes)):
        try:
            text = _decode(item)
            urls.append(parse_backend(text if kind is Kind.FRONTEND else _url_of(text)).url)
        except ValueError as error:
            place = f"backend {number}" if kind is Kind.FRONTEND else shorten(item)
            notes.add(kind, f"{place}: {error}")
    return urls


def _items(kind: Kind, value: Value, notes: _Notes) -> list[bytes]:
    """A list's backends, without the identifier, or a set's in an order that stays."""
    if value is None:
        return []
    if isinstance(value, Malformed | bytes):
        notes.add(kind, str(value))
        return []
    items = [item for item in value if item is not None]
    items = items[1:] if kind is Kind.FRONTEND else sorted(items)
    if len(items) > MAX_BACKENDS:
        notes.add(kind, f"more than {MAX_BACKENDS} backends: the first count")
    return items[:MAX_BACKENDS]


def _url_of(name: str) -> str:
    """The Go proxy knows a name or an address, and port 80."""
    if "/" in name or (":" in name and name.count(":") < 2) or name.startswith("["):
        raise ValueError("a name or an address alone stands here, without scheme and port")
    return f"http://[{name}]" if ":" in name else f"http://{name}"


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


def shorten(item: bytes) -> str:
    """A value in an error, on one line of a bearable length."""
    text = item[:64].decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return f'"{shown}{"..." if len(item) > 64 else ""}"'


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

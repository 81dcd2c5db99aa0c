"""gatelight.toml as frozen settings, read strictly (PURE but for load_settings).

Every fault is collected with its line, so that one look at `gatelight check` mends a file. Unknown
keys are refused with the nearest right one; keys of the design that nothing serves yet are refused
as not yet supported, never ignored.
"""

import difflib
import enum
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from appliance.quantities import Address, parse_address, parse_duration, parse_size
from appliance.routing.model import Site
from appliance.toml_lines import Path as KeyPath
from appliance.toml_lines import find_lines


class LogFormat(enum.Enum):
    """The access log's two forms."""

    COMBINED = "combined"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Listen:
    http: tuple[Address, ...] = ()
    https: tuple[Address, ...] = ()
    admin_socket: str = "/run/gatelight/admin.sock"


@dataclass(frozen=True, slots=True)
class ProxySettings:
    workers: int = 1
    access_log: str = "-"
    log_format: LogFormat = LogFormat.COMBINED
    state_dir: str = "/var/lib/gatelight"
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    drain_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    head_bytes: int = 32 * 1024
    fields: int = 128
    head_timeout_s: float = 10.0
    idle_timeout_s: float = 75.0
    backend_connect_s: float = 5.0
    backend_response_s: float = 600.0
    tunnel_idle_s: float = 3600.0
    connections: int = 20000
    connections_per_client: int = 1000


@dataclass(frozen=True, slots=True)
class Settings:
    path: str
    listen: Listen
    proxy: ProxySettings
    limits: Limits
    store_file: str | None
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file."""

    file: str
    line: int
    key: str
    what: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.what}" if self.key else f"{where}: {self.what}"


class ConfigError(ValueError):
    """A file that cannot be used, with everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


Parse = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is supported: where its value goes and how it is read."""

    attribute: str
    parse: Parse


def text(value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError(f"a string is needed, not {_kind(value)}")
    return value


def flag(value: Any) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise ValueError(f"true or false is needed, not {_kind(value)}")
    return value


def count(value: Any) -> int:
    """A whole number above zero."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("a whole number above 0 is needed")
    return value


def duration(value: Any) -> float:
    """A duration above zero, in seconds."""
    seconds = parse_duration(text(value))
    if seconds <= 0:
        raise ValueError("a duration above 0 is needed")
    return seconds


def size(value: Any) -> int:
    """A size in bytes."""
    return parse_size(text(value))


def head_size(value: Any) -> int:
    """The largest head; below 1 KiB no browser gets through."""
    parsed = size(value)
    if not 1024 <= parsed <= 1 << 20:
        raise ValueError("a head's limit lies between 1KiB and 1MiB")
    return parsed


def one_of(kind: type[enum.Enum]) -> Parse:
    """One of an enum's values."""

    def parse(value: Any) -> enum.Enum:
        known = [str(member.value) for member in kind]
        name = text(value)
        if name in known:
            return kind(name)
        raise ValueError(f'"{name}" is none of {", ".join(known)}{_nearest(name, known)}')

    return parse


def texts(value: Any) -> tuple[str, ...]:
    """A string or a list of strings."""
    items = value if isinstance(value, list) else [value]
    return tuple(text(item) for item in items)


def addresses(value: Any) -> tuple[Address, ...]:
    """One address to listen on, or several."""
    parsed = tuple(parse_address(item) for item in texts(value))
    for address in parsed:
        if address.port and parsed.count(address) > 1:
            raise ValueError(f"{address} is listed twice")
    return parsed


def workers(value: Any) -> int:
    """A number of processes; "auto" is one for each core."""
    if value == "auto":
        return os.cpu_count() or 1
    if isinstance(value, str):
        raise ValueError('write "auto" or a number')
    if count(value) > 64:
        raise ValueError("more than 64 workers help nobody")
    return count(value)


def networks(value: Any) -> tuple[IPv4Network | IPv6Network, ...]:
    """A list of CIDRs."""
    if not isinstance(value, list):
        raise ValueError('a list is needed: ["192.168.1.0/24"]')
    return tuple(ip_network(item) for item in texts(value))


def _kind(value: Any) -> str:
    names = {str: "a string", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "a list" if isinstance(value, list) else "a table")


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f'; did you mean "{near[0]}"?' if near else ""


LISTEN = {
    "http": Key("http", addresses),
    "admin_socket": Key("admin_socket", text),
}
PROXY = {
    "workers": Key("workers", workers),
    "access_log": Key("access_log", text),
    "log_format": Key("log_format", one_of(LogFormat)),
    "state_dir": Key("state_dir", text),
    "trusted_proxies": Key("trusted_proxies", networks),
    "drain": Key("drain_s", duration),
}
LIMITS = {
    "head": Key("head_bytes", head_size),
    "fields": Key("fields", count),
    "head_timeout": Key("head_timeout_s", duration),
    "idle_timeout": Key("idle_timeout_s", duration),
    "backend_connect": Key("backend_connect_s", duration),
    "backend_response": Key("backend_response_s", duration),
    "tunnel_idle": Key("tunnel_idle_s", duration),
    "connections": Key("connections", count),
    "connections_per_client": Key("connections_per_client", count),
}
STORE = {"file": Key("file", text)}

NOT_YET: Mapping[str, frozenset[str]] = {
    "": frozenset(("acme", "display", "box")),
    "listen": frozenset(("https", "admin", "accept_proxy_protocol")),
    "proxy": frozenset(("hooks",)),
    "store": frozenset(("url",)),
    "site": frozenset(
        (
            "certificate",
            "key",
            "redirect_http",
            "hsts",
            "proxy_protocol",
            "maintenance",
            "max_body",
            "health",
            "access",
            "headers",
            "paths",
        )
    ),
}


@dataclass(slots=True)
class Faults:
    """Collects what is wrong with one file, with lines."""

    file: str
    lines: Mapping[KeyPath, int]
    found: list[Fault] = field(default_factory=list)

    def add(self, path: KeyPath, what: str) -> None:
        """Notes a fault at a key."""
        line = 0
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                line = self.lines[path[:length]]
                break
        names = [str(part) for part in path if isinstance(part, str)]
        self.found.append(Fault(self.file, line, ".".join(names), what))

    def line_of(self, path: KeyPath) -> int:
        """The line of a key, or 0."""
        return self.lines.get(path, 0)

    def unknown(self, path: KeyPath, known: list[str], section: str) -> None:
        """Notes a key that cannot stand here."""
        name = str(path[-1])
        if name in NOT_YET.get(section, ()):
            self.add(path, "not yet supported")
        else:
            self.add(path, f"unknown key{_nearest(name, known)}")

    def finish(self) -> None:
        """Raises ConfigError when anything was wrong."""
        if self.found:
            raise ConfigError(tuple(sorted(self.found, key=lambda fault: fault.line)))


def read_section(
    table: Any, path: KeyPath, keys: Mapping[str, Key], section: str, faults: Faults
) -> dict[str, Any]:
    """The values of a table by attribute; faults are noted, not raised."""
    if not isinstance(table, dict):
        faults.add(path, f"a table is needed, not {_kind(table)}")
        return {}
    values = {}
    for name, value in table.items():
        key = keys.get(name)
        if key is None:
            faults.unknown((*path, name), list(keys), section)
            continue
        try:
            values[key.attribute] = key.parse(value)
        except ValueError as error:
            faults.add((*path, name), str(error))
    return values


def parse_settings(content: str, path: str) -> Settings:
    """The whole file. Raises ConfigError with every fault in it."""
    from appliance.config_sites import read_sites

    data, faults = _parse_toml(content, path)
    sections = {"listen": LISTEN, "proxy": PROXY, "limits": LIMITS, "store": STORE}
    for name in data:
        if name not in sections and name != "site":
            faults.unknown((name,), [*sections, "site"], "")
    values = {
        name: read_section(data.get(name, {}), (name,), keys, name, faults)
        for name, keys in sections.items()
    }
    sites = read_sites(data, faults)
    store_file = values["store"].get("file")
    if store_file is not None and sites:
        faults.add(("store", "file"), "sites stand in this file too: keep them in one place")
    if not values["listen"].get("http") and not any(f.key == "listen.http" for f in faults.found):
        faults.add(("listen",), 'nothing to listen on: write http = "0.0.0.0:80" under [listen]')
    faults.finish()
    proxy = {"workers": os.cpu_count() or 1, **values["proxy"]}
    return Settings(
        path,
        Listen(**values["listen"]),
        ProxySettings(**proxy),
        Limits(**values["limits"]),
        store_file,
        sites,
    )


def parse_sites(content: str, path: str) -> tuple[Site, ...]:
    """A store's file: [[site]] tables and nothing else. Raises ConfigError."""
    from appliance.config_sites import read_sites

    data, faults = _parse_toml(content, path)
    for name in data:
        if name != "site":
            faults.add((name,), "only [[site]] tables stand in a store's file")
    sites = read_sites(data, faults)
    faults.finish()
    return sites


def load_settings(path: str) -> Settings:
    """Reads and parses the file. Raises ConfigError."""
    return parse_settings(read_text(path), path)


def read_text(path: str) -> str:
    """A file's text. Raises ConfigError naming what keeps it from being read."""
    try:
        return Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError((Fault(path, 0, "", f"cannot be read: {error.strerror}"),)) from None
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text (byte {error.start})"
        raise ConfigError((Fault(path, 0, "", what),)) from None


def _parse_toml(content: str, path: str) -> tuple[dict[str, Any], Faults]:
    try:
        data = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        what = str(error)
        _, _, place = what.partition("(at line ")
        number = place.partition(",")[0]
        line = int(number) if number.isdigit() else content.count("\n") + 1
        raise ConfigError((Fault(path, line, "", f"not TOML: {what}"),)) from None
    except RecursionError:
        raise ConfigError((Fault(path, 0, "", "not TOML: nested too deeply"),)) from None
    return data, Faults(path, find_lines(content))

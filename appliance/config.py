"""gatelight.toml as frozen settings, read strictly (PURE but for load_settings).

Every fault is collected with its line, so that one look at `gatelight check` mends a file. Unknown
keys are refused with the nearest right one; keys of the design that nothing serves yet are refused
as not yet supported, never ignored.
"""

import enum
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from appliance.quantities import (
    Address,
    Parse,
    addresses,
    admin_addresses,
    count,
    duration,
    flag,
    head_size,
    kind_of,
    nearest,
    networks,
    one_of,
    path,
    text,
    workers,
)
from appliance.routing.model import Site, TlsMode
from appliance.store_url import StoreUrl, parse_store_url
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
    admin: tuple[Address, ...] = (Address("127.0.0.1", 8470),)
    admin_socket: str = "/run/gatelight/admin.sock"
    accept_proxy_protocol: bool = False


@dataclass(frozen=True, slots=True)
class ProxySettings:
    workers: int = 1
    access_log: str = "-"
    log_format: LogFormat = LogFormat.COMBINED
    state_dir: str = "/var/lib/gatelight"
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    drain_s: float = 30.0
    hooks: str | None = None


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
    store_url: StoreUrl | None
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
        line = f"{where}: {self.key}: {self.what}" if self.key else f"{where}: {self.what}"
        # Keys and values come from the file: a line end in one would make two faults of it.
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


class ConfigError(ValueError):
    """A file that cannot be used, with everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is supported: where its value goes and how it is read."""

    attribute: str
    parse: Parse


LISTEN = {
    "http": Key("http", addresses),
    "https": Key("https", addresses),
    "admin": Key("admin", admin_addresses),
    "admin_socket": Key("admin_socket", path),
    "accept_proxy_protocol": Key("accept_proxy_protocol", flag),
}
PROXY = {
    "workers": Key("workers", workers),
    "access_log": Key("access_log", path),
    "log_format": Key("log_format", one_of(LogFormat)),
    "state_dir": Key("state_dir", path),
    "trusted_proxies": Key("trusted_proxies", networks),
    "drain": Key("drain_s", duration),
    "hooks": Key("hooks", path),
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
STORE = {"file": Key("file", path), "url": Key("url", lambda value: parse_store_url(text(value)))}

NOT_YET: Mapping[str, frozenset[str]] = {
    "": frozenset(("acme",)),
    "site": frozenset(
        (
            "maintenance",
            "max_body",
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

    def place_of(self, path: KeyPath) -> str:
        """FILE:LINE of a key; the file alone where there are no lines."""
        line = self.lines.get(path)
        return f"{self.file}:{line}" if line else self.file

    def unknown(self, path: KeyPath, known: list[str], section: str) -> None:
        """Notes a key that cannot stand here."""
        name = str(path[-1])
        if name in NOT_YET.get(section, ()):
            self.add(path, "not yet supported")
        else:
            self.add(path, f"unknown key{nearest(name, known)}")

    def finish(self) -> None:
        """Raises ConfigError when anything was wrong."""
        if self.found:
            raise ConfigError(tuple(sorted(self.found, key=lambda fault: fault.line)))


def read_section(
    table: Any, path: KeyPath, keys: Mapping[str, Key], section: str, faults: Faults
) -> dict[str, Any]:
    """The values of a table by attribute; faults are noted, not raised."""
    if not isinstance(table, dict):
        faults.add(path, f"a table is needed, not {kind_of(table)}")
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
    from appliance.config_box import read_box
    from appliance.config_display import check_display
    from appliance.config_sites import read_sites

    data, faults = _parse_toml(content, path)
    sections = {"listen": LISTEN, "proxy": PROXY, "limits": LIMITS, "store": STORE}
    for name in data:
        if name not in sections and name not in ("site", "display", "box"):
            faults.unknown((name,), [*sections, "site", "display", "box"], "")
    values = {
        name: read_section(data.get(name, {}), (name,), keys, name, faults)
        for name, keys in sections.items()
    }
    check_display(data.get("display", {}), faults)
    read_box(data.get("box", {}), faults)
    sites = read_sites(data, faults)
    store = values["store"]
    for name in store:
        if sites:
            faults.add(("store", name), "sites stand in this file too: keep them in one place")
        elif len(store) > 1:
            faults.add(("store", name), "a file or a url: keep the sites in one place")
    misread = any(fault.key.startswith("listen") for fault in faults.found)
    if not misread:
        for key, what in _find_listen_faults(values["listen"], sites):
            faults.add(("listen", key) if key else ("listen",), what)
    faults.finish()
    proxy = {"workers": os.cpu_count() or 1, **values["proxy"]}
    return Settings(
        path,
        Listen(**values["listen"]),
        ProxySettings(**proxy),
        Limits(**values["limits"]),
        store.get("file"),
        store.get("url"),
        sites,
    )


def _find_listen_faults(
    listen: Mapping[str, Any], sites: tuple[Site, ...]
) -> Iterator[tuple[str, str]]:
    http, https = listen.get("http", ()), listen.get("https", ())
    if not http and not https:
        yield "", 'nothing to listen on: write http = "0.0.0.0:80" under [listen]'
    for address in https:
        if address.port and address in http:
            yield "https", f"{address} is taken by http already"
    for address in listen.get("admin", ()):
        if address.port and address in (*http, *https):
            yield "admin", f"{address} is taken by {'http' if address in http else 'https'} already"
    secure = next((site for site in sites if site.tls is not TlsMode.OFF), None)
    if secure is not None and not https:
        what = f'{secure.host} has tls = "{secure.tls.value}", and nothing listens for it'
        yield "", f'{what}: write https = "0.0.0.0:443" under [listen]'


def parse_sites(content: str, path: str, alone: bool = True) -> tuple[Site, ...]:
    """A store's file: [[site]] tables, and (`alone`) nothing else. Raises ConfigError."""
    from appliance.config_sites import read_sites

    data, faults = _parse_toml(content, path)
    for name in data:
        if name != "site" and alone:
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
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError((Fault(path, 0, "", f"cannot be read: {error.strerror}"),)) from None
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text (byte {error.start})"
        raise ConfigError((Fault(path, 0, "", what),)) from None


def _parse_toml(content: str, path: str) -> tuple[dict[str, Any], Faults]:
    try:
        data = tomllib.loads(content)
        lines = find_lines(content)
    except tomllib.TOMLDecodeError as error:
        what = str(error)
        _, _, place = what.partition("(at line ")
        number = place.partition(",")[0]
        line = int(number) if number.isdigit() else content.count("\n") + 1
        raise ConfigError((Fault(path, line, "", f"not TOML: {what}"),)) from None
    except RecursionError:
        raise ConfigError((Fault(path, 0, "", "nested too deeply"),)) from None
    except ValueError as error:
        # A number of thousands of digits.
        raise ConfigError((Fault(path, 0, "", f"not TOML: {error}"),)) from None
    return data, Faults(path, lines)

"""The settings of the proxy, frozen, as gatelight.toml gives them."""

import enum
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from appliance.routing.model import Site


class LogFormat(enum.Enum):
    """How a line of the access log is written."""

    COMBINED = "combined"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file; `line` is 0 when it belongs to the file as a whole."""

    file: str
    line: int
    key: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        key = f"{self.key}: " if self.key else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{where}: {key}{self.what}{hint}"


class ConfigError(Exception):
    """A file that cannot be taken, with every fault found in it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Listen:
    """[listen]"""

    http: tuple[Address, ...] = (Address("0.0.0.0", 80),)
    https: tuple[Address, ...] = ()
    admin_socket: str = "/run/gatelight/admin.sock"


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """[proxy]"""

    workers: int = 1
    access_log: str = "-"
    log_format: LogFormat = LogFormat.COMBINED
    state_dir: str = "/var/lib/gatelight"
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    drain_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """[limits]: bounds of size, count and time."""

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
    """All of one gatelight.toml; `sites` are the file's own, `store_file` names another's."""

    path: str
    listen: Listen
    proxy: ProxySettings
    limits: Limits
    store_file: str | None
    sites: tuple[Site, ...]

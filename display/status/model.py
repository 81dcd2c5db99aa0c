"""The status JSON as values (PURE; docs/status-schema.md).

Read leniently: the box may be older or newer than its screen. What is missing, null or of another
kind is None, and is drawn as "not reported".
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

# More than anybody sees; a box gone wild does not fill the screen's memory.
MAX_SITES = 2000
MAX_ALERTS = 100
MAX_BACKENDS = 200
MAX_WORKERS = 64
MAX_ADDRESSES = 16
MAX_TEXT = 500

T = TypeVar("T")


class State(enum.Enum):
    """How a thing is. Each has a shape, a word and a colour of its own."""

    UP = "up"
    WARNING = "warning"
    DOWN = "down"
    DRAINING = "draining"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a thing is used."""

    used_bytes: float
    total_bytes: float

    @property
    def percent(self) -> float:
        """0 to 100."""
        return min(100.0, 100 * self.used_bytes / self.total_bytes)


@dataclass(frozen=True, slots=True)
class Latency:
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Power:
    undervoltage: bool | None = None
    throttled: bool | None = None


@dataclass(frozen=True, slots=True)
class Network:
    interface: str | None = None
    gateway: str | None = None
    dns_ok: bool | None = None
    wifi_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Box:
    hostname: str | None = None
    model: str | None = None
    addresses: tuple[str, ...] | None = None
    uptime_s: float | None = None
    temperature_c: float | None = None
    cpu_percent: float | None = None
    memory: Use | None = None
    disk: Use | None = None
    power: Power = Power()
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Proxy:
    state: str | None = None
    worker_states: tuple[str, ...] = ()
    connections: float | None = None
    requests_per_s: float | None = None
    bytes_in_per_s: float | None = None
    bytes_out_per_s: float | None = None
    latency: Latency = Latency()
    errors_total: float | None = None


@dataclass(frozen=True, slots=True)
class Store:
    kind: str | None = None
    ok: bool | None = None
    since: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    issuer: str | None
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class Backend:
    url: str
    state: State
    since: datetime | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    host: str
    tls: str | None = None
    requests_per_s: float | None = None
    latency: Latency = Latency()
    certificate: Certificate | None = None
    backends: tuple[Backend, ...] = ()

    @property
    def state(self) -> State:
        """Of all its backends together: with one up and one down a site is a warning."""
        states = {backend.state for backend in self.backends}
        if not states or states == {State.UNKNOWN}:
            return State.UNKNOWN
        if states <= {State.DOWN}:
            return State.DOWN
        if State.DOWN in states:
            return State.WARNING
        if State.UP in states:
            return State.UP
        return State.DRAINING if State.DRAINING in states else State.UNKNOWN


@dataclass(frozen=True, slots=True)
class Alert:
    id: str
    severity: State
    text: str
    since: datetime | None = None
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """A display mode that somebody has to confirm."""

    port: int
    mode: str
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Status:
    time: datetime | None = None
    box: Box = Box()
    proxy: Proxy = Proxy()
    store: Store = Store()
    sites: tuple[Site, ...] = ()
    alerts: tuple[Alert, ...] = ()
    claim_code: str | None = None
    trial: Trial | None = None


def parse_status(content: object) -> Status:
    """Any JSON value as a status. Never raises."""
    table = _table(content)
    trial = _table(table.get("trial"))
    return Status(
        time=_time(table.get("time")),
        box=_box(_table(table.get("box"))),
        proxy=_proxy(_table(table.get("proxy"))),
        store=_store(_table(table.get("store"))),
        sites=tuple(_site(item) for item in _tables(table.get("sites"), MAX_SITES)),
        alerts=tuple(_alert(item) for item in _tables(table.get("alerts"), MAX_ALERTS)),
        claim_code=_text(_table(table.get("claim")).get("code")),
        trial=_trial(trial) if trial else None,
    )


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: object, most: int) -> list[Any]:
    return value[:most] if isinstance(value, list) else []


def _tables(value: object, most: int) -> list[Mapping[str, Any]]:
    return [item for item in _items(value, most) if isinstance(item, dict)]


def _text(value: object) -> str | None:
    """On one line: what is shown may come from anywhere."""
    if not isinstance(value, str):
        return None
    text = "".join(c if c.isprintable() else " " for c in value[:MAX_TEXT]).strip()
    return text or None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Neither NaN nor what no page has room for.
    return float(value) if -1e15 < value < 1e15 else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time


def _state(value: object) -> State:
    return State(value) if value in [state.value for state in State] else State.UNKNOWN


def _use(value: object) -> Use | None:
    table = _table(value)
    used, total = _number(table.get("used_bytes")), _number(table.get("total_bytes"))
    return None if used is None or not total or total < 0 else Use(max(0.0, used), total)


def _latency(value: object) -> Latency:
    table = _table(value)
    return Latency(_number(table.get("p50")), _number(table.get("p99")))


def _box(table: Mapping[str, Any]) -> Box:
    power, network = _table(table.get("power")), _table(table.get("network"))
    addresses = table.get("addresses")
    found = [_text(item) for item in _items(addresses, MAX_ADDRESSES)]
    return Box(
        hostname=_text(table.get("hostname")),
        model=_text(table.get("model")),
        addresses=tuple(item for item in found if item) if isinstance(addresses, list) else None,
        uptime_s=_number(table.get("uptime_s")),
        temperature_c=_number(table.get("temperature_c")),
        cpu_percent=_number(table.get("cpu_percent")),
        memory=_use(table.get("memory")),
        disk=_use(table.get("disk")),
        power=Power(_flag(power.get("undervoltage")), _flag(power.get("throttled"))),
        network=Network(
            _text(network.get("interface")),
            _text(network.get("gateway")),
            _flag(network.get("dns_ok")),
            _number(network.get("wifi_percent")),
        ),
    )


def _proxy(table: Mapping[str, Any]) -> Proxy:
    workers = _tables(table.get("workers"), MAX_WORKERS)
    return Proxy(
        state=_text(table.get("state")),
        worker_states=tuple(_text(worker.get("state")) or "" for worker in workers),
        connections=_number(table.get("connections")),
        requests_per_s=_number(table.get("requests_per_s")),
        bytes_in_per_s=_number(table.get("bytes_in_per_s")),
        bytes_out_per_s=_number(table.get("bytes_out_per_s")),
        latency=_latency(table.get("latency_ms")),
        errors_total=_number(table.get("errors_total")),
    )


def _store(table: Mapping[str, Any]) -> Store:
    return Store(
        _text(table.get("kind")),
        _flag(table.get("ok")),
        _time(table.get("since")),
        _text(table.get("error")),
    )


def _site(table: Mapping[str, Any]) -> Site:
    certificate = table.get("certificate")
    return Site(
        host=_text(table.get("host")) or "?",
        tls=_text(table.get("tls")),
        requests_per_s=_number(table.get("requests_per_s")),
        latency=_latency(table.get("latency_ms")),
        certificate=_certificate(certificate) if isinstance(certificate, dict) else None,
        backends=tuple(_backend(item) for item in _tables(table.get("backends"), MAX_BACKENDS)),
    )


def _certificate(table: Mapping[str, Any]) -> Certificate:
    return Certificate(_text(table.get("issuer")), _time(table.get("expires")))


def _backend(table: Mapping[str, Any]) -> Backend:
    return Backend(
        _text(table.get("url")) or "?",
        _state(table.get("state")),
        _time(table.get("since")),
        _text(table.get("last_error")),
    )


def _alert(table: Mapping[str, Any]) -> Alert:
    text = _text(table.get("text")) or "something is wrong"
    return Alert(
        id=_text(table.get("id")) or text,
        severity=State.DOWN if table.get("severity") == "critical" else State.WARNING,
        text=text,
        since=_time(table.get("since")),
        acknowledged=_flag(table.get("acknowledged")) or False,
    )


def _trial(table: Mapping[str, Any]) -> Trial:
    return Trial(
        int(_number(table.get("port")) or 0),
        _text(table.get("mode")) or "a new mode",
        max(0.0, _number(table.get("seconds_left")) or 0.0),
    )

"""Made-up boxes, for previews and for the golden pictures (PURE).

Each is a status as the box would send it, with the minutes before it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from display.pages.registry import TURNED
from display.pages.view import View, find_dashboard
from display.status.history import MAX_SAMPLES, Sample, sample_of
from display.status.model import Status, parse_status
from display.status.verdict import Link

NOW = datetime(2026, 6, 12, 14, 8, 30, tzinfo=UTC)
# Everything that takes turns begins with its first.
NOW_S = 100_800.0
# Where the dashboard of a made-up box listens.
PREVIEW_ADMIN = "0.0.0.0:8470"
# The one with the most to show.
SHOWN_SITE = 5
# How far a countdown and a held button are.
SHUTDOWN_LEFT_S = 8.0
HELD = 0.6
GIB = 1 << 30

Table = dict[str, Any]


def _at(**before: float) -> str:
    return (NOW - timedelta(**before)).isoformat().replace("+00:00", "Z")


def _backend(
    url: str, state: str = "up", since: str | None = None, error: str | None = None
) -> Table:
    return {"url": url, "state": state, "since": since or _at(days=3), "last_error": error}


def _site(host: str, rate: float, *backends: Table, days: float | None = None) -> Table:
    certificate = None
    if days is not None:
        certificate = {"issuer": "Gatelight local CA", "expires": _at(days=-days)}
    return {
        "host": host,
        "tls": "off" if days is None else "terminate",
        "origin": "/etc/gatelight/gatelight.toml:12",
        "requests_per_s": rate,
        "latency_ms": {"p50": 4.2, "p99": 38.0} if rate else {"p50": None, "p99": None},
        "certificate": certificate,
        "backends": list(backends),
    }


def _box() -> Table:
    return {
        "hostname": "gatelight",
        "model": "Raspberry Pi 4 Model B Rev 1.5",
        "addresses": ["192.168.1.5", "fd00:1234:5678::5"],
        "uptime_s": 3_564_000.0,
        "temperature_c": 51.2,
        "cpu_percent": 12.4,
        "memory": {"used_bytes": 412 << 20, "total_bytes": 4 * GIB},
        "disk": {"used_bytes": 5 * GIB, "total_bytes": 29 * GIB},
        "power": {"undervoltage": False, "throttled": False},
        "network": {
            "interface": "eth0",
            "gateway": "192.168.1.1",
            "dns_ok": True,
            "wifi_percent": None,
        },
    }


def _sites() -> list[Table]:
    return [
        _site("photos.home.arpa", 31.4, _backend("http://192.168.1.20:2283"), days=83),
        _site("wiki.home.arpa", 2.1, _backend("http://wiki.lan:3000"), days=83),
        _site("git.home.arpa", 8.6, _backend("http://192.168.1.21:3000"), days=41),
        _site("cloud.home.arpa", 5.2, _backend("https://nas.lan:5001"), days=83),
        _site(
            "shop.home.arpa",
            0.9,
            _backend("http://192.168.1.30:8000"),
            _backend("http://192.168.1.31:8000"),
            days=12.5 * 2,
        ),
        _site("chat.home.arpa", 0.0, _backend("unix:/run/chat/http.sock")),
        _site("music.home.arpa", 0.0, _backend("http://192.168.1.20:4533")),
    ]


def make_calm() -> Table:
    """A home on a weekday afternoon."""
    return {
        "version": 1,
        "time": _at(),
        "box": _box(),
        "proxy": {
            "state": "serving",
            "workers": [{"pid": 611 + n, "state": "serving", "restarts": 0} for n in range(4)],
            "connections": 38,
            "requests_total": 4_211_906,
            "requests_per_s": 48.2,
            "bytes_in_per_s": 21_400,
            "bytes_out_per_s": 3_480_000,
            "latency_ms": {"p50": 4.2, "p99": 38.0},
            "errors_total": 12,
            "log_lines_lost": 0,
        },
        "store": {"kind": "file", "ok": True, "since": _at(days=41), "error": None},
        "sites": _sites(),
        "alerts": [],
        "claim": None,
        "trial": None,
    }


def make_trouble() -> Table:
    """One site down, one half down, and alerts that say so."""
    status = make_calm()
    since = _at(minutes=6)
    photos, shop = status["sites"][0], status["sites"][4]
    photos["backends"] = [_backend("http://192.168.1.20:2283", "down", since, "connection refused")]
    photos["requests_per_s"] = 3.1
    shop["backends"][1] = _backend(
        "http://192.168.1.31:8000", "down", _at(hours=2), "no answer within 1 s"
    )
    status["proxy"] |= {"requests_per_s": 14.6, "errors_total": 911}
    status["box"] |= {"temperature_c": 81.5}
    status["alerts"] = [
        {
            "id": "site:photos.home.arpa",
            "severity": "critical",
            "text": "photos.home.arpa: no backend answers (connection refused)",
            "since": since,
            "acknowledged": False,
        },
        {
            "id": "box:temperature",
            "severity": "warning",
            "text": "The processor is at 81 °C and slows down: it needs air",
            "since": _at(minutes=31),
            "acknowledged": False,
        },
        {
            "id": "certificate:shop.home.arpa",
            "severity": "warning",
            "text": "The certificate of shop.home.arpa could not be renewed: "
            "the directory did not answer",
            "since": _at(days=2),
            "acknowledged": True,
        },
    ]
    return status


def make_many() -> Table:
    """Forty sites with long names, IPv6, and more requests than anybody has."""
    status = make_calm()
    rooms = ("photos", "wiki", "git", "cloud", "shop", "chat", "music", "video", "mail", "maps")
    places = ("attic", "cellar", "garden-house-behind-the-old-orchard", "workshop")
    sites = []
    for number in range(40):
        host = f"{rooms[number % 10]}.{places[number // 10]}.lab.example.org"
        address = f"http://[2001:db8:85a3:8d3:1319:8a2e:370:{number + 0x7000:x}]:8080"
        state = {7: "down", 13: "draining"}.get(number, "up")
        error = "no route to host" if state == "down" else None
        backend = _backend(address, state, _at(hours=9), error)
        sites.append(_site(host, 99_999 / (number + 1) ** 2, backend, days=2 + 3 * number))
    status["sites"] = sites
    status["box"] |= {
        "hostname": "gatelight-in-the-cellar",
        "addresses": ["2001:db8:85a3:8d3:1319:8a2e:370:7348", "192.168.178.250"],
        "cpu_percent": 100.0,
        "uptime_s": 51_000.0,
    }
    status["box"]["network"] |= {"interface": "wlan0", "wifi_percent": 71.0}
    status["proxy"] |= {
        "requests_per_s": 99_999.0,
        "connections": 19_998,
        "bytes_in_per_s": 98_000_000,
        "bytes_out_per_s": 1_240_000_000,
        "latency_ms": {"p50": 41.0, "p99": 2300.0},
    }
    return status


def make_unknown() -> Table:
    """A machine that can report next to nothing."""
    status = make_calm()
    status["box"] |= dict.fromkeys(
        ("model", "uptime_s", "temperature_c", "cpu_percent", "memory", "disk", "power", "network")
    )
    status["box"]["addresses"] = []
    status["box"] |= {"addresses": ["192.168.1.5"]}
    status["proxy"] |= {"requests_per_s": 0.0, "bytes_in_per_s": 0, "bytes_out_per_s": 0}
    status["proxy"]["latency_ms"] = {"p50": None, "p99": None}
    for site in status["sites"]:
        site |= {"certificate": None, "requests_per_s": 0.0, "tls": "terminate"}
        site["latency_ms"] = {"p50": None, "p99": None}
        for backend in site["backends"]:
            backend |= {"state": "unknown", "since": None}
    return status


def make_offline() -> Table:
    """The cable is pulled."""
    status = make_calm()
    status["box"]["addresses"] = []
    status["box"]["network"] |= {"interface": None, "gateway": None, "dns_ok": False}
    status["proxy"] |= {"requests_per_s": 0.0, "bytes_in_per_s": 0, "bytes_out_per_s": 0}
    status["proxy"]["latency_ms"] = {"p50": None, "p99": None}
    for site in status["sites"]:
        site["requests_per_s"] = 0.0
        site["backends"] = [b | {"state": "unknown", "since": None} for b in site["backends"]]
    return status


def make_new() -> Table:
    """Fresh from the card: nothing is there yet, and the dashboard is to be claimed."""
    status = make_calm()
    status["sites"] = []
    status["proxy"] |= {"requests_per_s": 0.0, "bytes_in_per_s": 0, "bytes_out_per_s": 0}
    status["proxy"] |= {"latency_ms": {"p50": None, "p99": None}, "requests_total": 0}
    status["box"]["uptime_s"] = 47.0
    status["claim"] = {"code": "4K7-P2M"}
    return status


def make_trial() -> Table:
    """A new HDMI mode waits for somebody who sees it."""
    return make_calm() | {"trial": {"port": 0, "mode": "1920x1080@60", "seconds_left": 42.0}}


def _wave(second: int, level: float) -> float:
    """Traffic as it goes: slow swells, and a rush now and then; the same each time."""
    swell = 0.62 + 0.22 * math.sin(second / 41) + 0.1 * math.sin(second / 11 + 1)
    rush = 0.5 * math.exp(-(((second - 214) / 9) ** 2)) + 0.3 * math.exp(
        -(((second - 90) / 4) ** 2)
    )
    ripple = 0.06 * math.sin(second * 2.4) * math.cos(second / 3)
    return level * max(0.0, swell + rush + ripple)


def make_history(status: Status, now_s: float, later: int = 0) -> tuple[Sample, ...]:
    """Five minutes that end as the status is, or so many seconds later."""
    proxy = status.proxy
    end = _wave(MAX_SAMPLES - 1, 1.0)

    def level(value: float | None, second: int) -> float | None:
        return None if value is None else _wave(second + later, value / end)

    return tuple(
        Sample(
            now_s - MAX_SAMPLES + 1 + second,
            level(proxy.requests_per_s, second),
            level(proxy.bytes_in_per_s, second),
            level(proxy.bytes_out_per_s, second),
            level(proxy.latency.p99_ms, second),
            level(proxy.connections, second),
            {site.host: level(site.requests_per_s, second) for site in status.sites},
        )
        for second in range(MAX_SAMPLES)
    )


@dataclass(frozen=True, slots=True)
class Scenario:
    """A box, and how its screen hears of it."""

    make: Callable[[], Table]
    link: Link = Link.LIVE


SCENARIOS: Mapping[str, Scenario] = {
    "calm": Scenario(make_calm),
    "trouble": Scenario(make_trouble),
    "many": Scenario(make_many),
    "unknown": Scenario(make_unknown),
    "offline": Scenario(make_offline),
    "new": Scenario(make_new),
    "trial": Scenario(make_trial),
    "starting": Scenario(dict, Link.STARTING),
    "gone": Scenario(dict, Link.GONE),
}
# Pages that show nothing on a calm day.
FITTING = {
    "alerts": "trouble",
    "alert": "trouble",
    "claim": "new",
    "confirm": "trial",
    "starting": "starting",
    "gone": "gone",
}


def make_view(page: str, status: Status | None, link: Link, now: datetime, now_s: float) -> View:
    """A page of a preview, without any minutes before."""
    return View(
        status=status,
        link=link,
        now=now,
        now_s=now_s,
        dashboard=find_dashboard(status, PREVIEW_ADMIN),
        seconds_left=SHUTDOWN_LEFT_S if page == "shutdown" else None,
        hold=HELD,
        act_by="hold",
        pages=tuple(TURNED),
        page=page,
    )


def status_view(page: str, status: Status, later_s: float = 0.0) -> View:
    """A page of a real box, of which only this one status is known."""
    now = status.time.astimezone() if status.time else datetime.now().astimezone()
    view = make_view(page, status, Link.LIVE, now, NOW_S + later_s)
    return replace(view, history=(sample_of(status, NOW_S),))


def scenario_view(name: str, page: str, later_s: float = 0.0) -> View:
    """A page of a scenario."""
    scenario = SCENARIOS[name]
    status = parse_status(scenario.make()) if scenario.link is Link.LIVE else None
    now, now_s = NOW + timedelta(seconds=later_s), NOW_S + later_s
    view = make_view(page, status, scenario.link, now, now_s)
    history = make_history(status, now_s, int(later_s)) if status else ()
    left_s = None if view.seconds_left is None else max(0.0, view.seconds_left - later_s)
    return replace(view, history=history, site=SHOWN_SITE, seconds_left=left_s)

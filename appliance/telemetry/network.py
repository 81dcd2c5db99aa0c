"""By which interface the box reaches others, as the kernel tells it in /proc/net."""

import ipaddress
import struct
from pathlib import Path
from typing import Any, NamedTuple

# <linux/route.h>
_UP, _GATEWAY, _REJECT = 0x1, 0x2, 0x200
# What cfg80211 counts a link's quality up to (net/wireless/wext-compat.c).
_BEST_LINK = 70
_LOOPBACK = "lo"


class Route(NamedTuple):
    """A way to everywhere; `gateway` is empty where there is none in between."""

    metric: int
    interface: str
    gateway: str


def read_network(root: Path, dns_ok: bool | None) -> dict[str, Any] | None:
    """The status's `network`; None when the kernel tells nothing."""
    v4, v6 = _text(root / "proc/net/route"), _text(root / "proc/net/ipv6_route")
    if v4 is None and v6 is None:
        return None
    routes = [*sorted(parse_routes(v4 or "")), *sorted(parse_v6_routes(v6 or ""))]
    route = routes[0] if routes else None
    wireless = parse_wireless(_text(root / "proc/net/wireless") or "")
    return {
        "interface": route.interface if route else None,
        "gateway": route.gateway or None if route else None,
        "dns_ok": dns_ok,
        "wifi_percent": wireless.get(route.interface) if route else None,
    }


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None


def parse_routes(text: str) -> list[Route]:
    """Default routes in /proc/net/route: words in hexadecimal, as the machine has them."""
    found = []
    for line in text.splitlines()[1:]:
        parts = line.split()
        try:
            interface, destination, gateway, flags = parts[:4]
            metric, mask = parts[6:8]
            is_default = int(destination, 16) == int(mask, 16) == 0
            if is_default and int(flags, 16) & (_UP | _REJECT) == _UP:
                is_far = int(flags, 16) & _GATEWAY
                address = str(ipaddress.IPv4Address(struct.pack("=I", int(gateway, 16))))
                found.append(Route(int(metric), interface, address if is_far else ""))
        except (ValueError, struct.error):
            continue
    return found


def parse_v6_routes(text: str) -> list[Route]:
    """Default routes in /proc/net/ipv6_route."""
    found = []
    for line in text.splitlines():
        parts = line.split()
        try:
            destination, length, _, _, gateway, metric, _, _, flags, interface = parts
            is_default = int(destination, 16) == int(length, 16) == 0
            is_good = int(flags, 16) & (_UP | _REJECT) == _UP and interface != _LOOPBACK
            if is_default and is_good:
                is_far = int(flags, 16) & _GATEWAY
                address = str(ipaddress.IPv6Address(bytes.fromhex(gateway)))
                found.append(Route(int(metric, 16), interface, address if is_far else ""))
        except ValueError:
            continue
    return found


def parse_wireless(text: str) -> dict[str, float]:
    """How good each wireless link is, in percent, from /proc/net/wireless."""
    found = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        try:
            link = float(rest.split()[1])
        except (ValueError, IndexError):
            continue
        found[name.strip()] = round(min(100.0, max(0.0, 100 * link / _BEST_LINK)), 0)
    return found

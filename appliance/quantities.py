"""Durations, sizes and addresses as people write them (PURE)."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_DURATION_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"([0-9]+)(KiB|MiB|GiB|B)?")
_SIZE_BYTES = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_duration(text: str) -> float:
    """Seconds. Raises ValueError in words."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a duration: write "3s", "500ms", "10m" or "1h"')
    return float(match[1]) * _DURATION_S[match[2]]


def parse_size(text: str) -> int:
    """Bytes. Raises ValueError in words."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a size: write "64KiB", "1MiB" or "0"')
    return int(match[1]) * _SIZE_BYTES[match[2] or ""]


def parse_address(text: str) -> Address:
    """An address to listen on or connect to. Raises ValueError in words."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f'"{text}" is not an address: write "0.0.0.0:80", "[::]:80" or ":80"')
    if not host:
        return Address("0.0.0.0", int(port))
    if host.startswith("[") and host.endswith("]"):
        return Address(str(IPv6Address(host[1:-1])), int(port))
    if host == "localhost":
        return Address("127.0.0.1", int(port))
    try:
        address = ip_address(host)
    except ValueError:
        raise ValueError(f'"{host}" is not an IP address to listen on') from None
    if address.version == 6:
        raise ValueError(f'an IPv6 address is bracketed: "[{host}]:{port}"')
    return Address(host, int(port))

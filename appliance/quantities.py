"""Values as people write them in a file: durations, sizes, addresses and the like (PURE)."""

import difflib
import enum
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Parse = Callable[[Any], Any]
# More is a slip of the pen, and some clocks and counters could not hold it.
MAX_COUNT = 10**9
MAX_DURATION_S = 365 * 86400.0

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
_DURATION_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PORT = re.compile(r"[0-9]{1,5}")
_SIZE = re.compile(r"([0-9]{1,15})(KiB|MiB|GiB|B)?")
_SIZE_BYTES = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host.startswith("127.") or self.host == "::1"


def parse_duration(text: str) -> float:
    """Seconds. Raises ValueError in words."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a duration: write "3s", "500ms", "10m" or "1h"')
    seconds = float(match[1]) * _DURATION_S[match[2]]
    if seconds > MAX_DURATION_S:
        raise ValueError(f'"{text}" is longer than a year')
    return seconds


def parse_size(text: str) -> int:
    """Bytes. Raises ValueError in words."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a size: write "64KiB", "1MiB" or "0"')
    return int(match[1]) * _SIZE_BYTES[match[2] or ""]


def parse_address(text: str) -> Address:
    """An address to listen on or connect to. Raises ValueError in words."""
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or int(port) > 65535:
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


def text(value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError(f"a string is needed, not {kind_of(value)}")
    return value


def path(value: Any) -> str:
    """A file's path, which the system could open."""
    name = text(value)
    if not name or not name.isprintable():
        raise ValueError("a path is needed, without control characters")
    return name


def flag(value: Any) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise ValueError(f"true or false is needed, not {kind_of(value)}")
    return value


def count(value: Any) -> int:
    """A whole number above zero."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_COUNT:
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
        raise ValueError(f'"{name}" is none of {", ".join(known)}{nearest(name, known)}')

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


def admin_addresses(value: Any) -> tuple[Address, ...]:
    """The same for the dashboard; "off" for none."""
    return () if value == "off" else addresses(value)


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


def kind_of(value: Any) -> str:
    """What a TOML value is, in words."""
    names = {str: "a string", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "a list" if isinstance(value, list) else "a table")


def nearest(name: str, known: list[str]) -> str:
    """The likeliest right word as the end of a sentence, or nothing."""
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f'; did you mean "{near[0]}"?' if near else ""

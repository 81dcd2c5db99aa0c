"""The PROXY protocol, versions 1 and 2 (haproxy.org, doc/proxy-protocol.txt), both ways.

A proxy before us says with it who the client is, and we say it to a backend. It is read strictly:
whoever may send one is trusted, so what it says must have one meaning only. `parse_proxy_header` is
fed from the first byte on and answers None while more is needed. Tags (TLVs) are in proxy_tags.py.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from appliance.wire.proxy_tags import (
    NO_TAGS,
    MalformedProxyHeaderError,
    ProxyTags,
    checksum_place,
    crc32c,
    encode_tags,
    parse_tags,
)

# 2.1: the longest line with its CRLF, which is UNKNOWN with two full IPv6 addresses.
MAX_V1_BYTES = 107
# 2.2: a header is meant to fit a segment of 536 bytes. HAProxy's goes past that when it names a
# client's certificate and a unique id, so there is room for those, and not for the 64 KiB that the
# length could say.
MAX_V2_BYTES = 4096

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_START_BYTES = 16
_LOCAL, _PROXY = 0x20, 0x21
_STREAM = 0x1
_V1_WORD = b"PROXY "
_NUMBER = rb"(0|[1-9][0-9]{0,4})"
_V1_LINE = re.compile(
    rb"PROXY TCP([46]) ([0-9A-Fa-f:.]{2,39}) ([0-9A-Fa-f:.]{2,39}) " + _NUMBER + b" " + _NUMBER
)
_V1_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [\x20-\x7e]*)?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a TCP connection; `ip` in its shortest form, a mapped one as IPv4."""

    ip: str
    port: int


@dataclass(frozen=True, slots=True)
class UnixEndpoint:
    """One end of a Unix socket; an unnamed one has an empty path."""

    path: bytes


Ends = tuple[Endpoint, Endpoint] | tuple[UnixEndpoint, UnixEndpoint]


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What a header says. `ends` (source, destination) is None where the socket's own ones hold:
    a LOCAL connection, or a kind of connection that is not ours to know."""

    size_bytes: int
    ends: Ends | None = None
    is_local: bool = False
    tags: ProxyTags = NO_TAGS


def parse_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header at the start of `data`, or None while it is not whole.

    What follows it begins at `size_bytes`. Raises MalformedProxyHeaderError as soon as the bytes
    cannot become a header any more.
    """
    if data[:12] == _SIGNATURE[: len(data)]:
        return _parse_v2(data)
    if data[:6] == _V1_WORD[: len(data)]:
        return _parse_v1(data)
    raise MalformedProxyHeaderError("it does not begin with a PROXY header")


def _parse_v1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\n", 0, MAX_V1_BYTES)
    if end < 0:
        if len(data) >= MAX_V1_BYTES:
            raise MalformedProxyHeaderError(f"its line does not end within {MAX_V1_BYTES} bytes")
        return None
    if data[end - 1 : end] != b"\r":
        raise MalformedProxyHeaderError("its line is ended by a bare LF")
    line = data[: end - 1]
    if _V1_UNKNOWN.fullmatch(line):
        return ProxyHeader(end + 1)
    match = _V1_LINE.fullmatch(line)
    if match is None:
        raise MalformedProxyHeaderError("its line is not of the form of version 1")
    family, source, destination, source_port, destination_port = match.groups()
    ends = (
        Endpoint(_parse_ip(family, source), _parse_port(source_port)),
        Endpoint(_parse_ip(family, destination), _parse_port(destination_port)),
    )
    return ProxyHeader(end + 1, ends)


def _parse_ip(family: bytes, text: bytes) -> str:
    parse = IPv4Address if family == b"4" else IPv6Address
    try:
        return _text(parse(text.decode("ascii")))
    except ValueError:
        what = f'its "{text.decode("ascii")}" is not an IPv{family.decode("ascii")} address'
        raise MalformedProxyHeaderError(what) from None


def _text(address: IPv4Address | IPv6Address) -> str:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _parse_port(digits: bytes) -> int:
    port = int(digits)
    if port > 65535:
        raise MalformedProxyHeaderError(f"its {port} is not a port")
    return port


def _parse_v2(data: bytes) -> ProxyHeader | None:
    if len(data) > 12 and data[12] not in (_LOCAL, _PROXY):
        raise MalformedProxyHeaderError("its version or command is unknown")
    if len(data) > 13 and (data[13] >> 4 > 3 or data[13] & 15 > 2):
        raise MalformedProxyHeaderError("its address family or transport is unknown")
    if len(data) < _START_BYTES:
        return None
    size = _START_BYTES + int.from_bytes(data[14:16])
    if size > MAX_V2_BYTES:
        raise MalformedProxyHeaderError(f"it is longer than {MAX_V2_BYTES} bytes")
    if len(data) < size:
        return None
    if data[12] == _LOCAL:
        # 2.2: the block is discarded, the family too.
        return ProxyHeader(size, is_local=True)
    if not data[13] >> 4:
        return ProxyHeader(size)
    return _parse_v2_block(data[:size])


_ADDRESS_BYTES = {1: 4, 2: 16, 3: 108}


def _parse_v2_block(header: bytes) -> ProxyHeader:
    family, transport = header[13] >> 4, header[13] & 15
    width = _ADDRESS_BYTES[family]
    ports = _START_BYTES + 2 * width
    after = ports if family == 3 else ports + 4
    if after > len(header):
        raise MalformedProxyHeaderError("it is too short for its addresses")
    tags = parse_tags(header[after:])
    place = checksum_place(header, after)
    if place is not None and crc32c(header, place) != header[place : place + 4]:
        raise MalformedProxyHeaderError("its checksum is wrong")
    if transport != _STREAM:
        # 2.2: a valid combination that is not carried is read as an unspecified one.
        return ProxyHeader(len(header), tags=tags)
    source, destination = header[_START_BYTES : _START_BYTES + width], header[ports - width : ports]
    if family == 3:
        return ProxyHeader(len(header), (_unix(source), _unix(destination)), tags=tags)
    ends = (
        Endpoint(_text(ip_address(source)), int.from_bytes(header[ports : ports + 2])),
        Endpoint(_text(ip_address(destination)), int.from_bytes(header[ports + 2 : ports + 4])),
    )
    return ProxyHeader(len(header), ends, tags=tags)


def _unix(field: bytes) -> UnixEndpoint:
    """A path ends at its first NUL, but an abstract name (unix(7)) begins with one."""
    end = field.find(b"\0", 1)
    path = field if end < 0 else field[:end]
    return UnixEndpoint(b"" if path == b"\0" else path)


def encode_v1(ends: Ends | None) -> bytes:
    """The line for a client's connection; UNKNOWN for one that is not TCP."""
    if ends is None or not isinstance(ends[0], Endpoint) or not isinstance(ends[1], Endpoint):
        return b"PROXY UNKNOWN\r\n"
    source, destination = _same_family(ends[0], ends[1])
    line = (
        f"PROXY TCP{source.version} {_v1_ip(source)} {_v1_ip(destination)} "
        f"{ends[0].port} {ends[1].port}\r\n"
    )
    return line.encode("ascii")


def _v1_ip(address: IPv4Address | IPv6Address) -> str:
    """2.1 wants hexadecimal groups only; some Pythons write a mapped address with dots."""
    text = str(address)
    return address.packed.hex(":", 2) if ":" in text and "." in text else text


def encode_v2(ends: Ends | None, tags: ProxyTags = NO_TAGS, checksum: bool = False) -> bytes:
    """The header for a client's connection, minimal unless tags or a checksum are given.

    Raises ValueError when the tags do not fit.
    """
    family, addresses = _encode_ends(ends)
    size = len(addresses)
    block = addresses + encode_tags(tags, checksum)
    if _START_BYTES + len(block) > MAX_V2_BYTES:
        raise ValueError(f"the tags of a PROXY header go past {MAX_V2_BYTES} bytes")
    header = _encode_start(_PROXY, family, len(block)) + block
    place = checksum_place(header, _START_BYTES + size) if checksum else None
    if place is None:
        return header
    return header[:place] + crc32c(header, place) + header[place + 4 :]


def encode_local_v2() -> bytes:
    """The header for a connection of our own, such as a health check."""
    return _encode_start(_LOCAL, 0, 0)


def _encode_start(command: int, family: int, size: int) -> bytes:
    return _SIGNATURE + bytes((command, family)) + size.to_bytes(2)


def _encode_ends(ends: Ends | None) -> tuple[int, bytes]:
    if ends is None:
        return 0, b""
    first, second = ends
    if isinstance(first, Endpoint) and isinstance(second, Endpoint):
        source, destination = _same_family(first, second)
        ports = first.port.to_bytes(2) + second.port.to_bytes(2)
        family = 0x11 if source.version == 4 else 0x21
        return family, source.packed + destination.packed + ports
    assert isinstance(first, UnixEndpoint)
    assert isinstance(second, UnixEndpoint)
    return 0x31, first.path[:108].ljust(108, b"\0") + second.path[:108].ljust(108, b"\0")


def _same_family(
    source: Endpoint, destination: Endpoint
) -> tuple[IPv4Address, IPv4Address] | tuple[IPv6Address, IPv6Address]:
    """Both as IPv4, or both as IPv6: then an IPv4 one is mapped (RFC 4291, 2.5.5.2)."""
    one, two = ip_address(source.ip.partition("%")[0]), ip_address(destination.ip.partition("%")[0])
    if isinstance(one, IPv4Address) and isinstance(two, IPv4Address):
        return one, two
    return _as_ipv6(one), _as_ipv6(two)


def _as_ipv6(address: IPv4Address | IPv6Address) -> IPv6Address:
    if isinstance(address, IPv6Address):
        return address
    return IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)

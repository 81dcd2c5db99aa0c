"""What follows the addresses in a PROXY header of version 2: typed values, and its checksum.

doc/proxy-protocol.txt of HAProxy, sections 2.2.1 to 2.2.8. Tags of unknown types are kept as they
are; padding (NOOP) is dropped.
"""

from collections.abc import Iterator
from dataclasses import dataclass

ALPN, AUTHORITY, CRC32C, NOOP, UNIQUE_ID, SSL, NETNS = 1, 2, 3, 4, 5, 0x20, 0x30
_SSL_VERSION, _SSL_NAME, _SSL_CIPHER = 0x21, 0x22, 0x23
# 2.2.5.
MAX_UNIQUE_ID_BYTES = 128
_IS_TLS, _HAS_CERTIFICATE = 0x01, 0x02


class MalformedProxyHeaderError(ValueError):
    """A PROXY header that is none, or that cannot be believed; `what` begins with "it" or "its"."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class ClientTls:
    """How the client spoke TLS to the proxy before us (2.2.6)."""

    version: bytes = b""
    cipher: bytes = b""
    certificate_name: bytes = b""
    has_certificate: bool = False
    is_verified: bool = False
    """Of worth only with a certificate."""


@dataclass(frozen=True, slots=True)
class ProxyTags:
    """A header's tags; empty is absent. `others` are (type, value) of types not named here."""

    alpn: bytes = b""
    authority: bytes = b""
    unique_id: bytes = b""
    netns: bytes = b""
    tls: ClientTls | None = None
    others: tuple[tuple[int, bytes], ...] = ()


NO_TAGS = ProxyTags()
_NAMED = {ALPN: "alpn", AUTHORITY: "authority", UNIQUE_ID: "unique_id", NETNS: "netns"}


def parse_tags(block: bytes) -> ProxyTags:
    """Raises MalformedProxyHeaderError, also for a tag that is given twice."""
    named: dict[str, bytes] = {}
    tls: ClientTls | None = None
    others = []
    seen = set()
    for kind, value in _each(block):
        if kind in seen and (kind in _NAMED or kind in (SSL, CRC32C)):
            raise MalformedProxyHeaderError(f"its tag {kind:#04x} is given twice")
        seen.add(kind)
        if kind in _NAMED:
            named[_NAMED[kind]] = value
        elif kind == SSL:
            tls = _parse_client_tls(value)
        elif kind == CRC32C and len(value) != 4:
            raise MalformedProxyHeaderError("its checksum is not 4 bytes long")
        elif kind not in (NOOP, CRC32C):
            others.append((kind, value))
    if len(named.get("unique_id", b"")) > MAX_UNIQUE_ID_BYTES:
        raise MalformedProxyHeaderError(f"its unique id is over {MAX_UNIQUE_ID_BYTES} bytes long")
    if not seen:
        return NO_TAGS
    return ProxyTags(**named, tls=tls, others=tuple(others))


def _each(block: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(block):
        end = position + 3 + int.from_bytes(block[position + 1 : position + 3])
        if position + 3 > len(block) or end > len(block):
            raise MalformedProxyHeaderError("its last tag is cut short")
        yield block[position], block[position + 3 : end]
        position = end


def _parse_client_tls(value: bytes) -> ClientTls:
    if len(value) < 5:
        raise MalformedProxyHeaderError("its TLS tag is too short")
    inner = dict(_each(value[5:]))
    return ClientTls(
        inner.get(_SSL_VERSION, b""),
        inner.get(_SSL_CIPHER, b""),
        inner.get(_SSL_NAME, b""),
        bool(value[0] & _HAS_CERTIFICATE),
        value[1:5] == b"\0\0\0\0",
    )


def encode_tags(tags: ProxyTags, checksum: bool) -> bytes:
    """The tags in order of type, then room for the checksum. Raises ValueError on a long id."""
    if len(tags.unique_id) > MAX_UNIQUE_ID_BYTES:
        raise ValueError(f"a unique id is over {MAX_UNIQUE_ID_BYTES} bytes long")
    listed = [(kind, getattr(tags, name)) for kind, name in _NAMED.items()]
    found = [(kind, value) for kind, value in listed if value]
    if tags.tls is not None:
        found.append((SSL, _encode_client_tls(tags.tls)))
    found += tags.others
    if checksum:
        found.append((CRC32C, b"\0\0\0\0"))
    return b"".join(_encode(kind, value) for kind, value in found)


def _encode(kind: int, value: bytes) -> bytes:
    if len(value) > 0xFFFF:
        raise ValueError("a tag of a PROXY header is over 64 KiB long")
    return bytes((kind,)) + len(value).to_bytes(2) + value


def _encode_client_tls(tls: ClientTls) -> bytes:
    flags = _IS_TLS | (_HAS_CERTIFICATE if tls.has_certificate else 0)
    parts = ((_SSL_VERSION, tls.version), (_SSL_NAME, tls.certificate_name))
    found = [_encode(kind, value) for kind, value in (*parts, (_SSL_CIPHER, tls.cipher)) if value]
    verified = b"\0\0\0\0" if tls.is_verified else b"\0\0\0\1"
    return bytes((flags,)) + verified + b"".join(found)


def checksum_place(header: bytes, tags_at: int) -> int | None:
    """Where the four bytes of the checksum stand, if the (well-formed) header has one."""
    position = tags_at
    for kind, value in _each(header[tags_at:]):
        if kind == CRC32C:
            return position + 3
        position += 3 + len(value)
    return None


def _make_table() -> tuple[int, ...]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return tuple(table)


# RFC 4960 appendix B: Castagnoli's polynomial, bits reflected.
_TABLE = _make_table()


def crc32c(header: bytes, place: int) -> bytes:
    """2.2.3: the checksum of a header, its own four bytes at `place` taken as zeros."""
    rest = 0xFFFFFFFF
    for byte in header[:place] + b"\0\0\0\0" + header[place + 4 :]:
        rest = rest >> 8 ^ _TABLE[(rest ^ byte) & 0xFF]
    return (rest ^ 0xFFFFFFFF).to_bytes(4)

"""A TLS ClientHello, as far as routing needs it (RFC 8446 4.1.2 and 5.1; RFC 6066 3; RFC 7301 3.1).

`parse_client_hello` is given everything received so far and answers None while more is needed, so
the hello may be cut anywhere: over segments, over records, extensions in any order. Nothing is
decrypted and nothing is answered here; what cannot become a hello is refused with the alert that
the client deserves.

Bounds: a browser's hello is 0.5 to 2 KiB (post-quantum key shares), with session tickets some more.
OpenSSL takes 128 KiB; what waits here is held for each connection that is not yet anybody's, so
16 KiB must do. Tools that hide the name split a hello over some records; as each one is walked
again whenever bytes arrive, there are 64 at most.
"""

import enum
import re
import struct
from dataclasses import dataclass
from functools import lru_cache

MAX_HELLO_BYTES = 16 * 1024
MAX_RECORDS = 64
# Sites times kinds of browsers. The longest wishes of a hello, kept so often, are 4 MiB.
MAX_REMEMBERED = 256
# What a caller has to hold at most.
MAX_WIRE_BYTES = 4 + MAX_HELLO_BYTES + 5 * MAX_RECORDS
# RFC 8446 5.1.
MAX_RECORD_BYTES = 1 << 14
# RFC 1035 2.3.4, as text.
MAX_NAME_BYTES = 253

_HANDSHAKE, _ALERT = 22, 21
_CLIENT_HELLO = 1
_SERVER_NAME, _ALPN = 0, 16
_HOST_NAME = 0
_VERSION_AND_RANDOM_BYTES = 2 + 32
_NAME = re.compile(
    rb"(?:[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?\.)*"
    rb"[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?"
)
_IPV4 = re.compile(rb"[0-9]+(?:\.[0-9]+){3}")
_KIND_AND_SIZE = struct.Struct(">HH")
_METHODS = (
    b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ",
    b"TRACE ", b"PRI ", b"PROPFIND ",
)  # fmt: skip


class Level(enum.IntEnum):
    """RFC 8446 6."""

    WARNING = 1
    FATAL = 2


class Alert(enum.IntEnum):
    """The descriptions in use here (RFC 8446 6, RFC 6066 9, RFC 7301 3.2)."""

    CLOSE_NOTIFY = 0
    UNEXPECTED_MESSAGE = 10
    RECORD_OVERFLOW = 22
    HANDSHAKE_FAILURE = 40
    ILLEGAL_PARAMETER = 47
    DECODE_ERROR = 50
    PROTOCOL_VERSION = 70
    INTERNAL_ERROR = 80
    UNRECOGNIZED_NAME = 112
    NO_APPLICATION_PROTOCOL = 120


class MalformedHelloError(ValueError):
    """Bytes that are no ClientHello. `alert` is None for a client that does not speak TLS."""

    def __init__(self, what: str, alert: Alert | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.alert = alert


class PlainHttpError(MalformedHelloError):
    """A request in the clear, which an answer in the clear can tell so."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client asks for."""

    server_name: bytes
    """Lower case, without a dot at its end; empty when none is named."""
    alpn: tuple[bytes, ...]
    """In the client's order, GREASE (RFC 8701) left out."""


def encode_alert(description: Alert, level: Level = Level.FATAL) -> bytes:
    """An alert in the clear, as it is sent before any key is agreed."""
    return bytes((_ALERT, 3, 3, 0, 2, level, description))


def parse_client_hello(data: bytes) -> ClientHello | None:
    """The hello at the start of `data`, or None while it is not whole.

    Raises MalformedHelloError, or PlainHttpError, as soon as the bytes cannot become one.
    """
    if not data:
        return None
    if data[0] != _HANDSHAKE:
        _check_not_http(data)
        return None
    message = _join_records(data)
    if message and message[0] != _CLIENT_HELLO:
        raise MalformedHelloError("the handshake begins with another message", _UNEXPECTED)
    if len(message) < 4:
        return None
    size = int.from_bytes(message[1:4])
    if size > MAX_HELLO_BYTES:
        raise MalformedHelloError(f"the hello is longer than {MAX_HELLO_BYTES} bytes", _ILLEGAL)
    if len(message) < 4 + size:
        return None
    return _parse_body(message[4 : 4 + size])


_UNEXPECTED, _ILLEGAL, _DECODE = (
    Alert.UNEXPECTED_MESSAGE,
    Alert.ILLEGAL_PARAMETER,
    Alert.DECODE_ERROR,
)


def _check_not_http(data: bytes) -> None:
    """What does not begin as TLS does may still be the first letters of a method."""
    if any(data[: len(method)] == method for method in _METHODS):
        raise PlainHttpError("it is a plain HTTP request, not TLS")
    if not any(method.startswith(data) for method in _METHODS):
        raise MalformedHelloError("it is not TLS")


def _join_records(data: bytes) -> bytes:
    """The handshake bytes that have arrived, as far as the hello's own length reaches."""
    pieces = b""
    position = 0
    for _ in range(MAX_RECORDS):
        header = data[position : position + 5]
        _check_record(header)
        if len(header) < 5:
            return pieces
        end = position + 5 + int.from_bytes(header[3:5])
        pieces += data[position + 5 : end]
        if end >= len(data) or (len(pieces) >= 4 and len(pieces) >= 4 + _size_of(pieces)):
            return pieces
        position = end
    raise MalformedHelloError(f"the hello is split over {MAX_RECORDS} records or more", _ILLEGAL)


def _size_of(pieces: bytes) -> int:
    return int.from_bytes(pieces[1:4])


def _check_record(header: bytes) -> None:
    """As much of a record's header as has arrived."""
    if header[:1] not in (b"", b"\x16"):
        raise MalformedHelloError("a record of another kind cuts the hello in two", _UNEXPECTED)
    if header[1:2] not in (b"", b"\x03"):
        raise MalformedHelloError("it is not TLS")
    if len(header) < 5:
        return
    size = int.from_bytes(header[3:5])
    if size > MAX_RECORD_BYTES:
        raise MalformedHelloError("a record is too long", Alert.RECORD_OVERFLOW)
    if not size:
        raise MalformedHelloError("a record of the handshake is empty", _UNEXPECTED)


class _Reader:
    """Takes vectors (RFC 8446 3.4) off the front of bytes."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def has_more(self) -> bool:
        return self.position < len(self.data)

    def take(self, size: int) -> bytes:
        start, self.position = self.position, self.position + size
        if self.position > len(self.data):
            raise _too_long()
        return self.data[start : self.position]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width))

    def vector(self, width: int) -> bytes:
        """A vector whose length is written in `width` bytes."""
        data, start = self.data, self.position + width
        self.position = start + int.from_bytes(data[self.position : start])
        if self.position > len(data):
            raise _too_long()
        return data[start : self.position]

    def finish(self) -> None:
        if self.position < len(self.data):
            raise MalformedHelloError("a length in the hello stops short of its end", _DECODE)


def _too_long() -> MalformedHelloError:
    return MalformedHelloError("a length in the hello reaches past its end", _DECODE)


def _parse_body(body: bytes) -> ClientHello:
    reader = _Reader(body)
    reader.take(_VERSION_AND_RANDOM_BYTES)
    session, ciphers, compressions = reader.vector(1), reader.vector(2), reader.vector(1)
    if len(session) > 32 or not ciphers or len(ciphers) % 2 or not compressions:
        raise MalformedHelloError("a list in the hello has a length it cannot have", _DECODE)
    # RFC 5246 7.4.1.2: a client of TLS 1.2 may leave the extensions out.
    extensions = _parse_extensions(reader.vector(2)) if reader.has_more() else {}
    reader.finish()
    return _read_wishes(extensions.get(_SERVER_NAME), extensions.get(_ALPN))


@lru_cache(maxsize=MAX_REMEMBERED)
def _read_wishes(name: bytes | None, alpn: bytes | None) -> ClientHello:
    """The two extensions that say what is asked for: a home's clients ask the same again."""
    return ClientHello(
        b"" if name is None else _parse_server_name(name),
        () if alpn is None else _parse_alpn(alpn),
    )


def _parse_extensions(block: bytes) -> dict[int, bytes]:
    """By their kind. Browsers send up to twenty, so this does without the reader's calls."""
    found: dict[int, bytes] = {}
    position, end = 0, len(block)
    while position + _KIND_AND_SIZE.size <= end:
        kind, size = _KIND_AND_SIZE.unpack_from(block, position)
        if kind in found:
            raise MalformedHelloError(f"extension {kind} is given twice", _ILLEGAL)
        start = position + _KIND_AND_SIZE.size
        position = start + size
        found[kind] = block[start:position]
    if position != end:
        raise _too_long()
    return found


def _parse_server_name(content: bytes) -> bytes:
    """RFC 6066 3. An address as a name, which it forbids and some send, counts as no name."""
    outer = _Reader(content)
    names = _Reader(outer.vector(2))
    outer.finish()
    kind, name = names.number(1), names.vector(2)
    if kind != _HOST_NAME or names.has_more():
        raise MalformedHelloError("the server name is not exactly one host name", _ILLEGAL)
    name = name.removesuffix(b".").lower()
    if b":" in name or _IPV4.fullmatch(name):
        return b""
    if len(name) > MAX_NAME_BYTES or _NAME.fullmatch(name) is None:
        raise MalformedHelloError("the server name is not a host name", Alert.UNRECOGNIZED_NAME)
    return name


def _parse_alpn(content: bytes) -> tuple[bytes, ...]:
    outer = _Reader(content)
    names = _Reader(outer.vector(2))
    outer.finish()
    found = []
    while names.has_more():
        found.append(names.vector(1))
    if not found or b"" in found:
        raise MalformedHelloError("the list of protocols is empty, or a name in it", _DECODE)
    return tuple(name for name in found if len(name) != 2 or not _is_grease(*name))


def _is_grease(high: int, low: int) -> bool:
    """RFC 8701 2: values that mean nothing, sent so that nobody chokes on new ones."""
    return high == low and high & 15 == 10

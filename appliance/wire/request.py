"""A request's head (RFC 9112 sections 2, 3 and 6), from bytes to a frozen value."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from appliance.wire.fields import (
    FieldLines,
    Framing,
    MalformedHeadError,
    connection_tokens,
    parse_field_lines,
    parse_framing,
)

# RFC 9112 3: a recipient should take request lines of 8,000 octets at least.
MAX_TARGET_BYTES = 8192
# A block of field lines that returns (a browser's next request, a poller) is parsed once. 256 of
# at most 2 KiB bound what a client can make a worker keep at about 1.5 MB.
MAX_CACHED_BLOCK_BYTES = 2048
CACHED_BLOCKS = 256
MAX_CACHED_LINE_BYTES = 256
CACHED_LINES = 512

_REQUEST_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21-\x22\x24-\x7e]+) HTTP/1\.([01])"
)
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?]*)(.*)")

# RFC 9110 9.2.2.
IDEMPOTENT = frozenset((b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS"))


@dataclass(frozen=True, slots=True)
class RequestLine:
    text: bytes
    """As it came, for the log."""
    method: bytes
    target: bytes
    is_http_1_1: bool
    authority: bytes | None
    """The host an absolute-form target names; None for other forms."""
    ready: bytes = b""
    """The line for a backend, CRLF included."""


@dataclass(frozen=True, slots=True)
class RequestFields:
    """What a request's fields say; `lines` go on to the backend as they are."""

    named: dict[bytes, bytes]
    lines: bytes
    host: bytes | None
    framing: Framing
    upgrade: bytes
    expects_continue: bool
    keep_alive: bool
    has_body: bool
    is_plain: bool
    """HTTP/1.1, no body, and the connection is kept: as nearly all requests are."""
    visitor: tuple[bytes, bytes]
    """Referer and User-Agent, for the log."""


class Request:
    """One request's head: its first line, its fields, and the host both agree on."""

    __slots__ = ("fields", "host", "line")

    def __init__(self, line: RequestLine, fields: RequestFields, host: bytes) -> None:
        self.line = line
        self.fields = fields
        self.host = host


def _parse_request_line(line: bytes) -> RequestLine:
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise _refused_line(line)
    method, target, minor = match.groups()
    if len(target) > MAX_TARGET_BYTES:
        raise MalformedHeadError(f"the address is longer than {MAX_TARGET_BYTES} bytes", status=414)
    if method in (b"CONNECT", b"TRACE"):
        raise MalformedHeadError(f"the method {method.decode()} is not carried", status=405)
    authority = None
    if target[:1] != b"/" and not (target == b"*" and method == b"OPTIONS"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise MalformedHeadError("the address neither starts with / nor is a full http address")
        authority, path = absolute.groups()
        target = path if path[:1] == b"/" else b"/" + path
    ready = b"%b %b HTTP/1.1\r\n" % (method, target)
    return RequestLine(line, method, target, minor == b"1", authority, ready)


def _refused_line(line: bytes) -> MalformedHeadError:
    parts = line.split(b" ")
    if len(parts) == 3 and _VERSION.fullmatch(parts[2]) and parts[2][5:7] != b"1.":
        return MalformedHeadError("this version of HTTP is not spoken here", status=505)
    return MalformedHeadError("the request line is malformed")


_cached_request_line = lru_cache(maxsize=CACHED_LINES)(_parse_request_line)


def _parse_fields(block: bytes, is_http_1_1: bool, max_fields: int) -> RequestFields:
    fields = parse_field_lines(block, max_fields)
    framing = parse_framing(fields, is_http_1_1)
    options = connection_tokens(fields.named.get(b"connection", b""))
    upgrade = fields.named.get(b"upgrade", b"") if b"upgrade" in options else b""
    keep_alive = b"close" not in options if is_http_1_1 else b"keep-alive" in options
    has_body = framing.chunked or bool(framing.length)
    return RequestFields(
        named=fields.named,
        lines=fields.lines,
        host=_parse_host_field(fields, is_http_1_1),
        framing=framing,
        upgrade=upgrade if is_http_1_1 else b"",
        expects_continue=_parse_expect(fields, is_http_1_1),
        keep_alive=keep_alive,
        has_body=has_body,
        is_plain=is_http_1_1 and keep_alive and not has_body,
        visitor=(fields.named.get(b"referer", b""), fields.named.get(b"user-agent", b"")),
    )


_cached_fields: Callable[[bytes, bool, int], RequestFields] = lru_cache(maxsize=CACHED_BLOCKS)(
    _parse_fields
)


def _parse_host_field(fields: FieldLines, is_http_1_1: bool) -> bytes | None:
    """RFC 9112 3.2: exactly one Host in HTTP/1.1."""
    host = fields.named.get(b"host")
    if b"host" in fields.repeated:
        raise MalformedHeadError("Host is given twice")
    if host is None and is_http_1_1:
        raise MalformedHeadError("Host is missing")
    return host


def _parse_expect(fields: FieldLines, is_http_1_1: bool) -> bool:
    """RFC 9110 10.1.1: only 100-continue is known, and HTTP/1.0 knows none."""
    value = fields.named.get(b"expect")
    if value is None or not is_http_1_1:
        return False
    if value.lower() != b"100-continue":
        raise MalformedHeadError("an expectation other than 100-continue", status=417)
    return True


def parse_request(head: bytes, max_fields: int) -> Request:
    """Reads a head: request line and field lines, parted by CRLF.

    Raises MalformedHeadError with the status to answer.
    """
    text, _, block = head.partition(b"\r\n")
    parse_line = _cached_request_line if len(text) <= MAX_CACHED_LINE_BYTES else _parse_request_line
    line = parse_line(text)
    parse_fields = _cached_fields if len(block) <= MAX_CACHED_BLOCK_BYTES else _parse_fields
    fields = parse_fields(block, line.is_http_1_1, max_fields)
    host = fields.host or b""
    if line.authority is not None:
        host = _agreed_host(line.authority, fields.host)
    return Request(line, fields, host)


def _agreed_host(authority: bytes, host: bytes | None) -> bytes:
    """RFC 9112 3.2.2 lets the target overrule Host; what disagrees is refused here instead."""
    if not authority or b"@" in authority:
        raise MalformedHeadError("the full address names no plain host")
    if host is not None and host.lower() != authority.lower():
        raise MalformedHeadError("the full address and Host name different hosts")
    return authority


def check_unfinished_head(data: bytes, max_head_bytes: int) -> None:
    """Refuses a head that can no longer become good, though its end has not arrived.

    Raises MalformedHeadError: 431 or 414 past `max_head_bytes`, 400 with a bare LF or a NUL.
    """
    if data.count(b"\n") != data.count(b"\r\n"):
        raise MalformedHeadError("a line is ended by a bare LF")
    if b"\0" in data:
        raise MalformedHeadError("the head holds a NUL byte")
    line_end = data.find(b"\r\n")
    if (line_end if line_end >= 0 else len(data)) > MAX_TARGET_BYTES + 64:
        raise MalformedHeadError(f"the address is longer than {MAX_TARGET_BYTES} bytes", status=414)
    if len(data) > max_head_bytes:
        raise MalformedHeadError(f"the head is larger than {max_head_bytes} bytes", status=431)

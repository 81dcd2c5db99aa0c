"""A backend's answer: its head (RFC 9112 section 4) and how its body is delimited (6.3)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from appliance.wire.fields import (
    Framing,
    MalformedHeadError,
    connection_tokens,
    parse_field_lines,
    parse_framing,
)

# A head that returns (within a second, the Date is the same too) is parsed once. 256 of at most
# 2 KiB bound what backends can make a worker keep at about 1 MB.
MAX_CACHED_HEAD_BYTES = 2048
CACHED_HEADS = 256

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?")


@dataclass(frozen=True, slots=True)
class StatusLine:
    is_http_1_1: bool
    status: int
    line: bytes
    """As it goes to the client: our own version, the backend's code and words, CRLF."""


@dataclass(frozen=True, slots=True)
class ResponseFields:
    lines: bytes
    framing: Framing
    upgrade: bytes
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Response:
    """One answer's head."""

    status: int
    line: bytes
    fields: ResponseFields
    whole: bytes
    """The head as it goes on together with a body of its Content-Length; else nothing."""


@lru_cache(maxsize=128)
def _parse_status_line(line: bytes) -> StatusLine:
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise MalformedHeadError("the status line is malformed")
    minor, code, reason = match.groups()
    return StatusLine(minor == b"1", int(code), b"HTTP/1.1 %b %b\r\n" % (code, reason or b""))


def _parse_fields(block: bytes, is_http_1_1: bool, max_fields: int) -> ResponseFields:
    fields = parse_field_lines(block, max_fields)
    options = connection_tokens(fields.named.get(b"connection", b""))
    return ResponseFields(
        fields.lines,
        parse_framing(fields, is_http_1_1),
        fields.named.get(b"upgrade", b""),
        b"close" not in options if is_http_1_1 else b"keep-alive" in options,
    )


def _parse_head(head: bytes, max_fields: int) -> Response:
    text, _, block = head.partition(b"\r\n")
    status = _parse_status_line(text)
    fields = _parse_fields(block, status.is_http_1_1, max_fields)
    length = fields.framing.length
    whole = b""
    if length is not None and has_body(b"GET", status.status):
        whole = b"%b%bContent-Length: %d\r\n\r\n" % (status.line, fields.lines, length)
    return Response(status.status, status.line, fields, whole)


_cached_head: Callable[[bytes, int], Response] = lru_cache(maxsize=CACHED_HEADS)(_parse_head)


def parse_response(head: bytes, max_fields: int) -> Response:
    """Reads status line and field lines, parted by CRLF.

    Raises MalformedHeadError.
    """
    if len(head) <= MAX_CACHED_HEAD_BYTES:
        return _cached_head(head, max_fields)
    return _parse_head(head, max_fields)


def has_body(method: bytes, status: int) -> bool:
    """RFC 9112 6.3, points 1 and 2: whether an answer to `method` carries a body at all."""
    return method != b"HEAD" and status >= 200 and status not in (204, 304)


NO_BODY = Framing(0, False)

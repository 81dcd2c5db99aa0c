"""Field lines: the `Name: value` part of a head, read strictly (RFC 9110 and RFC 9112, section 5).

A line that two parsers could read differently is refused: a fold, a space before the colon, a bare
CR or LF, a control byte. What one pass over the lines finds is kept as `FieldLines`: the fields
that decide framing and routing by name, and all others as lines ready to be sent on.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

# RFC 9110 5.6.2: token; 5.5: field-value is VCHAR, obs-text, SP and HTAB, without other controls.
_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)")
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTENT_LENGTH = re.compile(rb"[0-9]{1,18}")

# Field lines repeat from request to request; longer ones (cookies) would only push the others out.
MAX_CACHED_LINE_BYTES = 256
CACHED_LINES = 2048

# RFC 9110 7.6.1 and the hop-by-hop list of RFC 2616 13.5.1, which old peers still go by.
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    )
)
# Written by the proxy itself on every request; a client's own are taken aside.
FORWARDING = frozenset(
    (
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
        b"x-real-ip",
    )
)
_SET_ASIDE = HOP_BY_HOP | FORWARDING | {b"content-length", b"host"}
# Passed on, but also looked at.
_LOOKED_AT = frozenset((b"accept", b"expect", b"cookie", b"referer", b"user-agent", b"trailer"))
# RFC 9110 6.5.1: fields that frame, route or authenticate must not arrive in trailers.
_NOT_IN_TRAILERS = _SET_ASIDE | {
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"content-range",
    b"content-type",
    b"cookie",
    b"expect",
    b"set-cookie",
    b"trailer",
}


class MalformedHeadError(ValueError):
    """A head that cannot be read in one way only; `status` is the answer it deserves."""

    def __init__(self, what: str, status: int = 400) -> None:
        super().__init__(what)
        self.what = what
        self.status = status


@dataclass(frozen=True, slots=True)
class FieldLines:
    """One head's fields: those `named` by lower-case name, and the `lines` to send on."""

    named: dict[bytes, bytes]
    lines: bytes
    repeated: frozenset[bytes]


def _parse_line(line: bytes) -> tuple[bytes, bytes, bytes, bool]:
    """One line as (lower-case name, value, line to send on, is it plain)."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise MalformedHeadError(_what_is_wrong(line))
    name = match[1].lower()
    value = match[2].strip(b" \t")
    plain = name not in _SET_ASIDE and name not in _LOOKED_AT
    if b"_" in name and name.replace(b"_", b"-") in _SET_ASIDE:
        # CGI and WSGI read X_Real_IP and X-Real-IP as one name: the look-alike would be believed.
        return b"", b"", b"", False
    return name, value, match[1] + b": " + value + b"\r\n", plain


_cached_line = lru_cache(maxsize=CACHED_LINES)(_parse_line)


def _what_is_wrong(line: bytes) -> str:
    if line[:1] in (b" ", b"\t"):
        return "a header is folded over two lines"
    if b"\r" in line or b"\n" in line:
        return "a header holds a bare CR or LF"
    if b"\0" in line:
        return "a header holds a NUL byte"
    name = line.partition(b":")[0]
    if b":" not in line:
        return "a header has no colon"
    if name.rstrip(b" \t") != name:
        return "a header has a space before its colon"
    if _TOKEN.fullmatch(name) is None:
        return "a header's name holds a character that is not allowed"
    return "a header's value holds a control character"


def parse_field_lines(block: bytes, max_fields: int) -> FieldLines:
    """Reads the lines of `block`, parted by CRLF.

    Raises MalformedHeadError (400, or 431 with more than `max_fields` lines).
    """
    lines = block.split(b"\r\n") if block else []
    if len(lines) > max_fields:
        raise MalformedHeadError(f"more than {max_fields} headers", status=431)
    named: dict[bytes, bytes] = {}
    repeated: set[bytes] = set()
    kept: list[tuple[bytes, bytes]] = []
    for line in lines:
        parse = _cached_line if len(line) <= MAX_CACHED_LINE_BYTES else _parse_line
        name, value, ready, plain = parse(line)
        if plain:
            kept.append((name, ready))
            continue
        if name in named:
            repeated.add(name)
            joiner = b"; " if name == b"cookie" else b", "
            value = named[name] + joiner + value
        named[name] = value
        if name in _LOOKED_AT:
            kept.append((name, ready))
    return FieldLines(named, _without_nominated(kept, named), frozenset(repeated))


def _without_nominated(kept: Sequence[tuple[bytes, bytes]], named: dict[bytes, bytes]) -> bytes:
    """RFC 9110 7.6.1: what Connection names goes no further than this hop."""
    tokens = connection_tokens(named.get(b"connection", b""))
    if tokens <= _COMMON_TOKENS:
        return b"".join([line for _, line in kept])
    return b"".join([line for name, line in kept if name not in tokens])


_COMMON_TOKENS = frozenset((b"", b"close", b"keep-alive", b"upgrade"))


def connection_tokens(value: bytes) -> frozenset[bytes]:
    """The lower-case options of a Connection value."""
    if not value:
        return frozenset()
    return frozenset(token.strip(b" \t").lower() for token in value.split(b","))


@dataclass(frozen=True, slots=True)
class Framing:
    """How a body is delimited (RFC 9112 section 6.3): a length in bytes, chunks, or neither."""

    length: int | None
    chunked: bool


_NO_FRAMING = Framing(None, False)
_CHUNKED = Framing(None, True)


def parse_framing(fields: FieldLines, is_http_1_1: bool) -> Framing:
    """Raises MalformedHeadError where Content-Length and Transfer-Encoding leave any doubt."""
    named = fields.named
    if b"transfer-encoding" in named:
        return _parse_transfer_encoding(fields, is_http_1_1)
    if b"content-length" not in named:
        return _NO_FRAMING
    if b"content-length" in fields.repeated:
        raise MalformedHeadError("Content-Length is given twice")
    value = named[b"content-length"]
    if _CONTENT_LENGTH.fullmatch(value) is None:
        raise MalformedHeadError("Content-Length is not a plain number")
    return Framing(int(value), False)


def _parse_transfer_encoding(fields: FieldLines, is_http_1_1: bool) -> Framing:
    if b"content-length" in fields.named:
        raise MalformedHeadError("both Content-Length and Transfer-Encoding are given")
    if not is_http_1_1:
        raise MalformedHeadError("Transfer-Encoding is given in HTTP/1.0")
    codings = [c.strip(b" \t").lower() for c in fields.named[b"transfer-encoding"].split(b",")]
    if codings == [b"chunked"]:
        return _CHUNKED
    if codings[-1] != b"chunked" or codings.count(b"chunked") != 1 or b"" in codings:
        raise MalformedHeadError("Transfer-Encoding does not end in one chunked")
    raise MalformedHeadError("a transfer coding other than chunked is used", status=501)


def parse_field_line(line: bytes) -> bytes | None:
    """A line that is to be added to a head, as it is sent; None when it is not one."""
    try:
        name, _, ready, _ = _parse_line(line)
    except MalformedHeadError:
        return None
    return ready if name else None


def is_own_field(name: bytes) -> bool:
    """Whether a lower-case name frames or routes a message: such lines nobody else writes."""
    return name in _SET_ASIDE


def change_lines(lines: bytes, changes: Mapping[bytes, bytes | None]) -> bytes:
    """Lines ready to be sent, with those of some lower-case names replaced or left out."""
    kept = [
        line + b"\r\n"
        for line in lines.split(b"\r\n")
        if line and line.partition(b":")[0].lower() not in changes
    ]
    return b"".join([*kept, *(line for line in changes.values() if line is not None)])


def parse_trailer_line(line: bytes) -> bytes:
    """A trailer's line (without CRLF) as it may be sent on; empty when it is not allowed there.

    Raises MalformedHeadError.
    """
    name, _, ready, _ = _parse_line(line)
    return ready if name and name not in _NOT_IN_TRAILERS else b""

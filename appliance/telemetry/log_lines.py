"""One line of the access log, in nginx's combined form or as JSON (PURE)."""

import json
import re
from functools import lru_cache
from time import localtime, strftime

# What nginx's default escaping turns into \xHH: quotes, backslashes, controls and non-ASCII bytes.
_UNSAFE = re.compile(rb'["\\\x00-\x1f\x7f-\xff]')


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"\\x%02X" % match[0][0]


def escape(value: bytes) -> bytes:
    """A value that cannot break out of its quotes or its line; `-` for none."""
    if _UNSAFE.search(value) is not None:
        return _UNSAFE.sub(_escaped, value)
    return value or b"-"


# Longer ones are quoted each time, so that what is remembered stays below 4 MB.
MAX_REMEMBERED_BYTES = 512
REMEMBERED = 1024


@lru_cache(maxsize=REMEMBERED)
def quote_request(line: bytes) -> bytes:
    """A request line: clients ask for the same things again and again."""
    return b'"%b"' % escape(line)


@lru_cache(maxsize=REMEMBERED)
def quote_visitor(visitor: tuple[bytes, bytes], site: bytes, backend: bytes) -> bytes:
    """Referer and User-Agent, and where they went: the same for most of a visitor's requests."""
    return b' "%b" "%b" site=%b backend=%b total_ms=' % (
        escape(visitor[0]),
        escape(visitor[1]),
        site or b"-",
        backend or b"-",
    )


@lru_cache(maxsize=2)
def clock_text(now_s: int) -> bytes:
    """The time as nginx's $time_local."""
    return strftime("%d/%b/%Y:%H:%M:%S %z", localtime(now_s)).encode()


@lru_cache(maxsize=2)
def iso_text(now_s: int) -> bytes:
    """The time as RFC 3339."""
    text = strftime("%Y-%m-%dT%H:%M:%S%z", localtime(now_s))
    return f"{text[:-2]}:{text[-2:]}".encode()


def combined_line(
    time_text: bytes,
    client_ip: bytes,
    request_line: bytes,
    status: int,
    bytes_out: int,
    bytes_in: int,
    visitor: tuple[bytes, bytes],
    site: bytes,
    backend: bytes,
    total_us: int,
    backend_us: int,
) -> bytes:
    """nginx's combined line, then `site=HOST backend=URL total_ms=N backend_ms=N`."""
    is_short = len(request_line) <= MAX_REMEMBERED_BYTES
    request = quote_request(request_line) if is_short else b'"%b"' % escape(request_line)
    is_short = len(visitor[0]) + len(visitor[1]) <= MAX_REMEMBERED_BYTES
    quote = quote_visitor if is_short else quote_visitor.__wrapped__
    return b"%b - - [%b] %b %d %d%b%d.%03d backend_ms=%d.%03d\n" % (
        client_ip,
        time_text,
        request,
        status,
        bytes_out,
        quote(visitor, site, backend),
        total_us // 1000,
        total_us % 1000,
        backend_us // 1000,
        backend_us % 1000,
    )


def combined_connection_line(
    time_text: bytes,
    client_ip: bytes,
    request_line: bytes,
    status: int,
    bytes_out: int,
    bytes_in: int,
    visitor: tuple[bytes, bytes],
    site: bytes,
    backend: bytes,
    total_us: int,
    backend_us: int,
) -> bytes:
    """The same for a connection that was carried whole: ` bytes_in=N` follows."""
    line = combined_line(
        time_text,
        client_ip,
        request_line,
        status,
        bytes_out,
        bytes_in,
        visitor,
        site,
        backend,
        total_us,
        backend_us,
    )
    return b"%b bytes_in=%d\n" % (line[:-1], bytes_in)


def json_line(
    time_text: bytes,
    client_ip: bytes,
    request_line: bytes,
    status: int,
    bytes_out: int,
    bytes_in: int,
    visitor: tuple[bytes, bytes],
    site: bytes,
    backend: bytes,
    total_us: int,
    backend_us: int,
) -> bytes:
    """The same fields by name."""
    fields = {
        "time": time_text.decode(),
        "client": client_ip.decode(),
        "request": request_line.decode("latin-1"),
        "status": status,
        "bytes_out": bytes_out,
        "bytes_in": bytes_in,
        "referer": visitor[0].decode("latin-1"),
        "user_agent": visitor[1].decode("latin-1"),
        "site": site.decode("latin-1"),
        "backend": backend.decode("latin-1"),
        "total_ms": total_us / 1000,
        "backend_ms": backend_us / 1000,
    }
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"

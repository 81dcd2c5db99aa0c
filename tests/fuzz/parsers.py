"""Throws mutated heads, chunked bodies, PROXY headers and ClientHellos at the parsers: python -m tests.fuzz.parsers [ROUNDS [SEED]]

A round mutates something valid and checks what must hold for any input: it is read or refused, never
another exception; what is accepted and sent on is read the same way again; a body reads the same
whole and in pieces; and nothing accepted holds a byte that would end a line early.
"""

import random
import re
import sys

from appliance.wire.chunked import ChunkedReader
from appliance.wire.client_hello import MalformedHelloError, parse_client_hello
from appliance.wire.fields import MalformedHeadError
from appliance.wire.proxy_header import Endpoint, encode_v1, encode_v2, parse_proxy_header
from appliance.wire.proxy_tags import ClientTls, MalformedProxyHeaderError, ProxyTags
from appliance.wire.request import Request, check_unfinished_head, parse_request
from appliance.wire.response import parse_response
from tests.support.hellos import CHROMIUM, alpn, body, message, record, records, sni, versions

MAX_FIELDS = 64
REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: a.test\r\n",
    b"POST /x?y HTTP/1.1\r\nHost: a.test:80\r\nContent-Length: 5\r\nConnection: close, X-A\r\nX-A: 1\r\n",
    b"PUT http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n",
    b"GET /chat HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
    b"HEAD / HTTP/1.0\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\nCookie: c=d\r\n",
)
RESPONSES = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: x\r\n",
    b"HTTP/1.0 304\r\nETag: a\r\nConnection: keep-alive\r\n",
    b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n",
)
BODIES = (
    b"5\r\nhello\r\n0\r\n\r\n",
    b"a;x=y\r\n0123456789\r\n1\r\nz\r\n0\r\nX-T: 1\r\n\r\nGET / HTTP/1.1\r\n",
)
_ENDS = Endpoint("192.168.0.1", 56324), Endpoint("192.168.0.11", 443)
_SIX = Endpoint("2001:db8::1", 1), Endpoint("fe80::2", 65535)
_TLS = ClientTls(b"TLSv1.3", b"AES", b"me", True, True)
PROXY_HEADERS = (
    encode_v1(_ENDS),
    encode_v1(_SIX),
    b"PROXY UNKNOWN ::1 ::1 1 2\r\n",
    encode_v2(_ENDS),
    encode_v2(_SIX, ProxyTags(b"h2", b"a.test", b"1", b"n", _TLS, ((0xEA, b"x"),))),
    encode_v2(_ENDS, ProxyTags(authority=b"a.test"), checksum=True),
)
_HELLO = message(body(sni(b"a.test") + alpn(b"h2", b"http/1.1") + versions(0x0304, 0x0303)))
HELLOS = (CHROMIUM, record(_HELLO), records(_HELLO, 7, 1, 50))
NAMES = re.compile(rb"[a-z0-9._-]{0,253}")
SPICE = (
    b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"\x0b", b"\x80", b"\xff",
    b"Content-Length: 5\r\n", b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding:\tchunked\r\n", b"Host: b\r\n", b"Connection: Host\r\n", b"X_Real_IP: 1\r\n",
    b" HTTP/1.1", b"0", b"f" * 16, b"chunked, ", b"\r\n\r\n",
)  # fmt: skip
LINES = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t\x20-\x7e\x80-\xff]*\r\n)*")


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One to four small changes."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(data))
        end = min(len(data), at + rng.randint(0, 6))
        change = rng.choice(("insert", "cut", "replace", "repeat", "flip"))
        if change == "insert":
            data = data[:at] + rng.choice(SPICE) + data[at:]
        elif change == "cut":
            data = data[:at] + data[end:]
        elif change == "replace":
            data = data[:at] + rng.choice(SPICE) + data[end:]
        elif change == "repeat":
            data = data[:end] + data[at:]
        elif at < len(data):
            data = data[:at] + bytes((data[at] ^ 1 << rng.randint(0, 7),)) + data[at + 1 :]
    return data


def summary(request: Request) -> tuple[object, ...]:
    """What decides where a request goes and where it ends."""
    line, fields = request.line, request.fields
    return line.method, line.target, fields.framing, fields.lines


def resent(request: Request) -> bytes:
    """The request as a backend would get it, without our own additions."""
    framing = request.fields.framing
    ending = b"Transfer-Encoding: chunked\r\n" if framing.chunked else b""
    if framing.length is not None:
        ending = b"Content-Length: %d\r\n" % framing.length
    start = b"%b %b HTTP/1.1\r\nHost: h\r\n" % (request.line.method, request.line.target)
    return (start + request.fields.lines + ending).removesuffix(b"\r\n")


def check_request(head: bytes) -> None:
    """A request's head: refused, or read the same again after it is sent on."""
    check_or_refuse(head)
    try:
        request = parse_request(head, MAX_FIELDS)
    except MalformedHeadError:
        return
    assert LINES.fullmatch(request.fields.lines), request.fields.lines
    assert not re.search(rb"[\0-\x20\x7f-\xff]", request.line.target), request.line.target
    again = parse_request(resent(request), MAX_FIELDS + 4)
    assert summary(again) == summary(request), (summary(again), summary(request))


def check_or_refuse(head: bytes) -> None:
    """An unfinished head never raises anything else."""
    try:
        check_unfinished_head(head, 4096)
    except MalformedHeadError:
        return


def check_response(head: bytes) -> None:
    """An answer's head: refused, or made of clean lines."""
    try:
        response = parse_response(head, MAX_FIELDS)
    except MalformedHeadError:
        return
    assert LINES.fullmatch(response.fields.lines), response.fields.lines
    assert response.line.count(b"\n") == 1


def read_body(data: bytes, step: int) -> tuple[str, bytes, bytes, bytes]:
    """What comes of a chunked body fed in pieces of `step` bytes."""
    reader, found, rest = ChunkedReader(), b"", b""
    try:
        for start in range(0, len(data), step):
            if reader.done:
                rest += data[start : start + step]
            else:
                found += b"".join(reader.feed(data[start : start + step]))
                rest = reader.surplus
    except MalformedHeadError:
        return "refused", b"", b"", b""
    return reader.part.name, found, reader.trailers, rest


def check_body(data: bytes, rng: random.Random) -> None:
    """A chunked body reads the same however it is cut."""
    whole = read_body(data, len(data) + 1)
    step = rng.randint(1, 9)
    assert read_body(data, step) == whole, (data, step)
    assert LINES.fullmatch(whole[2]), whole[2]


def check_proxy_header(data: bytes) -> None:
    """A PROXY header: refused, unfinished, or read the same again after it is sent on."""
    try:
        header = parse_proxy_header(data)
    except MalformedProxyHeaderError:
        return
    if header is None:
        return
    for size in range(header.size_bytes):
        assert parse_proxy_header(data[:size]) is None, data[:size]
    again = parse_proxy_header(encode_v2(header.ends, header.tags))
    assert again is not None
    assert again.ends == header.ends
    assert again.tags == header.tags or header.ends is None


def check_hello(data: bytes, rng: random.Random) -> None:
    """A ClientHello: refused, unfinished, or read the same without what follows and in pieces."""
    try:
        hello = parse_client_hello(data)
    except MalformedHelloError:
        return
    if hello is None:
        return
    assert NAMES.fullmatch(hello.server_name), hello
    start = data[: rng.randint(0, len(data))]
    assert parse_client_hello(start) in (None, hello), start
    assert parse_client_hello(data + rng.choice(SPICE)) == hello, data


def run(rounds: int, seed: int) -> None:
    """Runs so many rounds. Raises whatever a parser should not have raised."""
    rng = random.Random(seed)
    for _ in range(rounds):
        head = mutate(rng.choice(REQUESTS), rng)
        check_request(head if head.endswith(b"\r\n") else head + b"\r\n")
        head = mutate(rng.choice(RESPONSES), rng)
        check_response(head if head.endswith(b"\r\n") else head + b"\r\n")
        check_body(mutate(rng.choice(BODIES), rng), rng)
        check_proxy_header(mutate(rng.choice(PROXY_HEADERS), rng))
        check_hello(mutate(rng.choice(HELLOS), rng), rng)


if __name__ == "__main__":
    run(
        int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 1,
    )

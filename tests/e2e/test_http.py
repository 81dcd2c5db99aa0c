"""HTTP/1.1 through a real box: framing, streaming, strictness, forwarding; in the clear and over
TLS."""

import asyncio
import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backend import Exchange, ScriptedBackend, answer
from tests.support.box import Box, read_all, read_head, rss, site
from tests.support.secure_box import SecureBox

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


async def stream(exchange: Exchange) -> None:
    """Server-sent events: the second only after the client has said that it saw the first."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    exchange.send(b"data: one\n\n")
    await exchange.writer.drain()
    await asyncio.wait_for(SEEN.wait(), 15)
    exchange.send(b"data: two\n\n")
    await exchange.writer.drain()
    raise ConnectionError


async def chunks(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
    for _ in range(3):
        exchange.send(b"5;ext=1\r\nhello\r\n")
        await exchange.writer.drain()
    exchange.send(b"0\r\nX-Sum: 15\r\nContent-Length: 9\r\n\r\n")


class Flag:
    """An event that another thread may set."""

    def __init__(self) -> None:
        self.is_set = False

    async def wait(self) -> None:
        while not self.is_set:
            await asyncio.sleep(0.01)


SEEN = Flag()

SCRIPTS = {
    "/sse": stream,
    "/chunks": chunks,
    "/until-close": answer(b"HTTP/1.0 200 OK\r\n\r\nall of it", close=True),
    "/hints": answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"\r\nok"),
    "/204": answer(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "/304": answer(b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'),
    "/hop": answer(
        OK + b"Connection: X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nX-Kept: 1\r\n\r\nok"
    ),
    "/cut": answer(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", close=True),
    "/cut-chunk": answer(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", close=True
    ),
    "/bad-both": answer(OK + b"Transfer-Encoding: chunked\r\n\r\nok"),
    "/bad-length": answer(OK + b"Content-Length: 3\r\n\r\nok"),
    "/bad-fold": answer(OK + b"X: a\r\n b\r\n\r\nok"),
    "/bad-line": answer(b"HTTP/9 what\r\n\r\n"),
    "/bad-lf": answer(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    "/bad-chunk": answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "/more": answer(OK + b"\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"),
    "/nothing": answer(b"", close=True),
}


@pytest.fixture(scope="module")
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend(SCRIPTS) as started:
        yield started


WAYS = pytest.mark.parametrize("kind", [Box, SecureBox], ids=["in the clear", "over TLS"])


@pytest.fixture(scope="module", params=[Box, SecureBox], ids=["in the clear", "over TLS"])
def box(
    request: pytest.FixtureRequest,
    backend: ScriptedBackend,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Box]:
    with request.param(tmp_path_factory.mktemp("box"), site("a.test", backend.url)) as started:
        yield started


def split(answered: bytes) -> tuple[bytes, bytes]:
    head, _, body = answered.partition(b"\r\n\r\n")
    return head, body


def test_a_request_reaches_its_backend_with_the_client_named(box: Box) -> None:
    head, body = split(
        box.get("/x?y=1", host="A.test.:80", more="X-Forwarded-For: 6.6.6.6\r\nX_Real_IP: 6\r\n")
    )
    assert head.startswith(b"HTTP/1.1 200 OK")
    sent = body.lower()
    assert body.startswith(b"GET /x?y=1 HTTP/1.1\r\nHost: A.test.:80\r\n")
    assert b"x-forwarded-for: 127.0.0.1\r\n" in sent
    assert b"x-real-ip: 127.0.0.1\r\n" in sent
    assert f"x-forwarded-proto: {box.scheme}\r\n".encode() in sent
    assert f"x-forwarded-port: {box.port}\r\n".encode() in sent
    element = f'forwarded: for=127.0.0.1;host="a.test.:80";proto={box.scheme}\r\n'
    assert element.encode() in sent
    assert b"6.6.6.6" not in sent
    assert b"x_real_ip" not in sent
    assert b"connection:" not in sent


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_upload_arrives_whole(box: Box, chunked: bool) -> None:
    data = os.urandom(3_000_000)
    head = b"POST /up HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
    if chunked:
        pieces = [data[i : i + 70_000] for i in range(0, len(data), 70_000)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\nX-T: 1\r\n\r\n"
        head += b"Transfer-Encoding: chunked\r\n\r\n"
    else:
        body = data
        head += b"Content-Length: %d\r\n\r\n" % len(data)
    answered = box.raw(head + body)
    assert f"sha256={hashlib.sha256(data).hexdigest()} length=3000000".encode() in answered


def test_expect_100_continue_is_answered_by_the_backend(box: Box) -> None:
    with box.connect() as sock:
        sock.sendall(
            b"POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
            b"Connection: close\r\n\r\n"
        )
        assert read_head(sock) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"ok")
        assert b"length=2" in read_all(sock)


def test_an_interim_answer_comes_before_the_final_one(box: Box) -> None:
    answered = box.get("/hints")
    assert answered.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_an_old_client_gets_no_interim_answer(box: Box) -> None:
    answered = box.raw(b"GET /hints HTTP/1.0\r\nHost: a.test\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")


def test_chunks_and_trailers_come_through_without_extensions(box: Box) -> None:
    head, body = split(box.get("/chunks"))
    assert b"Transfer-Encoding: chunked" in head
    assert b"ext" not in body
    assert body.endswith(b"0\r\nX-Sum: 15\r\n\r\n")
    assert body.count(b"hello") == 3


def test_an_old_client_gets_chunks_as_plain_bytes_until_the_end(box: Box) -> None:
    head, body = split(box.raw(b"GET /chunks HTTP/1.0\r\nHost: a.test\r\n\r\n"))
    assert b"Transfer-Encoding" not in head
    assert body == b"hello" * 3


def test_an_answer_until_close_becomes_chunks(box: Box) -> None:
    _, body = split(box.get("/until-close"))
    assert body == b"9\r\nall of it\r\n0\r\n\r\n"


@pytest.mark.parametrize("path", ["/204", "/304"])
def test_answers_without_a_body_leave_the_connection_usable(box: Box, path: str) -> None:
    ask = f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode()
    with box.connect() as sock:
        for _ in range(3):
            sock.sendall(ask)
            assert read_head(sock).startswith(b"HTTP/1.1 " + path[1:].encode())


def test_head_has_the_length_and_no_body(box: Box) -> None:
    head, body = split(box.raw(b"HEAD / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"))
    assert b"Content-Length: " in head
    assert body == b""


def test_pipelined_requests_are_answered_in_order_after_a_half_close(box: Box) -> None:
    asks = b"".join(b"GET /%d HTTP/1.1\r\nHost: a.test\r\n\r\n" % i for i in range(50))
    answered = box.raw(asks, half_close=True)
    found = [line for line in answered.split(b"\r\n") if line.startswith(b"GET /")]
    firsts = [
        part.split(b" ")[1] for part in answered.split(b"\r\n\r\n") if part.startswith(b"GET")
    ]
    assert firsts == [b"/%d" % i for i in range(50)], found


def test_events_pass_unbuffered(box: Box) -> None:
    SEEN.is_set = False
    with box.connect() as sock:
        sock.sendall(b"GET /sse HTTP/1.1\r\nHost: a.test\r\n\r\n")
        found = b""
        while b"data: one" not in found:
            found += sock.recv(4096)
        SEEN.is_set = True
        while b"data: two" not in found:
            found += sock.recv(4096)


def test_hop_by_hop_and_nominated_fields_end_here(box: Box) -> None:
    head, _ = split(box.get("/hop"))
    assert b"X-Kept: 1" in head
    assert b"Secret" not in head
    assert b"Keep-Alive" not in head


@pytest.mark.parametrize("path", ["/cut", "/cut-chunk"])
def test_a_body_cut_short_is_never_ended_cleanly(box: Box, path: str) -> None:
    with box.connect() as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        answered = read_all(sock)
    assert b"200 OK" in answered
    assert not answered.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    "path",
    ["/bad-both", "/bad-length", "/bad-fold", "/bad-line", "/bad-lf", "/nothing"],
)
def test_a_backend_that_answers_in_doubt_is_a_502(box: Box, path: str) -> None:
    assert box.get(path).startswith(b"HTTP/1.1 502 Bad Gateway")


def test_bytes_after_an_answer_are_not_another_answer(box: Box) -> None:
    with box.connect() as sock:
        for _ in range(2):
            sock.sendall(b"GET /more HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert read_head(sock).startswith(b"HTTP/1.1 200")
            assert sock.recv(2) == b"ok"
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        assert b"forged" not in read_all(sock)


H = b"GET / HTTP/1.1\r\nHost: a.test\r\n"
P = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSED = {
    "CL and TE": (H + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400),
    "two lengths": (H + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    "signed length": (H + b"Content-Length: +1\r\n\r\nx", 400),
    "list of lengths": (H + b"Content-Length: 1, 1\r\n\r\nx", 400),
    "TE not chunked last": (H + b"Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
    "TE twice chunked": (H + b"Transfer-Encoding: chunked, chunked\r\n\r\n", 400),
    "TE in 1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "fold": (H + b"X: a\r\n b\r\n\r\n", 400),
    "space before colon": (H + b"X : a\r\n\r\n", 400),
    "bare CR": (H + b"X: a\rb\r\n\r\n", 400),
    "bare LF": (H + b"X: a\nY: b\r\n\r\n", 400),
    "only LF": (b"GET / HTTP/1.1\nHost: a.test\n\n", 400),
    "NUL": (H + b"X: \0\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (H + b"Host: b.test\r\n\r\n", 400),
    "bad host": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "host with userinfo": (b"GET / HTTP/1.1\r\nHost: x@a.test\r\n\r\n", 400),
    "absolute form that disagrees": (b"GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
    "chunk size too large": (P + b"FFFFFFFFFFFFFFFFF\r\n", 400),
    "chunk size junk": (P + b"5x\r\nhello\r\n", 400),
    "chunk longer than said": (P + b"5\r\nhelloX\r\n0\r\n\r\n", 400),
    "chunk ended by LF": (P + b"5\nhello\n0\n\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
    "no colon": (H + b"X\r\n\r\n", 400),
    "fragment": (b"GET /#a HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
    "HTTP/2": (b"GET / HTTP/2.0\r\nHost: a.test\r\n\r\n", 505),
    "long target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a.test\r\n\r\n", 414),
    "large head": (H + b"X: " + b"a" * 40000 + b"\r\n\r\n", 431),
    "many fields": (H + b"".join(b"X%d: 1\r\n" % i for i in range(200)) + b"\r\n", 431),
    "CONNECT": (b"CONNECT a.test:1 HTTP/1.1\r\nHost: a.test\r\n\r\n", 405),
}


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
def test_a_request_in_doubt_is_refused_and_the_connection_closed(
    box: Box, data: bytes, status: int
) -> None:
    answered = box.raw(data)
    assert answered.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close\r\n" in answered
    assert answered.count(b"HTTP/1.1") == 1


def test_an_unknown_site_is_named_in_a_404(box: Box) -> None:
    head, body = split(box.get(host="who.test"))
    assert head.startswith(b"HTTP/1.1 404")
    assert b"who.test" in body
    _, body = split(box.get(host="who.test", more="Accept: application/json\r\n"))
    assert body.startswith(b'{"error": ')


@WAYS
@pytest.mark.parametrize("upload", [False, True], ids=["answer", "upload"])
def test_a_side_that_does_not_read_costs_bounded_memory(
    tmp_path: Path, backend: ScriptedBackend, upload: bool, kind: type[Box]
) -> None:
    stalled = socket.create_server(("127.0.0.1", 0))
    piece = b"x" * (1 << 20)

    async def flood(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
        for _ in range(1 << 10):
            exchange.send(piece)
            await exchange.writer.drain()

    backend.scripts["/flood"] = flood
    url = f"http://127.0.0.1:{stalled.getsockname()[1]}" if upload else backend.url
    with kind(tmp_path, site("a.test", url) + site("b.test", backend.url)) as box:
        assert b"200 OK" in box.get_in_the_clear("b.test")
        # What TLS takes at its first use is not a connection's.
        box.connect().close()
        worker = box.status()["proxy"]["workers"][0]["pid"]
        before = rss(worker)
        with box.connect() as sock:
            if upload:
                sock.sendall(
                    b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1073741824\r\n\r\n"
                )
                send_until_stuck(sock, piece)
            else:
                sock.sendall(b"GET /flood HTTP/1.1\r\nHost: a.test\r\n\r\n")
                read_head(sock)
                for _ in range(100):
                    assert b"200 OK" in box.get_in_the_clear("b.test")
            assert rss(worker) - before < 4 << 20
            assert b"200 OK" in box.get_in_the_clear("b.test")
    stalled.close()


def send_until_stuck(sock: socket.socket, piece: bytes) -> None:
    sock.settimeout(1)
    try:
        for _ in range(1 << 10):
            sock.sendall(piece)
    except TimeoutError:
        return
    raise AssertionError("the whole upload was taken, though nobody reads it")

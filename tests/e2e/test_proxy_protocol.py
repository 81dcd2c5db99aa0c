"""PROXY headers: believed from trusted proxies, and said to backends that want them."""

import re
import socket
import threading
from pathlib import Path

import pytest

from tests.support.backend import ScriptedBackend
from tests.support.box import Box, read_all, site, wait_until
from tests.support.introduced import V2_SIGNATURE, IntroducedBackend

ACCEPT = "accept_proxy_protocol = true"
TRUSTED = 'trusted_proxies = ["127.0.0.1/32", "10.9.0.0/16"]'
GET = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"
V2_IPV6 = (
    V2_SIGNATURE
    + b"\x21\x21\x00\x24"
    + bytes.fromhex("20010db800000000000000000000000720010db8000000000000000000000001")
    + (4711).to_bytes(2)
    + (8443).to_bytes(2)
)
V2_LOCAL = V2_SIGNATURE + b"\x20\x00\x00\x00"


@pytest.mark.parametrize(
    ("header", "client", "port"),
    [
        pytest.param(V1, "192.0.2.7", "443", id="version 1"),
        pytest.param(V2_IPV6, "2001:db8::7", "8443", id="version 2, IPv6"),
        pytest.param(V2_LOCAL, "127.0.0.1", None, id="local"),
        pytest.param(b"PROXY UNKNOWN\r\n", "127.0.0.1", None, id="unknown"),
    ],
)
def test_a_trusted_proxy_says_who_the_client_is(
    tmp_path: Path, header: bytes, client: str, port: str | None
) -> None:
    with (
        ScriptedBackend() as backend,
        Box(tmp_path, site("a.test", backend.url), TRUSTED, listen=ACCEPT) as box,
    ):
        told = box.raw(header + GET).decode()
        assert f"X-Real-IP: {client}\r\n" in told
        assert f"X-Forwarded-Port: {port or box.port}\r\n" in told
        assert box.log_lines(1)[0].startswith(f"{client} - ")


def test_a_header_in_pieces_is_read_all_the_same(tmp_path: Path) -> None:
    with (
        ScriptedBackend() as backend,
        Box(tmp_path, site("a.test", backend.url), TRUSTED, listen=ACCEPT) as box,
        box.connect() as sock,
    ):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in V2_IPV6 + GET:
            sock.sendall(bytes([byte]))
        assert b"X-Real-IP: 2001:db8::7\r\n" in read_all(sock)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(GET, id="a request without a header"),
        pytest.param(b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n" + GET, id="an address that is none"),
        pytest.param(V1[:-2] + b"\n" + GET, id="a bare LF"),
        pytest.param(V2_SIGNATURE + b"\x41\x11\x00\x0c" + bytes(12) + GET, id="version 4"),
        pytest.param(V2_SIGNATURE + b"\x21\x11\x00\x02ab" + GET, id="too short"),
        pytest.param(bytes(range(256)), id="noise"),
    ],
)
def test_what_is_no_header_from_a_trusted_proxy_is_closed_and_said(
    tmp_path: Path, garbage: bytes
) -> None:
    with (
        ScriptedBackend() as backend,
        Box(tmp_path, site("a.test", backend.url), TRUSTED, listen=ACCEPT) as box,
    ):
        assert box.raw(garbage) == b""
        said = "the PROXY header of 127.0.0.1 was refused: "
        wait_until(lambda: said in box.errors.read_text(), "a line about the header")
        assert not backend.heads
        assert b"200 OK" in box.raw(V1 + GET)


def test_a_stranger_s_header_is_a_malformed_request(tmp_path: Path) -> None:
    trusted = 'trusted_proxies = ["10.9.0.0/16"]'
    with (
        ScriptedBackend() as backend,
        Box(tmp_path, site("a.test", backend.url), trusted, listen=ACCEPT) as box,
    ):
        assert box.raw(V1 + GET).startswith(b"HTTP/1.1 400")
        assert b"X-Real-IP: 127.0.0.1\r\n" in box.raw(GET)


def test_the_said_client_counts_for_forwarded_chains(tmp_path: Path) -> None:
    """The proxy is trusted; the client it speaks of only if it is one itself."""
    chain = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
    with (
        ScriptedBackend() as backend,
        Box(tmp_path, site("a.test", backend.url), TRUSTED, listen=ACCEPT) as box,
    ):
        assert b"X-Real-IP: 192.0.2.7\r\n" in box.raw(V1 + chain)
        inner = V1.replace(b"192.0.2.7", b"10.9.0.1")
        assert b"X-Real-IP: 203.0.113.9\r\n" in box.raw(inner + chain)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("unix", [False, True], ids=["TCP", "Unix socket"])
def test_a_backend_is_told_of_each_client_on_a_connection_of_its_own(
    tmp_path: Path, version: str, unix: bool
) -> None:
    path = str(tmp_path / "backend.sock") if unix else None
    more = f'proxy_protocol = "{version}"'
    with (
        IntroducedBackend(path) as backend,
        Box(tmp_path, site("a.test", backend.url, more=more)) as box,
    ):
        keep = GET.replace(b"Connection: close\r\n", b"")
        with box.connect() as one, box.connect() as two:
            for sock in (one, two, one, two):
                sock.sendall(keep)
                read_answer(sock)
            names = [sock.getsockname() for sock in (one, two)]
        expected = [f"127.0.0.1 127.0.0.1 {port} {box.port}" for _, port in names]
        found = [text.removeprefix("TCP4 ") for text in backend.said]
        assert found == expected
        assert backend.connections == 2


def test_a_client_s_own_connections_end_with_it(tmp_path: Path) -> None:
    with (
        IntroducedBackend() as backend,
        Box(tmp_path, site("a.test", backend.url, more='proxy_protocol = "v2"')) as box,
    ):
        for _ in range(3):
            box.get()
        worker = box.children()[1]
        wait_until(
            lambda: not established(worker, backend.port), "no connection left to the backend"
        )


def test_a_tls_backend_is_told_before_the_handshake(tmp_path: Path) -> None:
    """The first bytes that arrive are the header, and a ClientHello follows."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found: list[bytes] = []

        def accept() -> None:
            sock, _ = server.accept()
            with sock:
                sock.settimeout(10)
                data = b""
                while data.count(b"\r\n") < 1 or len(data) < 60:
                    data += sock.recv(4096)
                found.append(data)

        thread = threading.Thread(target=accept)
        thread.start()
        sites = site("a.test", f"https://127.0.0.1:{port}", more='proxy_protocol = "v1"')
        with Box(tmp_path, sites) as box:
            assert box.get().startswith(b"HTTP/1.1 502")
        thread.join(10)
    line, _, rest = found[0].partition(b"\r\n")
    assert re.fullmatch(rb"PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+", line)
    assert rest[:2] == b"\x16\x03"


def read_answer(sock: socket.socket) -> bytes:
    data = b""
    while b"length=0\n" not in data:
        data += sock.recv(65536)
    return data


def established(pid: int, port: int) -> list[str]:
    """A process's open connections to a port (proc(5), net/tcp: state 01)."""
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    remote = f"0100007F:{port:04X}"
    return [line for line in lines if line.split()[2] == remote and line.split()[3] == "01"]

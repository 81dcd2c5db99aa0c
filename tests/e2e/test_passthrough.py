"""TLS carried undecrypted, by the name in the hello: the key is the backend's alone."""

import contextlib
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.wire.client_hello import MAX_RECORDS, Alert, encode_alert
from appliance.wire.proxy_header import Endpoint, parse_proxy_header
from tests.support.box import Box, read_all, rss, site, wait_until
from tests.support.hellos import body, extension, message, record, records, sni
from tests.support.secure import Authority, SecureServer, connect, get

LISTEN = 'https = "127.0.0.1:0"'
CARRIED = 'tls = "passthrough"'
UNRECOGNIZED_NAME = encode_alert(Alert.UNRECOGNIZED_NAME)
INTERNAL_ERROR = encode_alert(Alert.INTERNAL_ERROR)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def backend(authority: Authority) -> Iterator[SecureServer]:
    with SecureServer(*authority.issue("a.test", "*.b.test", "127.0.0.1")) as server:
        yield server


def carried(host: str, *ports: int, more: str = "") -> str:
    backends = (f"tcp://127.0.0.1:{port}" for port in ports)
    return site(host, *backends, more=f"{CARRIED}\n{more}")


def test_the_client_sees_the_backend_s_certificate_and_the_log_sees_the_client(
    tmp_path: Path, authority: Authority, backend: SecureServer
) -> None:
    with Box(tmp_path, carried("a.test", backend.port), listen=LISTEN) as box:
        with connect(box.secure_port, authority.trusting(), "a.test") as sock:
            assert get(sock, "/5000", "a.test").count(b"x") == 5000
        (line,) = box.log_lines(1)
        found = re.fullmatch(
            r'127\.0\.0\.1 - - \[[^]]+\] "TLS a\.test" 200 (\d+) "-" "-" site=a\.test '
            rf"backend=tcp://127\.0\.0\.1:{backend.port} total_ms=[\d.]+ backend_ms=[\d.]+ "
            r"bytes_in=(\d+)",
            line,
        )
        assert found, line
        assert int(found[1]) > 5000
        assert 300 < int(found[2]) < 3000
        status = next(each for each in box.status()["sites"] if each["host"] == "a.test")
        assert status["tls"] == "passthrough"
        assert status["certificate"] is None


def test_the_site_is_chosen_by_name(
    tmp_path: Path, authority: Authority, backend: SecureServer
) -> None:
    sites = carried("*.b.test", backend.port) + carried("*", backend.port)
    trusting = authority.trusting()
    with Box(tmp_path, sites, listen=LISTEN) as box:
        for name in ("x.b.test", "127.0.0.1", "a.test"):
            with connect(box.secure_port, trusting, name) as sock:
                assert get(sock, "/3", name).endswith(b"xxx")
        told = [re.findall(r'"(TLS [^"]+)".*site=(\S+)', line)[0] for line in box.log_lines(3)]
        assert told == [("TLS x.b.test", "*.b.test"), ("TLS -", "*"), ("TLS a.test", "*")]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        pytest.param("nobody.test", UNRECOGNIZED_NAME, id="a name that no site has"),
        pytest.param("plain.test", UNRECOGNIZED_NAME, id="a site without TLS"),
        pytest.param("dead.test", INTERNAL_ERROR, id="a backend that is not there"),
    ],
)
def test_what_cannot_be_had_is_a_clean_alert(
    tmp_path: Path, unused_port: int, name: str, first: bytes
) -> None:
    sites = site("plain.test", f"http://127.0.0.1:{unused_port}")
    sites += carried("dead.test", unused_port, unused_port)
    with Box(tmp_path, sites, listen=LISTEN) as box:
        assert exchange(box, hello_for(name)) == first
        if name == "dead.test":
            assert '"TLS dead.test" 502 0 ' in box.log_lines(1)[0]


def test_the_next_backend_is_tried_when_one_cannot_be_reached(
    tmp_path: Path, authority: Authority, backend: SecureServer, unused_port: int
) -> None:
    sites = carried("a.test", unused_port, backend.port)
    with Box(tmp_path, sites, listen=LISTEN) as box:
        for _ in range(4):
            with connect(box.secure_port, authority.trusting(), "a.test") as sock:
                assert b"200 OK" in get(sock, "/", "a.test")


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def hello_for(name: str, *protocols: str) -> bytes:
    """What a client sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.set_alpn_protocols(protocols)
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def exchange(box: Box, data: bytes) -> bytes:
    """Sends bytes to the TLS port; all that comes back."""
    with socket.create_connection(("127.0.0.1", box.secure_port), timeout=20) as sock:
        sock.sendall(data)
        return read_all(sock)


def test_a_hello_in_single_bytes_is_read_all_the_same(
    tmp_path: Path, authority: Authority, backend: SecureServer
) -> None:
    with (
        Box(tmp_path, carried("a.test", backend.port), listen=LISTEN) as box,
        socket.create_connection(("127.0.0.1", box.secure_port), timeout=20) as sock,
    ):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in hello_for("a.test"):
            sock.sendall(bytes((byte,)))
        assert sock.recv(3) == b"\x16\x03\x03"


def test_who_speaks_no_tls_is_told_or_closed(tmp_path: Path, backend: SecureServer) -> None:
    limits = '[limits]\nhead_timeout = "1s"'
    with Box(tmp_path, carried("a.test", backend.port), limits, listen=LISTEN) as box:
        told = exchange(box, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 400 ")
        assert b"This is a port for HTTPS" in told
        assert '"GET / HTTP/1.1" 400' in box.log_lines(1)[0]
        assert exchange(box, b"SSH-2.0-OpenSSH_9.2\r\n") == b""
        assert exchange(box, hello_for("a.test")[:50]) == b""
        assert exchange(box, b"") == b""
        wait_until(lambda: box.status()["proxy"]["connections"] == 0, "no connection left")


LIES = {
    "a hello longer than any": (b"\x16\x03\x01\x40\0\x01\0\x40\x01", Alert.ILLEGAL_PARAMETER),
    "a record longer than any": (b"\x16\x03\x01\xff\xff", Alert.RECORD_OVERFLOW),
    "more records than any": (
        records(message(body(sni(b"a.test"))), *[1] * MAX_RECORDS),
        Alert.ILLEGAL_PARAMETER,
    ),
    "an extension that reaches past the end": (
        record(message(body(extension(0x17, b"")[:-1] + b"\x09"))),
        Alert.DECODE_ERROR,
    ),
    "a name that is none": (record(message(body(sni(b"a..test")))), Alert.UNRECOGNIZED_NAME),
    "another message": (record(b"\x02\0\0\x26" + bytes(38)), Alert.UNEXPECTED_MESSAGE),
}


def test_a_hello_that_lies_gets_its_alert_and_harms_nobody(
    tmp_path: Path, authority: Authority, backend: SecureServer
) -> None:
    with Box(tmp_path, carried("a.test", backend.port), listen=LISTEN) as box:
        for what, (data, alert) in LIES.items():
            assert exchange(box, data) == encode_alert(alert), what
        with connect(box.secure_port, authority.trusting(), "a.test") as sock:
            assert b"200 OK" in get(sock, "/", "a.test")
        wait_until(lambda: box.status()["proxy"]["connections"] == 0, "no connection left")
        assert [each["restarts"] for each in box.status()["proxy"]["workers"]] == [0]


def test_a_proxy_before_us_says_who_the_client_is(
    tmp_path: Path, authority: Authority, backend: SecureServer
) -> None:
    listen = f"{LISTEN}\naccept_proxy_protocol = true"
    trusted = 'trusted_proxies = ["127.0.0.1/32"]'
    with Box(tmp_path, carried("a.test", backend.port), trusted, listen=listen) as box:
        with socket.create_connection(("127.0.0.1", box.secure_port), timeout=20) as raw:
            raw.sendall(b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n")
            with authority.trusting().wrap_socket(raw, server_hostname="a.test") as sock:
                assert b"200 OK" in get(sock, "/", "a.test")
        assert box.log_lines(1)[0].startswith("192.0.2.7 - - [")


def test_version_2_says_what_was_asked_for_and_the_hello_follows_as_it_came(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        port = server.getsockname()[1]
        more = 'proxy_protocol = "v2"'
        with (
            Box(tmp_path, carried("a.test", port, more=more), listen=LISTEN) as box,
            socket.create_connection(("127.0.0.1", box.secure_port), timeout=20) as client,
        ):
            hello = hello_for("a.test", "h2", "http/1.1")
            client.sendall(hello)
            near, _ = server.accept()
            with near:
                data = b""
                while len(data) < 16 or hello not in data:
                    data += near.recv(65536)
            header = parse_proxy_header(data)
            assert header is not None
            source = Endpoint("127.0.0.1", client.getsockname()[1])
            assert header.ends == (source, Endpoint("127.0.0.1", box.secure_port))
            assert (header.tags.authority, header.tags.alpn) == (b"a.test", b"h2")
            assert data[header.size_bytes :] == hello


@pytest.mark.parametrize("upload", [False, True], ids=["download", "upload"])
def test_a_side_that_does_not_read_costs_bounded_memory(tmp_path: Path, upload: bool) -> None:
    """The bytes need not be TLS beyond the hello: nobody here looks."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        port = server.getsockname()[1]
        with (
            Box(tmp_path, carried("a.test", port), listen=LISTEN) as box,
            socket.create_connection(("127.0.0.1", box.secure_port), timeout=20) as client,
        ):
            hello = hello_for("a.test")
            client.sendall(hello)
            backend, _ = server.accept()
            with backend:
                assert backend.recv(65536) == hello
                worker = box.status()["proxy"]["workers"][0]["pid"]
                before = rss(worker)
                writer, reader = (client, backend) if upload else (backend, client)
                writer.settimeout(1)
                sent = 0
                with contextlib.suppress(TimeoutError):
                    while sent < 1 << 30:
                        sent += writer.send(bytes(1 << 20))
                assert 1 << 20 < sent < 1 << 30
                assert rss(worker) - before < 2 << 20
                writer.shutdown(socket.SHUT_WR)
                reader.settimeout(20)
                left = sent
                while data := reader.recv(1 << 20):
                    left -= len(data)
                assert left == 0


def test_a_site_behind_tls_is_not_served_in_the_clear(
    tmp_path: Path, backend: SecureServer
) -> None:
    sites = carried("a.test", backend.port)
    sites += carried("b.test", backend.port, more="redirect_http = true")
    with Box(tmp_path, sites, listen=LISTEN) as box:
        assert box.get(host="a.test").startswith(b"HTTP/1.1 421 ")
        told = box.get("/some?where=1", host="B.test:80")
        assert told.startswith(b"HTTP/1.1 308 ")
        assert f"Location: https://b.test:{box.secure_port}/some?where=1\r\n".encode() in told


def test_a_connection_lives_through_changes_until_it_is_idle_for_long(
    tmp_path: Path, authority: Authority, backend: SecureServer
) -> None:
    limits = '[limits]\ntunnel_idle = "3s"'
    with (
        Box(tmp_path, carried("a.test", backend.port), limits, listen=LISTEN) as box,
        connect(box.secure_port, authority.trusting(), "a.test") as sock,
    ):
        box.write(site("b.test", "http://127.0.0.1:1"))
        wait_until(lambda: b"502" in box.get(host="b.test"), "the change")
        sock.sendall(b"GET /9 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        while b"x" * 9 not in sock.recv(1000):
            pass
        assert exchange(box, hello_for("a.test")) == UNRECOGNIZED_NAME
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1000) == b""
        assert "total_ms=" in box.log_lines(1)[0]

"""TLS that ends here: sites by name, sessions, redirects, real clients, and what is refused."""

import hashlib
import random
import socket
import ssl
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.backend import ScriptedBackend
from tests.support.box import Box, read_all, site, wait_until
from tests.support.key_updates import CIPHERS, KeyUpdates
from tests.support.secure import Authority, SecureServer, connect, get, trusting
from tests.support.secure_box import ENDED, TlsSocket, ask, root_of, secure_box, with_files


@pytest.fixture(scope="module")
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


# Sites side by side.


def test_each_name_gets_its_own_certificate_or_its_backend_s(
    tmp_path: Path, backend: ScriptedBackend, authority: Authority
) -> None:
    with SecureServer(*authority.issue("carried.test")) as carried:
        sites = (
            site("own.test", backend.url, more=ENDED),
            site("*.wild.test", backend.url, more=ENDED),
            with_files("files.test", backend.url, authority.issue("files.test")),
            site("carried.test", f"tcp://127.0.0.1:{carried.port}", more='tls = "passthrough"'),
            site("*", backend.url, more=ENDED),
        )
        with secure_box(tmp_path, *sites) as box:
            for name in ("own.test", "a.wild.test", "localhost", "127.0.0.1"):
                assert b"X-Forwarded-Proto: https" in ask(box, name), name
            for name in ("files.test", "carried.test"):
                with connect(box.secure_port, authority.trusting(), name) as sock:
                    assert b"200 OK" in get(sock, "/3", name)
            known = {each["host"]: each["certificate"] for each in box.status()["sites"]}
            assert known["carried.test"] is None
            assert known["files.test"]["issuer"] == "Test CA"
            assert known["own.test"]["issuer"].startswith("Gatelight on ")
            assert "expires" in known["*"]
            lines = box.log_lines(6)
            assert '"GET / HTTP/1.1" 200' in lines[0]
            assert any(line.count('"TLS carried.test" 200') for line in lines)


def test_a_host_that_disagrees_with_the_name_is_misdirected(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    sites = [site(host, backend.url, more=ENDED) for host in ("a.test", "*.b.test", "*")]
    with secure_box(tmp_path, *sites) as box:
        assert ask(box, "a.test", "A.TEST:8443").startswith(b"HTTP/1.1 200 ")
        for name, host in (
            ("a.test", "x.b.test"),
            ("x.b.test", "y.b.test"),
            ("127.0.0.1", "a.test"),
        ):
            told = ask(box, name, host)
            assert told.startswith(b"HTTP/1.1 421 Misdirected Request"), (name, host)
        with connect(box.secure_port, trusting(root_of(box)), "a.test") as sock:
            for host, status in (("a.test", b"200"), ("y.b.test", b"421"), ("a.test", b"200")):
                sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                assert sock.recv(65536).startswith(b"HTTP/1.1 " + status)


# The way there, and back.


def test_a_request_in_the_clear_is_sent_to_tls_and_told_to_come_back_so(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    more = f"{ENDED}\nredirect_http = true\nhsts = true"
    trusted = 'trusted_proxies = ["127.0.0.1/32"]'
    hsts = b"Strict-Transport-Security: max-age=31536000\r\n"
    with secure_box(tmp_path, site("a.test", backend.url, more=more), more=trusted) as box:
        told = box.raw(b"POST /x?y=1 HTTP/1.1\r\nHost: a.test:80\r\nContent-Length: 2\r\n\r\nok")
        assert told.startswith(b"HTTP/1.1 308 Permanent Redirect\r\n")
        assert f"Location: https://a.test:{box.secure_port}/x?y=1\r\n".encode() in told
        assert hsts not in told
        over_tls = box.get(host="a.test", more="X-Forwarded-Proto: https\r\n")
        assert over_tls.startswith(b"HTTP/1.1 200 ")
        assert hsts not in over_tls
        for path in ("/", "/again"):
            assert hsts in ask(box, "a.test", path=path)


# Real clients, and too many of them. Chromium is in test_https_browser.py.


def test_curl_warns_until_it_is_given_the_root_and_uploads_over_tls(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    more = f"{ENDED}\nredirect_http = true"
    upload = tmp_path / "upload"
    upload.write_bytes(random.Random(1).randbytes(5_000_000))
    with secure_box(tmp_path, site("a.test", backend.url, more=more)) as box:

        def curl(*options: str) -> tuple[int, str]:
            ports = (box.plain_port, box.secure_port)
            known = [word for port in ports for word in ("--resolve", f"a.test:{port}:127.0.0.1")]
            command = ["curl", "-sS", "--location", "--max-time", "20", *known, *options]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

        url = f"https://a.test:{box.secure_port}/"
        code, told = curl(url)
        assert (code, "certificate" in told) == (60, True)
        trusting_root = ("--cacert", str(root_of(box)))
        code, told = curl(*trusting_root, f"http://a.test:{box.plain_port}/")
        assert (code, "X-Forwarded-Proto: https" in told) == (0, True)
        code, told = curl(*trusting_root, "--upload-file", str(upload), f"{url}up")
        assert (code, hashlib.sha256(upload.read_bytes()).hexdigest() in told) == (0, True)


def test_too_many_connections_of_one_client_are_cut_before_their_handshake(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    limits = "[limits]\nconnections_per_client = 2"
    with secure_box(tmp_path, site("a.test", backend.url, more=ENDED), more=limits) as box:
        context = trusting(root_of(box))
        with connect(box.secure_port, context, "a.test") as first:
            cut = (ConnectionResetError, ssl.SSLEOFError)
            with connect(box.secure_port, context, "a.test"), pytest.raises(cut):
                connect(box.secure_port, context, "a.test")
            assert b"200 OK" in get(first, "/", "a.test")
        assert wait_until(lambda: box.status()["proxy"]["connections"] == 0, "none left")
        assert b"200 OK" in ask(box, "a.test")


def test_a_flood_of_key_updates_ends_its_own_connection_only(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    """Each is 27 bytes and costs more than a request: megabytes of them would hang the worker."""
    with secure_box(tmp_path, site("a.test", backend.url, more=ENDED)) as box:
        context = trusting(root_of(box))
        context.keylog_filename = str(tmp_path / "keys")
        with socket.create_connection(("127.0.0.1", box.secure_port), timeout=20) as raw:
            cipher = TlsSocket(raw, context, "a.test").session.cipher()
            assert cipher is not None
            assert cipher[0] in CIPHERS
            updates = KeyUpdates(tmp_path / "keys")
            flood = b"".join(updates.next() for _ in range(20_000))
            with pytest.raises(ConnectionError):
                send_for_ever(raw, flood)
        assert b"200 OK" in ask(box, "a.test")
        assert [each["restarts"] for each in box.status()["proxy"]["workers"]] == [0]


def send_for_ever(sock: socket.socket, data: bytes) -> None:
    while True:
        sock.sendall(data)


# Handshakes.


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed_by_another_worker_and_by_its_successor(
    tmp_path: Path, backend: ScriptedBackend, version: ssl.TLSVersion
) -> None:
    sites = [site(host, backend.url, more=ENDED) for host in ("a.test", "b.test")]
    with secure_box(tmp_path, *sites, workers=2) as box:
        context = trusting(root_of(box))
        context.minimum_version = context.maximum_version = version
        with connect(box.secure_port, context, "a.test") as sock:
            assert b"200 OK" in get(sock, "/", "a.test")
            session = sock.session
        workers = {each["pid"] for each in box.status()["proxy"]["workers"]}
        for pid in workers:
            subprocess.run(["kill", "-9", str(pid)], check=True)
            wait_until(partial(is_replaced, box, pid), "another in its place")
            for _ in range(8):
                raw = socket.create_connection(("127.0.0.1", box.secure_port), timeout=20)
                with context.wrap_socket(raw, server_hostname="a.test", session=session) as sock:
                    assert sock.session_reused
                    assert b"200 OK" in get(sock, "/", "a.test")


def is_replaced(box: Box, pid: int) -> bool:
    return pid not in box.children() and len(box.children()) == 3


def test_only_sound_versions_and_ciphers_are_spoken(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with secure_box(tmp_path, site("a.test", backend.url, more=ENDED)) as box:

        def shake(*options: str) -> str:
            done = subprocess.run(
                [
                    *("openssl", "s_client", "-connect", f"127.0.0.1:{box.secure_port}"),
                    *("-servername", "a.test", "-CAfile", str(root_of(box)), "-brief", *options),
                ],
                input="",
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
            )
            return done.stdout + done.stderr

        assert "Protocol version: TLSv1.3" in shake("-verify_return_error")
        assert "Protocol version: TLSv1.2" in shake("-tls1_2", "-verify_return_error")
        chacha = shake("-tls1_2", "-cipher", "CHACHA20")
        assert "Ciphersuite: ECDHE-ECDSA-CHACHA20-POLY1305" in chacha
        old = "-cipher", "DEFAULT@SECLEVEL=0"
        assert "alert protocol version" in shake("-tls1_1", *old)
        assert "alert handshake failure" in shake("-tls1_2", "-cipher", "AES128-SHA@SECLEVEL=0")
        assert "alert handshake failure" in shake("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA")
        alpn = "-alpn", "h2,http/1.1"
        spoken = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"127.0.0.1:{box.secure_port}"),
                *("-servername", "a.test", *alpn),
            ],
            input="",
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert "ALPN protocol: http/1.1" in spoken.stdout


def test_a_client_that_does_not_trust_the_certificate_is_noted(
    tmp_path: Path, backend: ScriptedBackend, authority: Authority
) -> None:
    with secure_box(tmp_path, site("a.test", backend.url, more=ENDED)) as box:
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(box.secure_port, authority.trusting(), "a.test")
        told = "127.0.0.1 does not trust the certificate of a.test: for the local CA"
        wait_until(lambda: told in box.errors.read_text(), "a word about it")
        wait_until(lambda: box.status()["proxy"]["connections"] == 0, "no connection left")


def test_who_stops_in_the_middle_of_a_handshake_is_let_go(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    limits = '[limits]\nhead_timeout = "1s"'
    with secure_box(tmp_path, site("a.test", backend.url, more=ENDED), more=limits) as box:
        for ending in ("waits", "leaves", "talks nonsense"):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            client = trusting(root_of(box)).wrap_bio(incoming, outgoing, server_hostname="a.test")
            with pytest.raises(ssl.SSLWantReadError):
                client.do_handshake()
            with socket.create_connection(("127.0.0.1", box.secure_port), timeout=20) as sock:
                sock.sendall(outgoing.read())
                assert sock.recv(5)[:3] == b"\x16\x03\x03"
                if ending == "talks nonsense":
                    sock.sendall(b"\x17\x03\x03\x00\x05hello")
                if ending != "leaves":
                    read_all(sock)
        assert ask(box, "a.test").startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: box.status()["proxy"]["connections"] == 0, "no connection left")

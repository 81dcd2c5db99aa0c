"""TLS that ends here: certificates by name, sessions, redirects, and what is refused."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.backend import ScriptedBackend
from tests.support.box import ROOT, Box, read_all, site, wait_until
from tests.support.secure import Authority, SecureServer, connect, get, trusting

LISTEN = 'https = "127.0.0.1:0"'
ENDED = 'tls = "terminate"'


@pytest.fixture(scope="module")
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def secure_box(folder: Path, *sites: str, more: str = "", workers: int = 1) -> Box:
    return Box(folder, "".join(sites), more, workers, listen=LISTEN)


def root_of(box: Box) -> Path:
    return box.folder / "tls/roots/1/root.crt"


def ask(box: Box, name: str, host: str | None = None, path: str = "/") -> bytes:
    with connect(box.secure_port, trusting(root_of(box)), name) as sock:
        return get(sock, path, host or name)


def with_files(host: str, url: str, files: tuple[Path, Path]) -> str:
    pair = f'certificate = "{files[0]}"\nkey = "{files[1]}"'
    return site(host, url, more=f"{ENDED}\n{pair}")


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


# Certificates that change, and faulty ones.


def test_a_replaced_file_is_shown_and_connections_stay(
    tmp_path: Path, backend: ScriptedBackend, authority: Authority
) -> None:
    files = authority.issue("a.test")
    with secure_box(tmp_path, with_files("a.test", backend.url, files)) as box:
        context = authority.trusting()

        def serial() -> str:
            with connect(box.secure_port, context, "a.test") as sock:
                return str((sock.getpeercert() or {})["serialNumber"])

        before = serial()
        with connect(box.secure_port, context, "a.test") as kept:
            authority.issue("a.test")
            wait_until(lambda: serial() != before, "the new certificate")
            assert b"200 OK" in get(kept, "/", "a.test")


def test_a_faulty_certificate_harms_its_own_site_alone(
    tmp_path: Path, backend: ScriptedBackend, authority: Authority
) -> None:
    good, _ = authority.issue("good.test")
    _, other_key = authority.issue("other.test")
    nowhere = tmp_path / "nowhere.pem"
    sites = (
        with_files("wrong.test", backend.url, (good, other_key)),
        with_files("gone.test", backend.url, (nowhere, nowhere)),
        site("well.test", backend.url, more=ENDED),
    )
    with secure_box(tmp_path, *sites) as box:
        assert b"200 OK" in ask(box, "well.test")
        said = box.errors.read_text()
        assert f"gatelight: wrong.test: the certificate {good} does not belong to its key" in said
        assert f"gatelight: gone.test: {nowhere} cannot be read (No such file" in said
        for name in ("wrong.test", "gone.test"):
            with pytest.raises(ssl.SSLError, match="ALERT_INTERNAL_ERROR"):
                connect(box.secure_port, trusting(root_of(box)), name)
        assert box.get(host="wrong.test").startswith(b"HTTP/1.1 200 ")
        known = {each["host"]: each["certificate"] for each in box.status()["sites"]}
        assert (known["wrong.test"], known["gone.test"]) == (None, None)

        def alerts() -> set[tuple[str, str]]:
            return {(each["id"], each["severity"]) for each in box.status()["alerts"]}

        expected = {(f"certificate:{name}", "critical") for name in ("wrong.test", "gone.test")}
        wait_until(lambda: expected <= alerts(), "alerts about both")


def test_a_state_dir_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, backend: ScriptedBackend, authority: Authority
) -> None:
    (tmp_path / "tls").write_text("a file where a folder has to be")
    sites = (
        site("own.test", backend.url, more=ENDED),
        with_files("files.test", backend.url, authority.issue("files.test")),
    )
    with secure_box(tmp_path, *sites) as box:
        with connect(box.secure_port, authority.trusting(), "files.test") as sock:
            assert b"200 OK" in get(sock, "/", "files.test")
        said = box.errors.read_text()
        assert said.count("own.test: no certificate can be issued: ") == 1
        assert str(tmp_path / "tls") in said


# gatelight cert.


def cert(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", "cert", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_lists_renews_and_teaches_trust(
    tmp_path: Path, backend: ScriptedBackend, authority: Authority
) -> None:
    files = authority.issue("files.test")
    sites = site("a.test", backend.url, more=ENDED) + with_files("files.test", backend.url, files)
    box = secure_box(tmp_path, sites)
    socket_option, config = ("--socket", str(box.socket)), ("--config", str(box.config))
    assert cert("trust", *config)[::2] == (1, NO_ROOT_LINE)
    with box:
        code, listed, _ = cert("list", *socket_option)
        assert code == 0
        assert "a.test  until 20" in listed
        assert f"by Test CA  from {files[0]}" in listed
        before = ask_serial(box, "a.test")
        code, renewed, _ = cert("renew", "A.test", *socket_option)
        assert (code, renewed.startswith("a.test  until 20")) == (0, True)
        wait_until(lambda: ask_serial(box, "a.test") != before, "the new certificate")
        code, _, said = cert("renew", "files.test", *socket_option)
        assert code == 1
        assert f"gatelight: the certificate comes from {files[0]}" in said
        code, _, said = cert("renew", "nobody.test", *config)
        assert (code, "no site nobody.test ends TLS here" in said) == (1, True)
        code, taught, _ = cert("trust", *socket_option)
        assert code == 0
        for word in ("iPhone", "Android", "Windows", "macOS", "Firefox", "SHA-256  "):
            assert word in taught
        as_file = tmp_path / "taught.pem"
        as_file.write_text(taught)
        with connect(box.secure_port, trusting(as_file), "a.test") as sock:
            assert b"200 OK" in get(sock, "/", "a.test")
    assert cert("list", *socket_option)[0] == 1
    code, offline, _ = cert("list", *config)
    assert (code, offline.splitlines()) == (0, cert_lines(listed, renewed))
    assert cert("renew", "a.test", *config)[0] == 0
    assert cert("trust", *config)[1] == taught.rstrip("\n") + "\n"


NO_ROOT_LINE = (
    "gatelight: there is no root of the local CA yet: it is made for the first site with "
    'tls = "terminate" and no certificate of its own\n'
)


def cert_lines(listed: str, renewed: str) -> list[str]:
    return [*renewed.splitlines(), *listed.splitlines()[1:]]


def ask_serial(box: Box, name: str) -> str:
    with connect(box.secure_port, trusting(root_of(box)), name) as sock:
        return str((sock.getpeercert() or {})["serialNumber"])

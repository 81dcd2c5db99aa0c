"""TLS by keys in a real Redis: planb's certificates, and what the Go SNI proxy carries."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.status_command import fetch_status
from appliance.stores.redis_store import LAST_GOOD
from tests.support.backend import ScriptedBackend
from tests.support.box import Box, read_head, wait_until
from tests.support.redis import RedisServer
from tests.support.secure import Authority, SecureServer, connect, get

OK = b"HTTP/1.1 200 OK"
HTTPS = b"X-Forwarded-Proto: https"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def make_box(folder: Path, server: RedisServer, workers: int = 1) -> Box:
    store = f'[store]\nurl = "{server.url}"\n'
    return Box(folder, store, workers=workers, listen='https = "127.0.0.1:0"')


def put_certificate(server: RedisServer, host: str, pair: tuple[Path, Path]) -> None:
    certificate, key = (path.read_bytes() for path in pair)
    server.ask("HSET", f"tls:{host}", "certificate", certificate, "key", key)


def shown(box: Box, authority: Authority, name: str) -> str | None:
    """The serial number of the certificate that is shown for a name; None: there is none."""
    try:
        with connect(box.secure_port, authority.trusting(), name) as sock:
            certificate = sock.getpeercert()
    except (ssl.SSLError, ConnectionError):
        return None
    return str(certificate["serialNumber"]) if certificate else None


def error_of(box: Box) -> str:
    return str(fetch_status(str(box.socket))["store"]["error"])


def test_planb_s_certificates_come_change_and_go_and_outlive_redis(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend, authority: Authority
) -> None:
    server.set_frontend("a.test", backend.url)
    box = make_box(tmp_path, server, workers=2)
    with box:
        assert shown(box, authority, "a.test") is None
        put_certificate(server, "a.test", authority.issue("a.test"))
        first = wait_until(lambda: shown(box, authority, "a.test"), "the certificate")
        assert box.get(host="a.test").startswith(OK)
        with connect(box.secure_port, authority.trusting(), "a.test") as kept:
            put_certificate(server, "a.test", authority.issue("a.test"))
            wait_until(lambda: shown(box, authority, "a.test") not in (None, first), "another one")
            kept.sendall(b"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert read_head(kept).startswith(OK)
            answer = get(kept, "/", "a.test")
            assert HTTPS in answer
        second = shown(box, authority, "a.test")
        server.ask("HSET", "tls:a.test", "key", "x")
        wait_until(lambda: "tls:a.test: key: PEM text is needed" in error_of(box), "the fault")
        assert shown(box, authority, "a.test") == second
        last_good = tmp_path / LAST_GOOD
        wait_until(lambda: last_good.exists() and "BEGIN" in last_good.read_text(), "the disk")
        server.ask("SAVE")
        server.stop()
    with box:
        assert shown(box, authority, "a.test") == second
        server.start()
        server.ask("DEL", "tls:a.test")
        wait_until(lambda: shown(box, authority, "a.test") is None, "the end of it")
        assert box.get(host="a.test").startswith(OK)


def test_a_wildcard_s_certificate_is_shown_for_the_hosts_under_it(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend, authority: Authority
) -> None:
    server.set_frontend("a.w.test", backend.url)
    put_certificate(server, "*.w.test", authority.issue("*.w.test"))
    with make_box(tmp_path, server) as box:
        lent = shown(box, authority, "a.w.test")
        assert lent is not None
        put_certificate(server, "a.w.test", authority.issue("a.w.test"))
        wait_until(lambda: shown(box, authority, "a.w.test") not in (None, lent), "its own")
        server.ask("DEL", "tls:a.w.test")
        wait_until(lambda: shown(box, authority, "a.w.test") == lent, "the wildcard's again")
        put_certificate(server, "*.w.test", authority.issue("*.w.test"))
        wait_until(lambda: shown(box, authority, "a.w.test") not in (None, lent), "a fresh one")
        server.ask("DEL", "tls:*.w.test")
        wait_until(lambda: shown(box, authority, "a.w.test") is None, "the end of it")


def test_a_certificate_that_does_not_fit_is_told_and_the_one_before_it_stays(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend, authority: Authority
) -> None:
    server.set_frontend("a.test", backend.url)
    put_certificate(server, "a.test", authority.issue("a.test"))
    with make_box(tmp_path, server) as box:
        first = shown(box, authority, "a.test")
        other = authority.issue("other.test")[1].read_bytes()
        server.ask("HSET", "tls:a.test", "key", other)

        def told() -> bool:
            alerts = fetch_status(str(box.socket))["alerts"]
            return any("tls:a.test does not belong to its key" in each["text"] for each in alerts)

        wait_until(told, "the alert")
        assert shown(box, authority, "a.test") == first


def test_a_site_carries_tls_to_some_backends_and_serves_requests_from_others(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend, authority: Authority
) -> None:
    """As a set of the Go proxy's comes to it, on ports that a test may have."""
    with SecureServer(*authority.issue("a.test")) as secure:
        urls = [backend.url, f"tcp://127.0.0.1:{secure.port}"]
        settings = {"tls": "passthrough", "backends": urls}
        server.ask("SET", "gatelight:site:a.test", json.dumps(settings))
        with make_box(tmp_path, server) as box:

            def both_are_served() -> None:
                for _ in range(3):
                    assert box.get(host="a.test").startswith(OK)
                    with connect(box.secure_port, authority.trusting(), "a.test") as sock:
                        assert get(sock, "/3", "a.test").endswith(b"xxx")

            both_are_served()
            secure_url = f"tcp://127.0.0.1:{secure.port}"
            assert sum(secure_url in line for line in box.log_lines(6)) == 3
            server.ask("SET", "gatelight:site:a.test", json.dumps({**settings, "sticky": True}))
            wait_until(lambda: b"Set-Cookie: gatelight=" in box.get(host="a.test"), "the change")
            both_are_served()
            (counted,) = fetch_status(str(box.socket))["sites"]
            assert counted["host"] == "a.test"

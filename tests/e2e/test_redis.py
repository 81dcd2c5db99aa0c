"""A real box with its sites in a real Redis."""

import contextlib
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from appliance.status_command import describe, fetch_status
from appliance.stores.redis_store import LAST_GOOD
from tests.support.backend import Exchange, ScriptedBackend
from tests.support.box import Box, read_head, wait_until
from tests.support.load import Load
from tests.support.redis import RedisServer, impostor
from tests.support.secure import Authority

OK = b"HTTP/1.1 200 OK"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as started:
        yield started


@pytest.fixture
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


def make_box(folder: Path, server: RedisServer, workers: int = 1, url: str = "") -> Box:
    return Box(folder, f'[store]\nurl = "{url or server.url}"\n', workers=workers)


def store(box: Box) -> dict[str, Any]:
    found: dict[str, Any] = fetch_status(str(box.socket))["store"]
    return found


def alert(box: Box) -> dict[str, Any] | None:
    """What is told of the store."""
    alerts: list[dict[str, Any]] = fetch_status(str(box.socket))["alerts"]
    return next((each for each in alerts if each["id"] == "store"), None)


def test_the_first_request_finds_the_sites_and_changes_cut_no_connection(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend
) -> None:
    server.set_frontend("a.test", backend.url)
    with make_box(tmp_path, server, workers=2) as box, box.connect() as client:
        assert box.get(host="a.test").startswith(OK)
        assert box.get(host="b.test").startswith(b"HTTP/1.1 404")
        for number in range(5):
            host = f"b{number}.test"
            server.set_frontend(host, backend.url)
            wait_until(lambda host=host: box.get(host=host).startswith(OK), "the change")  # type: ignore[misc]
            client.sendall(b"HEAD / HTTP/1.1\r\nHost: %b\r\n\r\n" % host.encode())
            assert read_head(client).startswith(OK)
        server.ask("DEL", "frontend:a.test")
        wait_until(lambda: b" 404 " in box.get(host="a.test"), "the removal")
        assert store(box)["changes_by"] == "tracking"
        shown = describe(fetch_status(str(box.socket)))
        assert "  sites from   redis, changes by tracking\n" in shown


def test_traffic_goes_on_without_redis_also_after_deaths_and_a_cold_start(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend
) -> None:
    server.set_frontend("a.test", backend.url)
    box = make_box(tmp_path, server)
    with box:
        assert box.get(host="a.test").startswith(OK)
        server.stop()
        wait_until(lambda: "refused" in str(store(box)["error"]), "trouble in the status")
        assert store(box)["ok"] is False
        last_good = tmp_path / LAST_GOOD
        wait_until(lambda: last_good.exists() and "a.test" in last_good.read_text(), "the disk")
        for pid in box.children():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: box.get(host="a.test").startswith(OK), "their successors")
        assert box.get(host="a.test").startswith(OK)
    with box:
        assert box.get(host="a.test").startswith(OK)
        server.start()
        server.set_frontend("a.test", "http://127.0.0.1:1")
        wait_until(lambda: b" 502 " in box.get(host="a.test"), "the change of its return")
        assert store(box)["ok"]


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_redis_is_reached_over_the_network_with_a_password_and_with_tls(
    tmp_path: Path, backend: ScriptedBackend, scheme: str
) -> None:
    authority = Authority(tmp_path / "ca")
    certificate, key = map(str, authority.issue("localhost"))
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    files = ("--tls-cert-file", certificate, "--tls-key-file", key)
    tls = (*files, "--tls-ca-cert-file", str(authority.ca), "--tls-auth-clients", "no")
    option = {"redis": "--port", "rediss": "--tls-port"}[scheme]
    with RedisServer(tmp_path, option, str(port), *tls) as server:
        server.ask("ACL", "SETUSER", "lab", "on", ">word", "~lab:*", "&*", "+@all")
        server.set_frontend("a.test", backend.url, prefix="lab:")
        more = f"?ssl_ca_certs={authority.ca}" if scheme == "rediss" else ""
        url = f"{scheme}://lab:word@localhost:{port}/0{more}#lab:"
        with make_box(tmp_path, server, url=url) as box:
            assert box.get(host="a.test").startswith(OK)
            server.set_frontend("b.test", backend.url, prefix="lab:")
            wait_until(lambda: box.get(host="b.test").startswith(OK), "the change")
            assert store(box)["changes_by"] == "tracking"
            assert "word" not in box.errors.read_text()


PHOTOS = "photos.home.arpa"
Trouble = Callable[[RedisServer], AbstractContextManager[None]]


@contextlib.contextmanager
def hanging(server: RedisServer) -> Iterator[None]:
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    yield
    server.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def asking_for_a_password(server: RedisServer) -> Iterator[None]:
    server.ask("CONFIG", "SET", "requirepass", "word")
    for kind in ("normal", "pubsub"):
        server.ask("CLIENT", "KILL", "TYPE", kind)
    yield
    server.ask("CONFIG", "SET", "requirepass", "")


@contextlib.contextmanager
def killed(server: RedisServer) -> Iterator[None]:
    server.ask("SAVE")
    server.stop()
    yield
    server.start()


@contextlib.contextmanager
def replaced(server: RedisServer) -> Iterator[None]:
    """By something that talks of other things."""
    server.ask("SAVE")
    server.stop()
    with impostor(b"HTTP/1.1 400 Bad Request\r\n\r\n", server.path):
        yield
    server.start()


@contextlib.contextmanager
def full_of_rubbish(server: RedisServer) -> Iterator[None]:
    large = b"x" * 10_000_000
    server.ask("SET", f"gatelight:site:{PHOTOS}", large)
    server.ask("RPUSH", f"frontend:{PHOTOS}", large, b"http://\xff")
    server.ask("SET", f"hostnames:{PHOTOS}:backends", "x")
    yield
    server.ask("DEL", f"gatelight:site:{PHOTOS}", f"hostnames:{PHOTOS}:backends")
    server.ask("RPOP", f"frontend:{PHOTOS}", 2)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (hanging, "no answer in time"),
        (asking_for_a_password, "a password is needed"),
        (killed, "connection refused"),
        (replaced, "the answer is not one that Redis gives"),
        (full_of_rubbish, "more than 65536 bytes"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_no_request_is_lost_while_redis_is_in_trouble_nor_when_it_returns(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend, trouble: Trouble, words: str
) -> None:
    server.set_frontend(PHOTOS, backend.url)
    with make_box(tmp_path, server, workers=2) as box, Load(box.port, clients=4) as load:
        assert store(box)["ok"]
        with trouble(server):
            wait_until(lambda: words in str(store(box)["error"]), "words in the status")
            told = wait_until(lambda: alert(box), "an alert")
            assert words in told["text"]
            assert told["since"] == store(box)["since"]
            said = describe(fetch_status(str(box.socket)))
            assert re.search(rf"FAULTY: .*{words}(.|\n)* since {told['since']}", said)
            load.go_on(50)
        wait_until(lambda: store(box)["ok"], "the return")
        wait_until(lambda: alert(box) is None, "the end of the alert")
        load.go_on(50)
        server.set_frontend("b.test", backend.url)
        wait_until(lambda: box.get(host="b.test").startswith(OK), "a change after it")
    assert load.failed == 0
    assert words in box.errors.read_text()


def test_a_backend_marked_as_dead_gets_no_requests_for_that_host(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend
) -> None:
    with ScriptedBackend() as other:
        server.set_frontend("*.w.test", backend.url, other.url)
        with make_box(tmp_path, server) as box:

            def served_by_both(host: str) -> bool:
                before = len(backend.heads), len(other.heads)
                for _ in range(4):
                    assert box.get(host=host).startswith(OK)
                return len(backend.heads) > before[0] and len(other.heads) > before[1]

            assert served_by_both("a.w.test")
            server.ask_all([("SADD", "dead:a.w.test", "0"), ("EXPIRE", "dead:a.w.test", 30)])
            wait_until(lambda: not served_by_both("a.w.test"), "the mark")
            assert served_by_both("b.w.test")
            server.ask("SADD", "dead:a.w.test", "1")
            wait_until(lambda: b" 503 " in box.get(host="a.w.test"), "both marks")
            server.ask("PEXPIRE", "dead:a.w.test", 1)
            wait_until(lambda: OK in box.get(host="a.w.test"), "the end of the marks")
            assert served_by_both("a.w.test")


@pytest.mark.parametrize("failure", ["refused", "502"])
def test_a_backend_that_fails_is_marked_as_dead_as_hipache_does_it(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend, failure: str
) -> None:
    async def fail(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    with ScriptedBackend({"/": fail}) as failing:
        url = failing.url if failure == "502" else "http://127.0.0.1:1"
        server.set_frontend("*.w.test", backend.url, url)
        server.set_frontend("lonely.test", url)
        with server.listen("dead") as messages, make_box(tmp_path, server) as box:
            for _ in range(2):
                box.get(host="a.w.test")
                box.get(host="lonely.test")
            wait_until(lambda: server.ask("SMEMBERS", "dead:a.w.test") == [b"1"], "the mark")
            assert 0 < server.ask("TTL", "dead:a.w.test") <= 30
            assert messages() == b"a.w.test;%b;1;2" % url.encode()
            assert server.ask("KEYS", "dead:*") == [b"dead:a.w.test"]
            wait_until(
                lambda: all(box.get(host="a.w.test").startswith(OK) for _ in range(6)),
                "the mark in the worker",
            )


def look_after(server: RedisServer, message: bytes) -> bool:
    """What hipache-hchecker does with a message of the channel, and again every three seconds."""
    host, url, index, _ = message.decode().split(";")
    address = urlsplit(url)
    try:
        with socket.create_connection((address.hostname, address.port), timeout=3) as sock:
            sock.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
            is_alive = read_head(sock).startswith(b"HTTP/1.1 200")
    except OSError:
        is_alive = False
    if is_alive:
        server.ask("SREM", f"dead:{host}", index)
    else:
        server.ask_all([("SADD", f"dead:{host}", index), ("EXPIRE", f"dead:{host}", 60)])
    return is_alive


def test_a_health_checker_beside_us_hears_of_deaths_and_says_when_they_end(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    server.set_frontend("a.test", backend.url, f"http://127.0.0.1:{port}")
    with server.listen("dead") as messages, make_box(tmp_path, server) as box:
        for _ in range(2):
            assert box.get(host="a.test").startswith(OK)
        message = messages()
        assert message == b"a.test;http://127.0.0.1:%d;1;2" % port
        assert not look_after(server, message)
        assert server.ask("TTL", "dead:a.test") > 30
        with ScriptedBackend(port=port) as back:

            def is_asked() -> bool:
                before = len(back.heads)
                for _ in range(4):
                    assert box.get(host="a.test").startswith(OK)
                return len(back.heads) > before

            wait_until(lambda: not is_asked(), "the mark")
            assert look_after(server, message)
            wait_until(is_asked, "requests to the one that is back")


def test_the_status_shows_who_is_marked_as_dead(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend
) -> None:
    server.set_frontend("a.test", backend.url, "http://127.0.0.1:1")
    with make_box(tmp_path, server) as box:
        server.ask("SADD", "dead:a.test", "1")

        def shown() -> bool:
            (site,) = fetch_status(str(box.socket))["sites"]
            dead = site["backends"][1]
            return dead["state"] == "down" and "marked as dead" in dead["last_error"]

        wait_until(shown, "the mark in the status")
        server.ask("DEL", "dead:a.test")
        wait_until(lambda: not shown(), "its end")


def test_ping_is_answered_as_hipache_does(
    tmp_path: Path, server: RedisServer, backend: ScriptedBackend
) -> None:
    server.set_frontend("*", backend.url)
    with make_box(tmp_path, server) as box:
        for _ in range(2):
            answer = box.get(host="__ping__")
            assert answer.startswith(OK)
            assert answer.endswith(b"\r\n\r\nok")
    with Box(tmp_path, f'[[site]]\nhost = "a.test"\nbackends = "{backend.url}"\n') as box:
        assert box.get(host="__ping__").startswith(b"HTTP/1.1 404")

"""A real box with its sites in a real Redis."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.status_command import fetch_status
from appliance.stores.redis_store import LAST_GOOD
from tests.support.backend import Exchange, ScriptedBackend
from tests.support.box import Box, read_head, wait_until
from tests.support.redis import RedisServer

OK = b"HTTP/1.1 200 OK"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as started:
        yield started


@pytest.fixture
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


def make_box(folder: Path, server: RedisServer, workers: int = 1) -> Box:
    return Box(folder, f'[store]\nurl = "{server.url}"\n', workers=workers)


def store(box: Box) -> dict[str, object]:
    found: dict[str, object] = fetch_status(str(box.socket))["store"]
    return found


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
            for _ in range(6):
                assert box.get(host="a.w.test").startswith(OK)


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

"""A session with Redis: how changes are heard of, and what goes wrong, in words."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from appliance.store_url import parse_store_url
from appliance.stores import redis as module
from appliance.stores.base import StoreError
from appliance.stores.redis import ChangesBy, Link, escape, has_events, is_wrong_type
from tests.support.redis import SERVERS, RedisServer, impostor
from tests.support.secure import Authority

PATIENCE_S = 10.0


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path, server=request.param) as started:
        yield started


def run(url: str, script: Callable[[Link], Awaitable[None]]) -> None:
    """Runs a script in a session."""

    async def inside() -> None:
        link = Link(parse_store_url(url))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await link.open()
                await script(link)
        finally:
            await link.close()

    asyncio.run(inside())


async def next_keys(link: Link) -> list[bytes] | None:
    """The next keys that are heard of."""
    while (keys := await link.hear()) == []:
        pass
    return keys


NO_TRACKING = ("ACL", "SETUSER", "default", "-client|tracking")
NO_CONFIG = ("ACL", "SETUSER", "default", "-config")
EVENTS = ("CONFIG", "SET", "notify-keyspace-events", "Kg$lshx")
WAYS = [
    pytest.param([], ChangesBy.TRACKING, id="no setting needed"),
    pytest.param([EVENTS, NO_TRACKING], ChangesBy.NOTIFICATIONS, id="no tracking"),
    pytest.param([NO_TRACKING], ChangesBy.POLLING, id="no tracking, no notifications"),
    pytest.param([EVENTS, NO_CONFIG, NO_TRACKING], ChangesBy.POLLING, id="no way to know"),
]


@pytest.mark.parametrize(("settings", "way"), WAYS)
def test_the_best_way_to_hear_of_changes_is_found(
    server: RedisServer, settings: list[tuple[str, ...]], way: ChangesBy
) -> None:
    for setting in settings:
        server.ask(*setting)

    async def script(link: Link) -> None:
        assert link.changes_by is way
        server.ask("SET", "p*:session:a", "x")
        server.ask("SET", "frontend:a", "x")
        server.ask("SET", "p*:frontend:a", "x")
        if way is not ChangesBy.POLLING:
            assert await next_keys(link) == [b"p*:frontend:a"]
        assert await link.ask([("GET", "p*:frontend:a")]) == [b"x"]

    run(f"{server.url}?db=0#p*:", script)


def test_an_emptied_database_is_heard_of(server: RedisServer) -> None:
    async def script(link: Link) -> None:
        server.ask("FLUSHDB")
        assert await next_keys(link) is None

    run(server.url, script)


def test_answers_come_in_order_and_errors_in_their_place(server: RedisServer) -> None:
    async def script(link: Link) -> None:
        answers = await link.ask([("SET", "a", "b"), ("LRANGE", "a", 0, 1), ("GET", "a")])
        assert answers[0] == b"OK"
        assert is_wrong_type(answers[1])
        assert answers[2] == b"b"

    run(server.url, script)


def test_the_end_of_the_server_is_noticed_by_both_connections(server: RedisServer) -> None:
    async def script(link: Link) -> None:
        server.stop()
        with pytest.raises(StoreError, match="the server has closed the connection at unix:"):
            await next_keys(link)
        with pytest.raises(StoreError, match="at unix:"):
            await link.ask([("PING",)])

    run(server.url, script)


def test_a_server_that_falls_silent_is_noticed(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_EVERY_S", 0.05)
    monkeypatch.setattr(module, "ANSWER_S", 0.2)

    async def script(link: Link) -> None:
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        with pytest.raises(StoreError, match="no answer in time at unix:"):
            await next_keys(link)

    run(server.url, script)


def refusal(url: str) -> str:
    """Why no session comes about."""

    async def script(link: Link) -> None:
        raise AssertionError("it came about")

    with pytest.raises(StoreError) as caught:
        run(url, script)
    words, _, place = str(caught.value).rpartition(" at ")
    assert place.startswith(("redis://", "rediss://", "unix://"))
    assert "secret" not in place
    return words


def test_who_may_not_come_in_is_told_why(server: RedisServer) -> None:
    server.ask("ACL", "SETUSER", "lab", "on", ">secret", "~*", "+ping", "+client")
    server.ask("CONFIG", "SET", "requirepass", "secret")
    path = server.path
    assert refusal(f"unix://{path}") == "a password is needed (redis://:PASSWORD@HOST)"
    wrong = "the user name or password is wrong"
    assert refusal(f"unix://:secret2@{path}") == wrong
    assert refusal(f"unix://nobody:secret@{path}") == wrong
    assert refusal(f"unix://:secret@{path}?db=99") == "there is no database 99"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the answer is not one that Redis gives"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "the server has closed the connection (does it want TLS"),
        (b"*3\r\n$-5\r\n", "the answer is not one that Redis gives"),
        (b"$999999999999999999999\r\n", "the server has closed the connection"),
        (b"", "the server has closed the connection"),
        (b"-LOADING Redis is loading the dataset\r\n", "Redis is still loading its data"),
        (None, "no answer in time"),
    ],
    ids=["HTTP", "a TLS alert", "a bad length", "a huge length", "nothing", "loading", "silence"],
)
def test_a_server_that_is_no_redis_is_told_in_words(
    answer: bytes | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.2)
    with impostor(answer) as url:
        assert refusal(url).startswith(words)


def test_a_server_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert refusal(f"redis://127.0.0.1:{port}") == "connection refused"
    assert refusal("redis://nowhere.invalid") == "the name of the server cannot be resolved"
    assert refusal(f"unix://{tmp_path}/none.sock") == "no such file or directory"


def test_tls_is_spoken_and_refused_in_words(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("localhost")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    files = ("--tls-cert-file", certificate, "--tls-key-file", key)
    tls = (
        "--tls-port",
        port,
        *files,
        "--tls-ca-cert-file",
        authority.ca,
        "--tls-auth-clients",
        "no",
    )
    with RedisServer(tmp_path, *map(str, tls)) as server:

        async def script(link: Link) -> None:
            server.ask("SET", "frontend:a", "x")
            assert await next_keys(link) == [b"frontend:a"]

        run(f"rediss://localhost:{port}?ssl_ca_certs={authority.ca}", script)
        run(f"rediss://127.0.0.1:{port}?ssl_cert_reqs=none", script)
        assert refusal(f"rediss://localhost:{port}").startswith("TLS refused: ")
        assert "(does it want TLS: rediss://?)" in refusal(f"redis://localhost:{port}")
    with impostor(b"-ERR unknown command\r\n") as url:
        assert refusal(url.replace("redis:", "rediss:")).startswith("TLS refused: ")
    missing = refusal(f"rediss://localhost:{port}?ssl_ca_certs={tmp_path}/none.pem")
    assert missing == "no such file or directory"


@pytest.mark.parametrize(
    ("flags", "enough"),
    [(b"AKE", True), (b"Kg$lshx", True), (b"Kg$lsh", False), (b"AE", False), (b"", False)],
)
def test_notifications_are_enough_or_not(flags: bytes, enough: bool) -> None:
    assert has_events([b"notify-keyspace-events", flags]) is enough


def test_a_pattern_is_escaped() -> None:
    assert escape("lab*[1]?\\^-") == "lab\\*\\[1\\]\\?\\\\\\^\\-"

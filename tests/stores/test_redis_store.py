"""Sites in Redis as control follows them: outages, rubbish, marks, and the disk."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.store_url import parse_store_url
from appliance.stores import redis_store as module
from appliance.stores.last_good import LastGood
from appliance.stores.redis import ChangesBy
from appliance.stores.redis_store import (
    LAST_GOOD,
    LONGEST_PAUSE_S,
    RedisStore,
    choose_pause_s,
    choose_poll_s,
)
from tests.support.redis import SERVERS, RedisServer
from tests.support.sites import RecordedSites

PATIENCE_S = 15.0
B, C, D = "http://b", "http://c", "http://d"


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path, server=request.param) as started:
        yield started


class Following:
    """A store that is followed."""

    def __init__(self, folder: Path, url: str) -> None:
        self.said: list[str] = []
        say = self.said.append
        self.store = RedisStore(parse_store_url(url), folder, say, say, random.Random(1))
        self.sites = RecordedSites()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Waits in small steps for a true value."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.005)

    async def until_in_force(self, **backends: list[str]) -> None:
        """Waits for these sites, written with _ for the dot, and no others."""
        wanted = {host.replace("_", "."): urls for host, urls in backends.items()}
        await self.until(lambda: self.sites.backends == wanted)

    @property
    def error(self) -> str:
        return self.store.state.error or ""


Script = Callable[[Following], Awaitable[None]]


def run(folder: Path, url: str, script: Script) -> Following:
    """Runs a script beside a store that is followed, once it is ready."""
    following = Following(folder, url)

    async def both() -> None:
        duty = asyncio.create_task(following.store.follow(following.sites))
        async with asyncio.timeout(PATIENCE_S):
            await following.store.ready.wait()
        await script(following)
        assert not duty.done()
        duty.cancel()
        await asyncio.gather(duty, return_exceptions=True)

    asyncio.run(both())
    return following


NO_TRACKING = ("ACL", "SETUSER", "default", "-client|tracking")
EVENTS = ("CONFIG", "SET", "notify-keyspace-events", "KEA")


@pytest.mark.parametrize(
    "settings", [[], [EVENTS, NO_TRACKING], [NO_TRACKING]], ids=[way.value for way in ChangesBy]
)
def test_a_host_has_its_site_from_all_its_keys_however_changes_arrive(
    tmp_path: Path,
    server: RedisServer,
    settings: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "POLL_EVERY_S", 0.05)
    monkeypatch.setattr(module, "NOTIFIED_POLL_EVERY_S", 0.2)
    for setting in settings:
        server.ask(*setting)
    server.set_frontend("a.test", C, prefix="lab:")
    server.set_frontend("a.test", D)

    async def script(following: Following) -> None:
        sites = following.sites
        await following.until_in_force(a_test=[C])
        server.ask("SET", "lab:gatelight:site:a.test", '{"sticky": true}')
        await following.until(lambda: sites.sites["a.test"].sticky)
        server.ask("SADD", "lab:hostnames:b.test:backends", "b")
        await following.until_in_force(a_test=[C], b_test=[B, "tcp://b:443"])
        server.ask("SADD", "lab:hostnames:httpDefault:backends", "d")
        await following.until(lambda: sites.backends.get("*") == [D])
        server.ask("DEL", "lab:hostnames:httpDefault:backends", "lab:frontend:a.test")
        await following.until(lambda: "a.test" in following.error)
        assert sites.backends["a.test"] == [C]
        server.ask("DEL", "lab:gatelight:site:a.test")
        await following.until_in_force(b_test=[B, "tcp://b:443"])
        server.ask("PEXPIRE", "lab:hostnames:b.test:backends", "20")
        await following.until_in_force()
        server.set_frontend("a.test", B, prefix="lab:")
        await following.until_in_force(a_test=[B])
        server.ask("FLUSHDB")
        await following.until_in_force()
        assert following.store.state.ok

    run(tmp_path, server.url + "#lab:", script)


def test_an_outage_changes_nothing_and_nothing_flaps_after_it(
    tmp_path: Path, server: RedisServer
) -> None:
    for host in ("a.test", "b.test", "c.test"):
        server.set_frontend(host, B)
    server.ask("SAVE")

    async def script(following: Following) -> None:
        store, sites = following.store, following.sites
        before = sites.changes
        server.stop()
        await following.until(lambda: "connection refused" in following.error)
        lost = store.state
        assert not lost.ok
        assert lost.changes_by is None
        server.start()
        server.set_frontend("b.test", C)
        server.ask("DEL", "frontend:c.test")
        await following.until_in_force(a_test=[B], b_test=[C])
        assert sites.changes == before + 2
        await following.until(lambda: store.state.ok)
        assert store.state.since_s >= lost.since_s

    following = run(tmp_path, server.url, script)
    refused = [line for line in following.said if "connection refused" in line]
    assert len(refused) == 1


def test_a_server_that_has_lost_its_data_takes_no_site_away_until_one_is_written(
    tmp_path: Path, server: RedisServer
) -> None:
    server.set_frontend("a.test", B)

    async def script(following: Following) -> None:
        server.stop()
        await following.until(lambda: not following.store.state.ok)
        server.start()
        await following.until(lambda: "the database is empty" in following.error)
        assert following.sites.backends == {"a.test": [B]}
        server.set_frontend("b.test", C)
        await following.until_in_force(b_test=[C])
        await following.until(lambda: following.store.state.ok)

    run(tmp_path, server.url, script)


def test_a_database_emptied_before_our_eyes_is_meant(tmp_path: Path, server: RedisServer) -> None:
    server.set_frontend("a.test", B)

    async def script(following: Following) -> None:
        await following.until_in_force(a_test=[B])
        server.ask("FLUSHALL")
        await following.until_in_force()
        assert following.store.state.ok

    run(tmp_path, server.url, script)


def test_a_cold_start_without_redis_has_the_last_good_sites(
    tmp_path: Path, server: RedisServer
) -> None:
    server.set_frontend("a.test", B, B, C)
    server.ask("SET", "gatelight:site:a.test", '{"sticky": true}')
    server.set_frontend("gone.test", B)

    async def first(following: Following) -> None:
        server.ask("DEL", "frontend:gone.test")
        server.ask("SET", "gatelight:site:a.test", '{"stiky": true}')
        await following.until(lambda: "gone.test" not in following.sites.backends)
        await following.until(lambda: "stiky" in following.error)

    before = run(tmp_path, server.url, first).sites.sites
    server.ask("SAVE")
    server.stop()

    async def second(following: Following) -> None:
        assert following.sites.sites == before
        assert following.sites.sites["a.test"].sticky
        await following.until(lambda: "connection refused" in following.error)
        changes = following.sites.changes
        server.start()
        await following.until(lambda: "stiky" in following.error)
        assert following.sites.sites == before
        assert following.sites.changes == changes

    run(tmp_path, server.url, second)


def test_what_is_known_already_is_not_written_again(tmp_path: Path, server: RedisServer) -> None:
    server.set_frontend("a.test", B)
    for _ in range(2):

        async def script(following: Following) -> None:
            await following.until(lambda: following.store.state.ok)

        run(tmp_path, server.url, script)
        content = (tmp_path / LAST_GOOD).read_text()
        assert content.count("a.test") == content.count('"host"') * 2 == 2


def test_a_full_disk_is_told_and_holds_up_nothing(
    tmp_path: Path, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LastGood, "write", full)
    monkeypatch.setattr(module, "DISK_LOOK_S", 0.01)
    monkeypatch.setattr(module, "WRITE_EVERY_S", 0.0)
    server.set_frontend("a.test", B)

    async def script(following: Following) -> None:
        await following.until(lambda: len(following.said) > 1)
        server.set_frontend("b.test", B)
        await following.until_in_force(a_test=[B], b_test=[B])
        await following.until(lambda: "No space left on device" in following.error)

    following = run(tmp_path, server.url, script)
    assert sum("cannot be kept on disk" in line for line in following.said) == 1


def test_rubbish_is_named_and_the_rest_applies(tmp_path: Path, server: RedisServer) -> None:
    server.set_frontend("a.test", B)
    server.ask("SET", "frontend:string.test", "x")
    server.ask("RPUSH", "hostnames:list.test:backends", "x")
    server.ask("SET", "tls:a.test", "x")
    server.ask("SET", "gatelight:site:large.test", b"x" * 10_000_000)
    server.ask("RPUSH", "frontend:large2.test", "id", b"x" * 10_000_000)
    server.ask_all(
        [("SADD", "hostnames:many.test:backends", *range(n, n + 9000)) for n in (0, 9000)]
    )
    server.ask("RPUSH", b"frontend:\xff\xfe.test", "id", B)
    server.ask("RPUSH", "frontend:A.test", "id", B)
    server.ask("RPUSH", "frontend:text.test", "id", b"http://\xff")
    named = (
        "frontend:string.test: is not a list",
        "hostnames:list.test:backends: is not a set",
        "gatelight:site:large.test: more than 65536 bytes",
        "frontend:large2.test: backend 0: more than 65536 bytes",
        "hostnames:many.test:backends: more than 1000 backends",
        '"frontend:\\xff\\xfe.test": ',
        '"frontend:A.test": no request leads to it: write "frontend:a.test"',
        "frontend:text.test: backend 0: not UTF-8 text (byte 7)",
    )

    async def script(following: Following) -> None:
        await following.until(lambda: not following.store.state.ok)
        assert following.sites.backends["a.test"] == [B]
        assert following.error.endswith("more")
        keys = ("string.test", "large.test", "large2.test", "text.test", "A.test")
        server.ask("DEL", *(f"frontend:{host}" for host in keys), b"frontend:\xff\xfe.test")
        server.ask("DEL", "gatelight:site:large.test", "tls:a.test")
        server.ask("DEL", "hostnames:list.test:backends", "hostnames:many.test:backends")
        await following.until(lambda: following.store.state.ok)
        assert following.sites.backends == {"a.test": [B]}

    said = run(tmp_path, server.url, script).said
    for start in named:
        assert sum(line.startswith(start) for line in said) == 1, start


def test_who_may_not_read_the_keys_is_told_so(tmp_path: Path, server: RedisServer) -> None:
    server.set_frontend("a.test", B)
    server.ask("ACL", "SETUSER", "default", "-lrange")

    async def script(following: Following) -> None:
        await following.until(lambda: "the keys cannot be read" in following.error)
        assert "permission" in following.error
        server.ask("ACL", "SETUSER", "default", "+lrange")
        await following.until_in_force(a_test=[B])

    run(tmp_path, server.url, script)


def test_dead_marks_count_for_the_host_that_was_asked_for(
    tmp_path: Path, server: RedisServer
) -> None:
    server.set_frontend("a.test", B, C)
    server.set_frontend("*.w.test", B, C, D)
    server.ask("SADD", "dead:a.test", "0")

    async def script(following: Following) -> None:
        dead = following.sites.dead
        await following.until(lambda: dead == {"a.test": {B}})
        server.ask("SADD", "dead:x.w.test", "1", "2")
        await following.until(lambda: dead == {"a.test": {B}, "x.w.test": {C, D}})
        server.set_frontend("*.w.test", B, D)
        await following.until(lambda: dead == {"a.test": {B}, "x.w.test": {D}})
        server.ask("SREM", "dead:a.test", "0")
        await following.until(lambda: dead == {"x.w.test": {D}})
        server.ask("DEL", "dead:x.w.test")
        await following.until(lambda: dead == {})
        assert following.store.state.ok

    run(tmp_path, server.url, script)


def test_dead_marks_end_in_time_also_while_redis_is_away(
    tmp_path: Path, server: RedisServer
) -> None:
    server.set_frontend("a.test", B, C)

    async def script(following: Following) -> None:
        server.ask_all([("SADD", "dead:a.test", "0"), ("PEXPIRE", "dead:a.test", 300)])
        await following.until(lambda: following.sites.dead == {"a.test": {B}})
        server.stop()
        await following.until(lambda: following.sites.dead == {})

    run(tmp_path, server.url, script)


def test_a_mark_that_is_renewed_lasts_longer(tmp_path: Path, server: RedisServer) -> None:
    server.set_frontend("a.test", B, C)
    server.set_frontend("b.test", B, C)

    async def script(following: Following) -> None:
        dead = following.sites.dead
        server.ask_all([("SADD", "dead:a.test", "0"), ("PEXPIRE", "dead:a.test", 150)])
        await following.until(lambda: dead == {"a.test": {B}})
        server.ask("EXPIRE", "dead:a.test", 60)
        server.ask_all([("SADD", "dead:b.test", "0"), ("PEXPIRE", "dead:b.test", 300)])
        await following.until(lambda: dead == {"a.test": {B}, "b.test": {B}})
        await following.until(lambda: "b.test" not in dead)
        assert dead == {"a.test": {B}}

    run(tmp_path, server.url, script)


def test_pauses_grow_up_to_a_bound_and_are_never_the_same_for_all() -> None:
    rng = random.Random(1)
    pauses = [choose_pause_s(failures, rng) for failures in range(200)]
    assert 0.05 <= pauses[0] <= 0.1
    assert all(LONGEST_PAUSE_S / 2 <= pause <= LONGEST_PAUSE_S for pause in pauses[10:])
    assert len(set(pauses)) == len(pauses)


@pytest.mark.parametrize(
    ("changes_by", "took_s", "poll_s"),
    [
        (ChangesBy.TRACKING, 9.0, None),
        (ChangesBy.NOTIFICATIONS, 0.1, 30.0),
        (ChangesBy.POLLING, 0.1, 3.0),
        (ChangesBy.POLLING, 2.0, 20.0),
    ],
)
def test_everything_is_read_again_where_changes_may_be_missed(
    changes_by: ChangesBy, took_s: float, poll_s: float | None
) -> None:
    assert choose_poll_s(changes_by, took_s) == poll_s

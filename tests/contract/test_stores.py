"""What every store promises; one suite for the fake and for the real ones."""

import asyncio
import json
import os
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from appliance.store_url import parse_store_url
from appliance.stores.base import Shelf, Store, Table
from appliance.stores.memory import MemoryStore
from appliance.stores.redis_shelf import RedisShelf
from appliance.stores.redis_store import RedisStore
from appliance.stores.toml_file import TomlFileStore
from appliance.stores.toml_shelf import TomlShelf
from tests.support.redis import SERVERS, RedisServer
from tests.support.sites import RecordedSites

LISTEN = '[listen]\nhttp = ":8080"\n'
PATIENCE_S = 10.0
GOOD, BETTER = ["http://b"], ["http://c", "http://d"]


class Kept(Protocol):
    """A place for sites, with the hand of somebody who changes them there."""

    def open(self) -> Store: ...
    def shelf(self) -> Shelf: ...
    async def put(self, host: str, backends: list[str]) -> None: ...
    async def remove(self, host: str) -> None: ...
    async def spoil(self, host: str) -> None: ...


class KeptInMemory:
    def __init__(self, _: Path) -> None:
        self._tables: dict[str, Table] = {}
        self._opened = MemoryStore(self._tables)

    def open(self) -> MemoryStore:
        self._opened = MemoryStore(self._tables)
        return self._opened

    def shelf(self) -> MemoryStore:
        return self._opened

    async def put(self, host: str, backends: list[str]) -> None:
        await self._opened.put({host: {"backends": backends}})

    async def remove(self, host: str) -> None:
        await self._opened.remove([host])

    async def spoil(self, host: str) -> None:
        await self.put(host, ["rubbish"])


class KeptInFile:
    """As an editor does it: a new file in the place of the old."""

    head = ""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sites.toml"
        self.said: list[str] = []
        self._sites: dict[str, list[str]] = {}
        self.write()

    def open(self) -> TomlFileStore:
        return TomlFileStore(str(self.path), embedded=bool(self.head), say=self.said.append)

    def shelf(self) -> TomlShelf:
        return TomlShelf(str(self.path), embedded=bool(self.head))

    async def put(self, host: str, backends: list[str]) -> None:
        self._sites[host] = backends
        self.write()

    async def remove(self, host: str) -> None:
        self._sites.pop(host, None)
        self.write()

    async def spoil(self, host: str) -> None:
        await self.put(host, ["rubbish"])

    def write(self) -> None:
        fresh = self.path.with_suffix(".new")
        tables = (
            f'[[site]]\nhost = "{host}"\nbackends = {json.dumps(backends)}\n'
            for host, backends in self._sites.items()
        )
        fresh.write_text(self.head + "".join(tables))
        os.replace(fresh, self.path)


class KeptInConfiguration(KeptInFile):
    head = LISTEN


class KeptInRedis:
    """As hipache's own tools do it."""

    program = "redis-server"

    def __init__(self, folder: Path) -> None:
        self.server = RedisServer(folder, server=self.program).start()
        self._folder = folder
        self.said: list[str] = []

    def open(self) -> RedisStore:
        url = parse_store_url(self.server.url)
        return RedisStore(url, self._folder, self.said.append, self.said.append, random.Random(1))

    def shelf(self) -> RedisShelf:
        return RedisShelf(parse_store_url(self.server.url), self.said.append)

    async def put(self, host: str, backends: list[str]) -> None:
        self.server.set_frontend(host, *backends)

    async def remove(self, host: str) -> None:
        self.server.ask("DEL", f"frontend:{host}")

    async def spoil(self, host: str) -> None:
        self.server.set_frontend(host, "rubbish")


class KeptInValkey(KeptInRedis):
    program = "valkey-server"


KINDS: dict[str, Callable[[Path], Kept]] = {
    "memory": KeptInMemory,
    "file": KeptInFile,
    "configuration": KeptInConfiguration,
    "redis-server": KeptInRedis,
    "valkey-server": KeptInValkey,
}
HERE = [kind for kind in KINDS if not kind.endswith("-server") or kind in SERVERS]


@pytest.fixture(params=HERE)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    made = KINDS[request.param](tmp_path)
    yield made
    if isinstance(made, KeptInRedis):
        made.server.stop()


async def until(condition: Callable[[], Any]) -> None:
    """Waits in small steps for a true value."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


def run(kept: Kept, script: Callable[[Store, RecordedSites], Awaitable[None]]) -> None:
    """Runs a script beside a store that is followed."""

    async def both() -> None:
        store, sites = kept.open(), RecordedSites()
        following = asyncio.create_task(store.follow(sites))
        async with asyncio.timeout(PATIENCE_S):
            await store.ready.wait()
        await script(store, sites)
        assert not following.done()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    asyncio.run(both())


def test_an_empty_store_has_no_sites_and_is_well(kept: Kept) -> None:
    async def script(store: Store, sites: RecordedSites) -> None:
        assert sites.backends == {}
        assert store.state.ok
        assert store.state.error is None
        assert store.state.changes_by is not None

    run(kept, script)


def test_what_is_there_at_first_is_in_force(kept: Kept) -> None:
    asyncio.run(kept.put("a.test", GOOD))
    asyncio.run(kept.put("*", BETTER))

    async def script(store: Store, sites: RecordedSites) -> None:
        assert sites.backends == {"a.test": GOOD, "*": BETTER}
        assert all(site.origin for site in sites.sites.values())

    run(kept, script)


def test_every_change_is_followed(kept: Kept) -> None:
    async def script(store: Store, sites: RecordedSites) -> None:
        await kept.put("a.test", GOOD)
        await until(lambda: sites.backends == {"a.test": GOOD})
        await kept.put("b.test", GOOD)
        await until(lambda: sites.backends == {"a.test": GOOD, "b.test": GOOD})
        await kept.put("a.test", BETTER)
        await until(lambda: sites.backends == {"a.test": BETTER, "b.test": GOOD})
        await kept.remove("b.test")
        await until(lambda: sites.backends == {"a.test": BETTER})

    run(kept, script)


def test_a_site_that_was_spoilt_stays_as_it_was_until_it_is_mended(kept: Kept) -> None:
    asyncio.run(kept.put("a.test", GOOD))

    async def script(store: Store, sites: RecordedSites) -> None:
        before = store.state
        await kept.spoil("a.test")
        await until(lambda: not store.state.ok)
        assert "a backend is a URL" in str(store.state.error)
        assert store.state.since_s >= before.since_s
        assert sites.backends == {"a.test": GOOD}
        await kept.put("a.test", BETTER)
        await until(lambda: store.state.ok)
        await until(lambda: sites.backends == {"a.test": BETTER})
        assert store.state.error is None

    run(kept, script)


def test_looking_again_changes_nothing_where_nothing_has_changed(kept: Kept) -> None:
    asyncio.run(kept.put("a.test", GOOD))

    async def script(store: Store, sites: RecordedSites) -> None:
        before = sites.changes, store.state
        store.look()
        await kept.put("b.test", GOOD)
        await until(lambda: "b.test" in sites.backends)
        assert sites.changes == before[0] + 1
        assert store.state == before[1]

    run(kept, script)


def test_a_store_that_is_opened_again_knows_the_same(kept: Kept) -> None:
    asyncio.run(kept.put("a.test", GOOD))
    for _ in range(2):

        async def script(store: Store, sites: RecordedSites) -> None:
            assert sites.backends == {"a.test": GOOD}

        run(kept, script)


FULL: dict[str, Table] = {
    "a.test": {"backends": ["http://b", "https://c:8443"], "weights": [3, 1], "sticky": True},
    "*.b.test": {"backends": "unix:/run/b", "host_header": "backend", "balance": "random"},
}


def test_the_command_s_changes_are_followed_like_any_other(kept: Kept) -> None:
    async def script(store: Store, sites: RecordedSites) -> None:
        shelf = kept.shelf()
        await shelf.put(FULL)
        await until(lambda: sites.sites.keys() == FULL.keys())
        assert sites.sites["a.test"].sticky
        assert [b.weight for b in sites.sites["a.test"].backends] == [3, 1]
        assert await shelf.read() == FULL
        await shelf.put({"a.test": {"backends": GOOD}})
        await until(lambda: sites.backends.get("a.test") == GOOD)
        assert not sites.sites["a.test"].sticky
        await shelf.remove(["*.b.test", "never.there"])
        await until(lambda: sites.backends == {"a.test": GOOD})
        assert await shelf.read() == {"a.test": {"backends": GOOD}}

    run(kept, script)


def test_the_command_finds_one_site_without_reading_all(kept: Kept) -> None:
    async def script(store: Store, sites: RecordedSites) -> None:
        shelf = kept.shelf()
        assert await shelf.read() == {}
        await shelf.put(FULL)
        assert await shelf.read(["a.test", "never.there"]) == {"a.test": FULL["a.test"]}

    run(kept, script)


def test_a_file_that_went_is_a_fault_and_its_sites_stay(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path)
    asyncio.run(kept.put("a.test", GOOD))

    async def script(store: Store, sites: RecordedSites) -> None:
        kept.path.unlink()
        await until(lambda: "cannot be read" in str(store.state.error))
        assert sites.backends == {"a.test": GOOD}
        await kept.put("b.test", GOOD)
        await until(lambda: "b.test" in sites.backends)
        assert store.state.ok

    run(kept, script)


def test_a_line_written_in_place_is_a_change(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path)

    async def script(store: Store, sites: RecordedSites) -> None:
        with kept.path.open("a") as file:
            file.write('[[site]]\nhost = "a.test"\nbackends = "http://b"\n')
        await until(lambda: sites.backends == {"a.test": GOOD})

    run(kept, script)

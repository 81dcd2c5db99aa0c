"""The sites as somebody changes them while the box serves, in whichever store is configured.

The same readers and writers as `gatelight sites`. Files are parsed and edited in a thread: with
thousands of sites that takes a second.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from appliance.admin.exchange import Refusal, digest_of
from appliance.config import ConfigError, Fault, Faults, Settings
from appliance.config_sites import read_site
from appliance.console import say
from appliance.routing.model import Site, canonical_host
from appliance.stores.base import Shelf, StoreError, Table
from appliance.stores.toml_shelf import TomlShelf

# A slow card, or a Redis that does not answer.
STORE_TIMEOUT_S = 20.0
# After a change the store is looked at, at once; it is in force a moment later.
IN_FORCE_WITHIN_S = 3.0
LOOK_EVERY_S = 0.02
MAX_SHOWN_FAULTS = 20
THREADS = 4

T = TypeVar("T")


def open_shelf(settings: Settings) -> Shelf:
    """The store that the settings name."""
    if settings.store_url is not None:
        # Its import takes longer than all the rest of a command.
        from appliance.stores.redis_shelf import RedisShelf

        return RedisShelf(settings.store_url, say)
    file = settings.store_file
    return TomlShelf(file or settings.path, embedded=file is None)


def find_faults(host: str, table: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with a site's table, as the file's reader sees it."""
    return _read(host, table)[1]


def parse_site(host: str, table: Mapping[str, Any]) -> Site:
    """A site from its table. Raises Refusal."""
    site, faults = _read(host, table)
    if site is None:
        raise refuse_faults(faults, host)
    return site


def _read(host: str, table: Mapping[str, Any]) -> tuple[Site | None, list[Fault]]:
    faults = Faults(host, {})
    if "host" in table:
        faults.add(("host",), "stands in the address already")
        return None, faults.found
    site = next(read_site({"host": host, **table}, (), faults), None)
    return site, faults.found


def refuse_faults(faults: Iterable[Fault], where: str) -> Refusal:
    """Settings that cannot be used, with all that is wrong with them."""
    shown = [f"{each.key}: {each.what}" if each.key else each.what for each in faults]
    return Refusal(422, "; ".join(shown[:MAX_SHOWN_FAULTS]), where, "mend that and send it again")


def parse_host(text: str) -> str:
    """A host in its one form. Raises Refusal."""
    try:
        return canonical_host(text)
    except ValueError as error:
        raise Refusal(400, str(error), text, "write a name such as photos.home.arpa") from None


class SitesDesk:
    """Takes one change at a time."""

    def __init__(
        self,
        settings: Settings,
        read_sites: Callable[[], Mapping[str, Site]],
        look: Callable[[], None],
    ) -> None:
        """`look` has the store looked at, at once."""
        self._settings = settings
        self._read_sites = read_sites
        self._look = look
        self._busy = asyncio.Lock()
        # Of its own: a store that hangs keeps nobody from logging in.
        self._threads = ThreadPoolExecutor(THREADS, "sites")

    async def read_all(self) -> dict[str, Table]:
        """Every site's table by host. Raises Refusal."""
        return await self._do(lambda shelf: shelf.read())

    async def read(self, host: str) -> Table | None:
        """A site's table. Raises Refusal."""
        host = parse_host(host)
        return (await self._do(lambda shelf: shelf.read([host]))).get(host)

    async def put(self, host: str, table: Table, seen: str | None = None) -> bool:
        """Adds a site or replaces it; whether it is new. Raises Refusal.

        `seen`: the digest of the table that the change was made to; another by now is not lost.
        """
        host = parse_host(host)
        parse_site(host, table)
        async with self._busy:
            before = await self.read(host)
            if seen is not None and seen != "*" and seen != (digest_of(before) if before else ""):
                what = "the site has been changed by somebody else meanwhile"
                raise Refusal(412, what, host, "look at it anew, and change that")
            if before != table:
                in_force = self._read_sites().get(host)
                await self._do(lambda shelf: shelf.put({host: table}))
                await self._settle(lambda: self._read_sites().get(host) is not in_force)
        return before is None

    async def put_all(self, tables: Mapping[str, Table]) -> None:
        """Adds sites or replaces them by host; nothing is removed. Raises Refusal."""
        for host, table in tables.items():
            parse_site(host, table)
        async with self._busy:
            await self._do(lambda shelf: shelf.put(tables))
            await self._settle(lambda: all(host in self._read_sites() for host in tables))

    async def remove(self, host: str) -> None:
        """Takes a site away. Raises Refusal."""
        host = parse_host(host)
        async with self._busy:
            if await self.read(host) is None:
                raise Refusal(404, "there is no such site", host, "GET /v1/sites lists them")
            await self._do(lambda shelf: shelf.remove([host]))
            await self._settle(lambda: host not in self._read_sites())

    async def _do(self, action: Callable[[Shelf], Coroutine[Any, Any, T]]) -> T:
        def work() -> T:
            return asyncio.run(action(open_shelf(self._settings)))

        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, work)
        except ConfigError as error:
            raise refuse_faults(error.faults, self._settings.path) from None
        except StoreError as error:
            way_out = "make room, or let this user write there; for Redis see that it runs"
            raise Refusal(503, str(error), "the store of the sites", way_out) from None
        except TimeoutError:
            way_out = "see whether its disk or Redis is well, and try again"
            raise Refusal(503, "no answer in time", "the store of the sites", way_out) from None

    async def _settle(self, is_so: Callable[[], bool]) -> None:
        """Waits until a change is in force, but not for ever: the store is written already."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + IN_FORCE_WITHIN_S
        self._look()
        while not is_so() and loop.time() < until_s:
            await asyncio.sleep(LOOK_EVERY_S)

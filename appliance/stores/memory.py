"""Sites in memory: the fake that stands in for a real store in tests."""

import asyncio
from collections.abc import Collection, Iterable, Mapping

from appliance.config import ConfigError, Faults
from appliance.config_sites import read_site
from appliance.stores.base import Sites, StoreState, Table, pick


class MemoryStore:
    """A store and its shelf in one; several may share their `tables`."""

    def __init__(self, tables: dict[str, Table] | None = None) -> None:
        self._tables: dict[str, Table] = {} if tables is None else tables
        self._changed = asyncio.Event()
        self.state = StoreState("memory", True, 0.0, changes_by="watching")
        self.ready = asyncio.Event()

    def look(self) -> None:
        """Everything anew."""
        self._changed.set()

    def hear(self, failed: Iterable[tuple[str, str]]) -> None:
        """Nobody else would look here."""

    async def follow(self, sites: Sites) -> None:
        """Puts every change in force; tables that are faulty change nothing."""
        while True:
            self._changed.clear()
            faults = Faults("memory", {})
            found = [
                site
                for host, table in self._tables.items()
                for site in read_site({"host": host, **table}, (), faults)
            ]
            error = str(ConfigError(tuple(faults.found))) if faults.found else None
            self.state = self.state.turned(error, "watching", 0.0)
            if error is None:
                sites.replace(found)
            self.ready.set()
            await self._changed.wait()

    async def read(self, hosts: Collection[str] | None = None) -> dict[str, Table]:
        """The tables of these sites, or of all, by host."""
        return pick(self._tables, hosts)

    async def put(self, tables: Mapping[str, Table]) -> None:
        """Adds sites or replaces them by host."""
        self._tables.update({host: dict(table) for host, table in tables.items()})
        self._changed.set()

    async def remove(self, hosts: Iterable[str]) -> None:
        """Takes sites away."""
        for host in hosts:
            self._tables.pop(host, None)
        self._changed.set()

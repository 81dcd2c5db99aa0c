"""What control and the command ask of a place where sites are kept."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from appliance.routing.model import Site

Table = dict[str, Any]
"""A site as a [[site]] table, without its host."""


class StoreError(Exception):
    """The store cannot be read or written, in words."""


@dataclass(frozen=True, slots=True)
class StoreState:
    """How a store is doing; `changes_by` says how its changes arrive, None while they do not."""

    kind: str
    ok: bool
    since_s: float
    error: str | None = None
    changes_by: str | None = None

    def turned(self, error: str | None, changes_by: str | None, now_s: float) -> "StoreState":
        """The state with this error or none; it is well, or not, since when that began."""
        since_s = self.since_s if self.ok == (error is None) else now_s
        return StoreState(self.kind, error is None, since_s, error, changes_by)


class Sites(Protocol):
    """The sites in force, for a store to change (roster)."""

    @property
    def sites(self) -> Mapping[str, Site]: ...
    def replace(self, sites: Iterable[Site]) -> None: ...
    def change(self, sites: Iterable[Site], removed: Iterable[str] = ()) -> None: ...
    def mark(self, host: str, dead: frozenset[str]) -> None: ...


class Store(Protocol):
    """A place where sites come from, as control follows it."""

    state: StoreState
    ready: asyncio.Event
    """Set when what it knew has been put in force once, or is known not to be had for now."""

    async def follow(self, sites: Sites) -> None:
        """Puts every change in force, for ever. What is faulty is said once and in `state`."""

    def look(self) -> None:
        """Somebody asked to look at everything anew."""

    def hear(self, failed: Iterable[tuple[str, str]]) -> None:
        """Hosts that were asked for, and the URL of a backend that has failed them."""


class Shelf(Protocol):
    """The same place as the command works on it."""

    async def read(self, hosts: Collection[str] | None = None) -> dict[str, Table]:
        """The tables of these sites, or of all, by host.

        Raises StoreError, or ConfigError for a faulty file.
        """

    async def put(self, tables: Mapping[str, Table]) -> None:
        """Adds sites or replaces them by host; the tables are known to be good."""

    async def remove(self, hosts: Iterable[str]) -> None:
        """Takes sites away; those that are not there do not matter."""


def pick(tables: Mapping[str, Table], hosts: Iterable[str] | None) -> dict[str, Table]:
    """A copy of the tables of these hosts, or of all."""
    wanted = tables.keys() if hosts is None else hosts
    return {host: dict(tables[host]) for host in wanted if host in tables}

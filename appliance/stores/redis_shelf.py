"""Sites in Redis, as the command works on them: read whole, written one key a site.

What is written goes to our own key, gatelight:site:<host>; what others have written there stays
theirs, and shows through where our key says nothing.
"""

import json
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from appliance.store_url import StoreUrl
from appliance.stores.base import StoreError, Table
from appliance.stores.host_values import kinds_of, read_hosts, scan
from appliance.stores.keys import MAX_VALUE_BYTES, Kind, Value, Values, parse_key
from appliance.stores.redis import Command, Link
from appliance.stores.schemas import (
    lend_certificate,
    read_certificate,
    read_values,
    wild_parent,
)

# Commands sent at once: some 100 KB either way.
COMMANDS_AT_ONCE = 500
# What goes when a site is removed. Certificates stay: who keeps them there renews them too.
REMOVED = (Kind.OWN, Kind.FRONTEND, Kind.HOSTNAMES, Kind.DEAD)


class RedisShelf:
    """Each call is a session of its own. `complain` hears of what cannot be read."""

    def __init__(self, url: StoreUrl, complain: Callable[[str], None]) -> None:
        self._url = url
        self._complain = complain

    async def read(self, hosts: Collection[str] | None = None) -> dict[str, Table]:
        """The tables of these sites, or of all, in the order of the hosts. Raises StoreError."""
        tables: dict[str, Table] = {}
        async with self._open() as link:
            wanted = None if hosts is None else {host: kinds_of(host) for host in hosts}
            kinds = await self._find(link) if wanted is None else _with_lenders(wanted)
            async for host, values in self._read(link, kinds):
                if wanted is not None and host not in wanted:
                    continue
                reading = read_values(host, values)
                for key, what in reading.faults:
                    self._complain(f"{key}: {what}: left out")
                if reading.table is not None:
                    tables[host] = reading.table
        return tables

    async def _read(
        self, link: Link, kinds: Mapping[str, Iterable[Kind]]
    ) -> AsyncIterator[tuple[str, Values]]:
        """What hosts' keys hold, with the certificates that wildcards lend."""
        wild: dict[str, Value] = {}
        # Wildcards come first, and lend to those that follow.
        hosts = sorted(kinds)
        for start in range(0, len(hosts), COMMANDS_AT_ONCE):
            some = {host: kinds[host] for host in hosts[start : start + COMMANDS_AT_ONCE]}
            for host, found in (await read_hosts(link, self._url.prefix, some)).items():
                wild[host] = found.values.get(Kind.TLS)
                yield host, lend_certificate(host, found.values, wild)

    async def _find(self, link: Link) -> Mapping[str, Iterable[Kind]]:
        kinds: dict[str, set[Kind]] = {}
        async for keys in scan(link, self._url.prefix):
            for key in keys:
                try:
                    parsed = parse_key(key)
                except ValueError:
                    continue
                if parsed is not None and parsed[0] is not Kind.DEAD:
                    kinds.setdefault(parsed[1], set()).add(parsed[0])
        return kinds

    async def put(self, tables: Mapping[str, Table]) -> None:
        """Adds sites or replaces them by host; none where one is too large. Raises StoreError.

        A certificate that `tls:` has stays there alone: who keeps it there renews it too.
        """
        certified = {host: (Kind.TLS,) for host, each in tables.items() if "certificate" in each}
        commands: list[Command] = []
        async with self._open() as link:
            found = self._read(link, _with_lenders(certified))
            kept = {host: read_certificate(values) async for host, values in found}
            for host, table in tables.items():
                theirs = kept.get(host, {})
                is_theirs = theirs.items() <= table.items()
                own = {k: v for k, v in table.items() if not is_theirs or k not in theirs}
                value = json.dumps(own, ensure_ascii=False).encode()
                if len(value) > MAX_VALUE_BYTES:
                    what = f"more than {MAX_VALUE_BYTES} bytes, which is the most"
                    raise StoreError(f"{host}: {what}")
                commands.append(("SET", self._key(Kind.OWN, host), value))
            await self._write(link, commands)

    async def remove(self, hosts: Iterable[str]) -> None:
        """Takes sites away, whoever wrote them. Raises StoreError."""
        keys_of = [[self._key(kind, host) for kind in REMOVED] for host in hosts]
        async with self._open() as link:
            await self._write(link, [("DEL", *keys) for keys in keys_of])

    def _key(self, kind: Kind, host: str) -> str:
        return self._url.prefix + kind.key(host)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Link]:
        link = Link(self._url)
        try:
            await link.open()
            yield link
        finally:
            await link.close()

    async def _write(self, link: Link, commands: Sequence[Command]) -> None:
        for start in range(0, len(commands), COMMANDS_AT_ONCE):
            for answer in await link.ask(commands[start : start + COMMANDS_AT_ONCE]):
                if isinstance(answer, Exception):
                    raise StoreError(f"not written ({answer}) at {self._url}")


def _with_lenders(kinds: Mapping[str, Iterable[Kind]]) -> dict[str, Iterable[Kind]]:
    """These keys, and the certificates that may be lent to their hosts."""
    parents = (wild_parent(host) for host in kinds)
    return {**{parent: (Kind.TLS,) for parent in parents if parent is not None}, **kinds}

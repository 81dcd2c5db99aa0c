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
from appliance.stores.keys import MAX_VALUE_BYTES, Kind, Value, parse_key
from appliance.stores.redis import Command, Link
from appliance.stores.schemas import lend_certificate, read_values, wild_parent

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
            kinds = await self._find(link) if hosts is None else _kinds_for(hosts)
            wild: dict[str, Value] = {}
            # Wildcards come first, and lend their certificates to those that follow.
            found_hosts = sorted(kinds)
            for start in range(0, len(found_hosts), COMMANDS_AT_ONCE):
                some = found_hosts[start : start + COMMANDS_AT_ONCE]
                wanted = {host: kinds[host] for host in some}
                for host, found in (await read_hosts(link, self._url.prefix, wanted)).items():
                    wild[host] = found.values.get(Kind.TLS)
                    if hosts is not None and host not in hosts:
                        continue
                    reading = read_values(host, lend_certificate(host, found.values, wild))
                    for key, what in reading.faults:
                        self._complain(f"{key}: {what}: left out")
                    if reading.table is not None:
                        tables[host] = reading.table
        return tables

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
        """Adds sites or replaces them by host; none where one is too large. Raises StoreError."""
        commands: list[Command] = []
        for host, table in tables.items():
            value = json.dumps(table, ensure_ascii=False).encode()
            if len(value) > MAX_VALUE_BYTES:
                raise StoreError(f"{host}: more than {MAX_VALUE_BYTES} bytes, which is the most")
            commands.append(("SET", self._key(Kind.OWN, host), value))
        await self._write(commands)

    async def remove(self, hosts: Iterable[str]) -> None:
        """Takes sites away, whoever wrote them. Raises StoreError."""
        keys_of = [[self._key(kind, host) for kind in REMOVED] for host in hosts]
        await self._write([("DEL", *keys) for keys in keys_of])

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

    async def _write(self, commands: Sequence[Command]) -> None:
        async with self._open() as link:
            for start in range(0, len(commands), COMMANDS_AT_ONCE):
                for answer in await link.ask(commands[start : start + COMMANDS_AT_ONCE]):
                    if isinstance(answer, Exception):
                        raise StoreError(f"not written ({answer}) at {self._url}")


def _kinds_for(hosts: Collection[str]) -> dict[str, Iterable[Kind]]:
    """All keys of these hosts, and the certificates that may be lent to them."""
    parents = (wild_parent(host) for host in hosts)
    lenders = {parent: (Kind.TLS,) for parent in parents if parent is not None}
    return {**lenders, **{host: kinds_of(host) for host in hosts}}

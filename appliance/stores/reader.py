"""From keys in Redis to sites in force: all of them at first, then those that have changed.

A host's keys are read together and come to one site (schemas). A digest tells what they were last
read as, so that reading everything again costs little where nothing has changed.

A database that comes back with nothing at all is how a server looks that has lost its data. Then
the sites stay, until somebody writes one or empties the database before our eyes.
"""

import asyncio
from collections.abc import Iterable, Mapping

from appliance.config import Faults
from appliance.config_sites import read_site
from appliance.routing.model import CertificatePem, Site
from appliance.routing.table import patterns_of
from appliance.stores.base import Sites, Table
from appliance.stores.dead_marks import DeadMarks
from appliance.stores.fault_book import FaultBook
from appliance.stores.host_values import HostValues, digest_of, kinds_of, read_hosts, scan
from appliance.stores.keys import Kind, Value, Values, parse_key, shorten
from appliance.stores.last_good import LastGood, LastSite
from appliance.stores.redis import Link
from appliance.stores.schemas import lend_certificate, read_dead, read_values, wild_parent

# Read in one go: some 10 ms of control's time.
HOSTS_AT_ONCE = 100


class Reader:
    """Keeps what is in force in step with what is in Redis."""

    def __init__(self, prefix: str, sites: Sites, last_good: LastGood, faults: FaultBook) -> None:
        self._prefix = prefix
        self._sites = sites
        self._last_good = last_good
        self._faults = faults
        self._marks = DeadMarks(sites.mark)
        self._digests: dict[str, int] = {}
        self._own: dict[str, Table] = {}
        self._wild: dict[str, Value] = {}
        self._pending: dict[str, None] = {}
        self._bad_keys: dict[bytes, str] = {}
        self._named: set[bytes] = set()
        self.in_doubt = False
        """The database came back empty; the sites stay."""

    async def load(self) -> None:
        """Puts the sites from disk in force, where an earlier control process has left none."""
        is_cold = not self._sites.sites
        batch: list[Site] = []
        for last in self._last_good.load().values():
            if last.own is not None:
                self._own[last.host] = last.own
            if not is_cold:
                continue
            faults = Faults(last.origin, {})
            site = next(read_site({"host": last.host, **last.table}, (), faults), None)
            if site is None:
                continue
            if last.digest is not None:
                self._digests[last.host] = last.digest
            batch.append(site)
            if len(batch) >= HOSTS_AT_ONCE:
                self._sites.change(batch)
                batch = []
                await asyncio.sleep(0)
        self._sites.change(batch)

    def pend(self, keys: Iterable[bytes]) -> None:
        """Keys that have changed: their hosts are to be read."""
        start = self._prefix.encode()
        for key in keys:
            if key.startswith(start):
                parsed = self._parse(key[len(start) :])
                if parsed is not None:
                    self._pending[parsed[1]] = None

    def _parse(self, key: bytes) -> tuple[Kind, str] | None:
        """A key of a host; one that only looks like it is noted."""
        try:
            return parse_key(key)
        except ValueError as error:
            self._bad_keys[key] = str(error)
            return None

    async def _check_bad_keys(self, link: Link) -> None:
        """Names the keys that no host can have, as long as they are there."""
        start = self._prefix.encode()
        keys = list(self._bad_keys)
        answers = await link.ask([("EXISTS", start + key) for key in keys])
        for key, answer in zip(keys, answers, strict=True):
            name = shorten(key)
            what = self._bad_keys.pop(key)
            self._faults.note(name, [(name, what)] if answer == 1 else [])
            (self._named.add if answer == 1 else self._named.discard)(key)

    async def read_pending(self, link: Link) -> None:
        """Reads the hosts that have changed. Raises StoreError; what was not read stays pending."""
        if self._bad_keys:
            await self._check_bad_keys(link)
        while self._pending:
            hosts = list(self._pending)[:HOSTS_AT_ONCE]
            for host in hosts:
                del self._pending[host]
            try:
                await self._read(link, {host: kinds_of(host) for host in hosts})
            except BaseException:
                self._pending = dict.fromkeys([*hosts, *self._pending])
                raise

    async def read_all(self, link: Link, is_return: bool) -> None:
        """Reads the whole database; changes that come meanwhile are not kept waiting.

        `is_return`: the first time after the connection was lost. Raises StoreError.
        """
        kinds: dict[str, set[Kind]] = {}
        for key in self._named:
            self._parse(key)
        async for keys in scan(link, self._prefix):
            for key in keys:
                parsed = self._parse(key)
                if parsed is not None:
                    kinds.setdefault(parsed[1], set()).add(parsed[0])
            await self.read_pending(link)
        is_empty = not any(found - {Kind.DEAD} for found in kinds.values())
        self.in_doubt = is_empty and bool(self._sites.sites) and (is_return or self.in_doubt)
        # Wildcards' certificates first: they are lent to others.
        hosts = sorted(kinds, key=lambda host: Kind.TLS not in kinds[host] or host[0] != "*")
        for start in range(0, len(hosts), HOSTS_AT_ONCE):
            await self._read(link, {h: kinds[h] for h in hosts[start : start + HOSTS_AT_ONCE]})
            await self.read_pending(link)
        # A key that moved while the pages were turned may have been on none of them: ask for it.
        known = {*self._digests, *self._sites.sites, *self._marks.hosts()}
        self._pending |= dict.fromkeys(known - kinds.keys())
        await self.read_pending(link)

    async def _read(self, link: Link, wanted: Mapping[str, Iterable[Kind]]) -> None:
        """Reads hosts and puts in force what has changed of them."""
        found = await read_hosts(link, self._prefix, wanted)
        fresh: list[Site] = []
        gone: list[str] = []
        self._keep_wild(found)
        for host, values in found.items():
            self._take(host, values, fresh, gone)
        self._sites.change(fresh, gone)
        await self._read_marks(link, found)
        # Other duties of the process come in between.
        await asyncio.sleep(0)

    def _keep_wild(self, found: Mapping[str, HostValues]) -> None:
        """Keeps the certificates that wildcards lend; those who may have borrowed are read anew.

        That takes a look at every host, some 30 ms at 100,000, and is rare.
        """
        changed = set()
        for host, values in found.items():
            certificate = values.values.get(Kind.TLS)
            if host.startswith("*.") and self._wild.get(host) != certificate:
                self._wild.pop(host, None)
                if certificate is not None:
                    self._wild[host] = certificate
                changed.add(host)
        if changed:
            borrowers = [host for host in self._digests if wild_parent(host) in changed]
            self._pending |= dict.fromkeys(borrowers)

    def _take(self, host: str, found: HostValues, fresh: list[Site], gone: list[str]) -> None:
        if found.is_empty:
            if not self.in_doubt:
                self._drop(host, gone)
            return
        if self.in_doubt:
            # Somebody writes again: now the database tells what there is.
            self.in_doubt = False
            self._pending |= dict.fromkeys(self._sites.sites)
        lent = lend_certificate(host, found.values, self._wild)
        digest = digest_of(lent)
        if self._digests.get(host) == digest:
            return
        before = self._sites.sites.get(host)
        certificate = before.certificate if before is not None else None
        if not isinstance(certificate, CertificatePem):
            certificate = None
        reading = read_values(host, lent, self._own.get(host), certificate)
        # The same string as everywhere else, not another of its kind.
        self._digests[reading.site.host if reading.site else host] = digest
        self._faults.note(host, reading.faults)
        if reading.own is not None:
            self._own[host] = reading.own
        elif not reading.broken:
            self._own.pop(host, None)
        if reading.site is not None and reading.table is not None:
            fresh.append(reading.site)
            kept_digest = None if reading.faults else digest
            self._last_good.note(
                LastSite(host, reading.table, reading.site.origin, reading.own, kept_digest)
            )
        elif not reading.broken and host in self._sites.sites:
            gone.append(host)
            self._last_good.note_removed(host)

    def _drop(self, host: str, gone: list[str]) -> None:
        """There is no key of this host any more."""
        self._digests.pop(host, None)
        self._own.pop(host, None)
        self._faults.note(host, ())
        if host in self._sites.sites:
            gone.append(host)
            self._last_good.note_removed(host)

    async def _read_marks(self, link: Link, found: Mapping[str, HostValues]) -> None:
        """Puts in force which backends are dead, for these hosts and those their sites serve."""
        for host, values in found.items():
            marks = values.values.get(Kind.DEAD)
            if marks is None:
                self._marks.end(host)
                continue
            site, frontend = await self._frontend_for(link, host, values.values)
            self._marks.begin(host, site, read_dead(frontend, marks), values.dead_ttl_s)
        for site in found:
            for host in self._marks.hosts_under(site) - found.keys():
                self._pending[host] = None

    async def _frontend_for(self, link: Link, host: str, values: Values) -> tuple[str, Value]:
        """The list that a request for `host` is served by, and the host that it is for."""
        if values.get(Kind.FRONTEND) is not None:
            return host, values[Kind.FRONTEND]
        wider = list(patterns_of(host))[1:]
        read = await read_hosts(link, self._prefix, {each: [Kind.FRONTEND] for each in wider})
        for each in wider:
            if read[each].values[Kind.FRONTEND] is not None:
                return each, read[each].values[Kind.FRONTEND]
        return host, None

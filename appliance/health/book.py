"""How every backend stands, kept up to date as things are heard: in control, for the status.

What changes costs the site that it concerns, however many sites there are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from appliance.routing.health import Condition
from appliance.routing.model import Site
from appliance.routing.standing import (
    Evidence,
    Key,
    Knowledge,
    Standing,
    Trouble,
    find_troubles,
    stand,
)


class HealthBook:
    """Standings and troubles by site."""

    def __init__(
        self,
        addresses: Callable[[str], tuple[str, ...] | None],
        conditions: Mapping[Key, Condition],
        dead: Callable[[str], frozenset[str]],
    ) -> None:
        """All of it is looked at anew whenever a backend or a site is said to have changed."""
        self._evidence: dict[Key, Evidence] = {}
        self._knowledge = Knowledge(addresses, conditions, self._evidence, dead)
        self._sites: dict[str, Site] = {}
        self._hosts_of: dict[str, set[str]] = {}
        self._troubles: dict[str, list[Trouble]] = {}
        self.standings: dict[str, tuple[Standing, ...]] = {}

    def put(self, site: Site) -> None:
        """A site is new, or not as it was."""
        before = self._sites.get(site.host)
        if before is not None:
            self._forget(before, {backend.url for backend in site.backends})
        self._sites[site.host] = site
        for backend in site.backends:
            self._hosts_of.setdefault(backend.host, set()).add(site.host)
        self._judge(site.host)

    def remove(self, host: str) -> None:
        """A site is gone."""
        site = self._sites.pop(host, None)
        if site is not None:
            self._forget(site, set())
            self.standings.pop(host, None)
            self._troubles.pop(host, None)

    def _forget(self, site: Site, kept: set[str]) -> None:
        for backend in site.backends:
            hosts = self._hosts_of.get(backend.host, set())
            hosts.discard(site.host)
            if not hosts:
                self._hosts_of.pop(backend.host, None)
            if backend.url not in kept:
                self._evidence.pop((site.host, backend.url), None)

    def hear(self, evidence: Mapping[Key, Evidence]) -> None:
        """What traffic has shown, as a worker says; the latest counts."""
        for key, latest in evidence.items():
            before = self._evidence.get(key)
            if key[0] not in self._sites or (before and before.at_s > latest.at_s):
                continue
            if before is None or before.error != latest.error:
                self._evidence[key] = latest
                self._judge(key[0])

    def on_marked(self, host: str) -> None:
        """Other backends of a site are marked as dead."""
        self._judge(host)

    def on_verdict(self, key: Key) -> None:
        """Checks have come to another verdict."""
        self._judge(key[0])

    def on_passed(self, key: Key) -> None:
        """A check was passed: what traffic met before it is over."""
        evidence = self._evidence.get(key)
        if evidence is not None and evidence.error is not None:
            del self._evidence[key]
            self._judge(key[0])

    def on_addresses(self, name: str) -> None:
        """A name stands for something else now, or for nothing."""
        for host in self._hosts_of.get(name, ()):
            self._judge(host)

    def _judge(self, host: str) -> None:
        site = self._sites.get(host)
        if site is None:
            return
        standings = self.standings[host] = stand(site, self._knowledge)
        troubles = find_troubles(site, standings)
        if troubles:
            self._troubles[host] = troubles
        else:
            self._troubles.pop(host, None)

    def troubled_hosts(self) -> Iterable[str]:
        """The sites that something is wrong with."""
        return self._troubles

    def troubles(self) -> Iterator[Trouble]:
        """Everything that is wrong with sites now."""
        for troubles in self._troubles.values():
            yield from troubles

"""Sites in force, as a store changes them: stands in for the roster."""

from collections.abc import Iterable, Mapping

from appliance.routing.model import Site


class RecordedSites:
    """Keeps the sites, and counts what was changed."""

    def __init__(self) -> None:
        self._sites: dict[str, Site] = {}
        self.dead: dict[str, frozenset[str]] = {}
        self.changes = 0

    @property
    def sites(self) -> Mapping[str, Site]:
        return self._sites

    @property
    def backends(self) -> dict[str, list[str]]:
        """The URLs of each site."""
        return {host: [b.url for b in site.backends] for host, site in self._sites.items()}

    def replace(self, sites: Iterable[Site]) -> None:
        fresh = {site.host: site for site in sites}
        self.change(fresh.values(), self._sites.keys() - fresh.keys())
        self._sites = fresh

    def change(self, sites: Iterable[Site], removed: Iterable[str] = ()) -> None:
        for site in sites:
            self.changes += self._sites.get(site.host) != site
            self._sites[site.host] = site
        for host in removed:
            self.changes += host in self._sites
            self._sites.pop(host, None)

    def mark(self, host: str, dead: frozenset[str]) -> None:
        self.dead.pop(host, None)
        if dead:
            self.dead[host] = dead

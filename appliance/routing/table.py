"""Finds the site for a host name in a time that does not grow with the number of sites (PURE)."""

from collections.abc import Iterable

from appliance.routing.model import MAX_WILDCARD_LABELS, Site


class Table:
    """An immutable set of sites. Of two with the same host the later one counts."""

    __slots__ = ("_by_host", "_has_wildcards", "sites")

    def __init__(self, sites: Iterable[Site]) -> None:
        self._by_host = {site.host: site for site in sites}
        self._has_wildcards = any(host.startswith("*.") for host in self._by_host)
        self.sites = tuple(self._by_host.values())

    def find(self, host: str) -> Site | None:
        """The exact site, else the longest `*.` pattern, else `*`, else None."""
        by_host = self._by_host
        site = by_host.get(host)
        if site is not None:
            return site
        if self._has_wildcards:
            # A client can send any number of labels: what is tried is bounded.
            suffixes = host.split(".")[1:][-MAX_WILDCARD_LABELS:]
            for start in range(len(suffixes)):
                site = by_host.get("*." + ".".join(suffixes[start:]))
                if site is not None:
                    return site
        return by_host.get("*")

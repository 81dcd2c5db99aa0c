"""From a host name to its site, in a time that does not grow with the number of sites (PURE)."""

from collections.abc import Iterable, Mapping

from appliance.routing.model import Site

# As hipache looks names up: a wildcard is tried for the last six labels at most.
MAX_WILDCARD_LABELS = 6


class Table:
    """Sites by host: exact first, then `*.` and the longest suffix, then `*`."""

    __slots__ = ("_by_host",)

    def __init__(self, sites: Iterable[Site]) -> None:
        self._by_host: Mapping[str, Site] = {site.host: site for site in sites}

    @property
    def sites(self) -> Iterable[Site]:
        """Every site, in the order given."""
        return self._by_host.values()

    def find(self, host: str) -> Site | None:
        """The site for a canonical host name."""
        by_host = self._by_host
        site = by_host.get(host)
        if site is not None:
            return site
        labels = host.split(".")[1:][-MAX_WILDCARD_LABELS:]
        while labels:
            site = by_host.get("*." + ".".join(labels))
            if site is not None:
                return site
            del labels[0]
        return by_host.get("*")

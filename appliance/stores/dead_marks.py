"""Backends that hipache, or a health checker beside us, has marked as dead, and until when.

The marks expire in Redis, which need not tell when they do: so the time is kept here.
"""

import asyncio
from collections.abc import Callable

Mark = Callable[[str, frozenset[str]], None]


class DeadMarks:
    """The marks by the host that was asked for; `mark` puts them in force, an empty set ends them.

    A host may be served by a site with a wildcard: the marks then depend on that site's backends.
    """

    def __init__(self, mark: Mark) -> None:
        self._mark = mark
        self._site_of: dict[str, str] = {}
        self._marked: dict[str, set[str]] = {}
        self._ends: dict[str, asyncio.TimerHandle] = {}

    def begin(self, host: str, site: str, dead: frozenset[str], ttl_s: float | None) -> None:
        """These are dead for `host`, which `site` serves; no time: until they are set again."""
        self._drop(host)
        if dead:
            self._site_of[host] = site
            self._marked.setdefault(site, set()).add(host)
            if ttl_s is not None:
                loop = asyncio.get_running_loop()
                self._ends[host] = loop.call_later(ttl_s, self.end, host)
        self._mark(host, dead)

    def end(self, host: str) -> None:
        """Nothing is dead for `host` any more."""
        if host in self._site_of:
            self._drop(host)
            self._mark(host, frozenset())

    def hosts_under(self, site: str) -> set[str]:
        """The hosts whose marks depend on a site's backends."""
        return self._marked.get(site, set())

    def hosts(self) -> list[str]:
        """All that have marks."""
        return list(self._site_of)

    def _drop(self, host: str) -> None:
        site = self._site_of.pop(host, None)
        if site is not None:
            self._marked[site].discard(host)
            if not self._marked[site]:
                del self._marked[site]
        timer = self._ends.pop(host, None)
        if timer is not None:
            timer.cancel()

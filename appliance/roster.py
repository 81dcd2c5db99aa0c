"""The sites in force, as control keeps them: on the board, and their backends' names looked up.

A change costs what has changed and nothing more, however many sites there are.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

from appliance.board import BoardFullError
from appliance.console import say
from appliance.feed import Changed, Routes
from appliance.names import Addresses, Names, Resolve, names_of, resolve
from appliance.routing.model import Site, TlsMode

# A worker takes its messages between requests: one of this size keeps it for some milliseconds.
MAX_CHANGES_A_MESSAGE = 250


class Follower(Protocol):
    """Who else wants to know of changes."""

    def put(self, site: Site) -> None: ...
    def remove(self, host: str) -> None: ...
    def on_addresses(self, name: str) -> None: ...
    def on_marked(self, host: str) -> None: ...


class Roster:
    """Starts with what an earlier control process has left on the board."""

    def __init__(
        self,
        routes: Routes,
        tell: Callable[[Changed], None],
        resolve: Resolve = resolve,
        follower: Follower | None = None,
    ) -> None:
        self._routes = routes
        self._tell = tell
        self._follower = follower
        self.sites, self.addresses, self.dead = routes.adopt()
        self.names = Names(self._place, resolve)
        self.secure: dict[str, Site] = {}
        """Those that end TLS here, and so have a certificate."""
        self._uses: Counter[str] = Counter()
        self._hosts: dict[str, None] = {}
        self._moved: dict[str, None] = {}
        for site in self.sites.values():
            self._follow(site)
        for name in self.addresses.keys() - self._uses.keys():
            self._drop(name)

    def replace(self, sites: Iterable[Site]) -> None:
        """These are all the sites there are, in this order."""
        fresh = {site.host: site for site in sites}
        self.change(fresh.values(), self.sites.keys() - fresh.keys())
        self.sites = {host: self.sites[host] for host in fresh if host in self.sites}

    def change(self, sites: Iterable[Site], removed: Iterable[str] = ()) -> None:
        """Puts sites in force in the place of their forerunners, and takes others away."""
        for site in sites:
            before = self.sites.get(site.host)
            if site != before:
                self._put(site, before)
        for host in removed:
            gone = self.sites.pop(host, None)
            if gone is not None:
                self._routes.remove_site(host)
                self.secure.pop(host, None)
                if self._follower is not None:
                    self._follower.remove(host)
                self._unfollow(gone)
                self._note(self._hosts, host)

    def mark(self, host: str, dead: frozenset[str]) -> None:
        """These backends are not to be asked for requests to `host`; none: all may be again."""
        if self.dead.get(host, frozenset()) != dead:
            try:
                self._routes.put_dead(host, dead)
            except BoardFullError as error:
                say(f"{host}: dead backends stay unmarked: {error}: remove sites")
                return
            self.dead.pop(host, None)
            if dead:
                self.dead[host] = dead
            self._note(self._hosts, host)
            if self._follower is not None:
                self._follower.on_marked(host)

    def _put(self, site: Site, before: Site | None) -> None:
        try:
            self._routes.put_site(site)
        except BoardFullError as error:
            say(f"{site.host} stays as it was: {error}: remove sites")
            return
        self.sites[site.host] = site
        self._follow(site)
        if before is not None:
            self._unfollow(before)
        self._note(self._hosts, site.host)

    def _follow(self, site: Site) -> None:
        self.secure.pop(site.host, None)
        if site.tls is TlsMode.TERMINATE:
            self.secure[site.host] = site
        if self._follower is not None:
            self._follower.put(site)
        for name in names_of(site):
            self._uses[name] += 1
            if self._uses[name] == 1:
                self.names.follow(name, self.addresses.get(name, ()))

    def _unfollow(self, site: Site) -> None:
        for name in names_of(site):
            self._uses[name] -= 1
            if not self._uses[name]:
                del self._uses[name]
                self.names.forget(name)
                self._drop(name)

    def _drop(self, name: str) -> None:
        self.addresses.pop(name, None)
        self._routes.remove_addresses(name)

    def _place(self, name: str, addresses: Addresses) -> None:
        """A name has been looked up."""
        if self.addresses.get(name) == addresses:
            return
        try:
            self._routes.put_addresses(name, addresses)
        except BoardFullError as error:
            say(f"{name} stays where it was: {error}: remove sites")
            return
        self.addresses[name] = addresses
        if self._follower is not None:
            self._follower.on_addresses(name)
        self._note(self._moved, name)

    def _note(self, notes: dict[str, None], what: str) -> None:
        """What changes in one turn of the loop is told together."""
        if not self._hosts and not self._moved:
            asyncio.get_running_loop().call_soon(self._tell_all)
        notes[what] = None

    def _tell_all(self) -> None:
        hosts, names = list(self._hosts), list(self._moved)
        self._hosts, self._moved = {}, {}
        for start in range(0, max(len(hosts), len(names)), MAX_CHANGES_A_MESSAGE):
            end = start + MAX_CHANGES_A_MESSAGE
            self._tell(Changed(tuple(hosts[start:end]), tuple(names[start:end])))

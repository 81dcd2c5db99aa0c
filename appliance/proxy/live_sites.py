"""The sites that a worker has met, made from what is on the board, and kept in step with it."""

import random
import ssl
from collections.abc import Callable, Iterable
from typing import Protocol

from appliance.proxy.live import LiveBackend, LiveSite, NewPool
from appliance.routing.balance import cookie_for, make_balancer
from appliance.routing.health import Condition
from appliance.routing.model import Backend, ProxyProtocol, Scheme, Site, TlsMode, parse_backend
from appliance.routing.standing import Key
from appliance.routing.table import patterns_of

# RFC 6797 6.1: a year, as is usual.
HSTS_LINE = b"Strict-Transport-Security: max-age=31536000\r\n"
# Host values remembered with the site they led to; clients can invent any number of them.
MAX_REMEMBERED_HOSTS = 4096
# Backends beside a site's own that its hooks may ask for.
MAX_ROUTED = 64

NewContext = Callable[[str | None, bool], ssl.SSLContext]


class Routes(Protocol):
    """Every site in force and the addresses of names, where all processes can read them (feed)."""

    def site(self, host: str) -> Site | None: ...
    def addresses(self, name: str) -> tuple[str, ...] | None: ...
    def dead(self, host: str) -> frozenset[str]: ...
    def condition(self, key: Key) -> Condition: ...


class LiveSites:
    """Each site is made when it is first asked for.

    A change makes the sites anew that it concerns, and keeps what did not change of them.
    """

    def __init__(
        self,
        routes: Routes,
        new_pool: NewPool,
        new_context: NewContext,
        rng: random.Random,
        clock: Callable[[], float],
    ) -> None:
        self._routes = routes
        self.new_pool = new_pool
        self._new_context = new_context
        self._rng = rng
        self._clock = clock
        self._by_host: dict[str, LiveSite] = {}
        self._hosts_of: dict[str, set[str]] = {}
        """The sites that a backend's name is used in."""
        self.restless: set[LiveSite] = set()
        """Sites with a backend that is avoided or eased in."""
        self.remembered: dict[object, LiveSite] = {}
        """By a name, and by what requests bring: the value of Host, and over TLS the connection's
        front."""

    def find(self, name: str, cells_of: Callable[[str], memoryview]) -> LiveSite | None:
        """The site for a host name."""
        live = self._find(name, cells_of)
        dead = self._routes.dead(name) if live is not None else None
        return self._without(live, dead) if live is not None and dead else live

    def remember(self, key: object, live: LiveSite) -> None:
        """Finds the site at once when the same is asked for again, until sites change."""
        if len(self.remembered) >= MAX_REMEMBERED_HOSTS:
            self.remembered.clear()
        self.remembered[key] = live

    def _find(self, name: str, cells_of: Callable[[str], memoryview]) -> LiveSite | None:
        for pattern in patterns_of(name):
            live = self._by_host.get(pattern)
            if live is not None:
                return live
            site = self._routes.site(pattern)
            if site is not None:
                return self._put(site, (), cells_of(site.host))
        return None

    def _without(self, live: LiveSite, dead: frozenset[str]) -> LiveSite:
        """A site as one host sees it for which some of its backends are marked as dead."""
        view = self._make_part(live, [b for b in live.backends if b.backend.url not in dead])
        self._split(view, live)
        return view

    def _make_part(self, whole: LiveSite, backends: list[LiveBackend]) -> LiveSite:
        part = self._assemble(whole.site, backends, whole.cells)
        part.base = whole
        return part

    def _split(self, live: LiveSite, whole: LiveSite) -> None:
        """Parts those who get TLS passed through from those who get plain requests."""
        if whole.site.tls is TlsMode.PASSTHROUGH and not whole.site.is_all_carried:
            carried = [b for b in live.backends if b.backend.is_carried]
            plain = [b for b in live.backends if not b.backend.is_carried]
            live.carried = self._make_part(whole, carried)
            live.plain = self._make_part(whole, plain)

    def routed(self, site: LiveSite, url: str) -> LiveBackend:
        """A backend that hooks ask for, one of the site's or any other.

        Raises ValueError where it cannot be used.
        """
        whole = site.base or site
        known = whole.by_url.get(url)
        if known is not None:
            return known
        backend = parse_backend(url)
        if backend.scheme is Scheme.TCP:
            raise ValueError("it carries no requests: write http://")
        for live in whole.backends:
            if live.backend.url == backend.url:
                return live
        if not _is_literal(backend) and not self._routes.addresses(backend.host):
            raise ValueError("no site has a backend of this name: write its address, or add a site")
        if len(whole.by_url) >= MAX_ROUTED:
            raise ValueError(f"more than {MAX_ROUTED} other backends for one site")
        live = whole.by_url[url] = self._make_backend(whole.site, backend)
        if not _is_literal(backend):
            self._hosts_of.setdefault(backend.host, set()).add(whole.site.host)
        return live

    def renew(self, hosts: Iterable[str]) -> list[LiveBackend]:
        """Puts in force what these sites are now; gives back the backends no longer used."""
        gone: list[LiveBackend] = []
        for host in hosts:
            gone += self._renew(host)
        # A new site may be the nearer one for any host that is remembered.
        self.remembered.clear()
        return gone

    def resolve_all(self) -> list[LiveBackend]:
        """The same as resolve for every name."""
        return self.resolve(list(self._hosts_of))

    def renew_all(self) -> list[LiveBackend]:
        """The same for every site."""
        gone = self.renew(list(self._by_host))
        for live in self._by_host.values():
            self._rejudge(live, live.backends)
        return gone

    def _renew(self, host: str) -> list[LiveBackend]:
        old = self._by_host.get(host)
        if old is None:
            return []
        site = self._routes.site(host)
        if site == old.site:
            return []
        if site is None:
            del self._by_host[host]
            kept: list[LiveBackend] = []
        else:
            same_tls = _tls_of(old.site) == _tls_of(site)
            live = self._put(site, old.backends if same_tls else (), old.cells)
            kept = live.backends
        gone = [b for b in (*old.backends, *old.by_url.values()) if b not in kept]
        for name in {b.backend.host for b in gone} - {b.backend.host for b in kept}:
            self._forget(name, host)
        return gone

    def _put(self, site: Site, old: Iterable[LiveBackend], cells: memoryview) -> LiveSite:
        live = self._by_host[site.host] = self._make(site, old, cells)
        for backend in live.backends:
            if not _is_literal(backend.backend):
                self._hosts_of.setdefault(backend.backend.host, set()).add(site.host)
        self._rejudge(live, live.backends)
        return live

    def _make(self, site: Site, old: Iterable[LiveBackend], cells: memoryview) -> LiveSite:
        reusable = {b.backend: b for b in old}
        backends = [reusable.get(b) or self._make_backend(site, b) for b in site.backends]
        live = self._assemble(site, backends, cells)
        self._split(live, live)
        return live

    def _assemble(self, site: Site, backends: list[LiveBackend], cells: memoryview) -> LiveSite:
        balancer = make_balancer(site.balance, self._rng)
        is_introduced = site.proxy_protocol is not ProxyProtocol.OFF
        live = LiveSite(site, site.host.encode(), backends, balancer, cells, is_introduced)
        if len(backends) == 1:
            live.only = backends[0]
        if site.hsts:
            live.hsts_line = HSTS_LINE
        if site.sticky:
            live.by_cookie = {cookie_for(b.backend).encode(): b for b in backends}
        return live

    def _make_backend(self, site: Site, backend: Backend) -> LiveBackend:
        live = LiveBackend(site.host, backend, self.new_pool())
        if backend.scheme is Scheme.HTTPS:
            try:
                live.tls = self._new_context(site.backend_ca, site.backend_verify)
            except OSError:
                # Never in the clear instead: without its CA the backend cannot be asked at all.
                live.broken = True
        if not _is_literal(backend):
            live.addresses = self._routes.addresses(backend.host) or ()
        return live

    def _forget(self, name: str, host: str) -> None:
        hosts = self._hosts_of.get(name)
        if hosts is not None:
            hosts.discard(host)
            if not hosts:
                del self._hosts_of[name]

    def resolve(self, names: Iterable[str]) -> list[LiveBackend]:
        """Takes over what these names stand for now; a backend whose name has none is down.

        Gives back the backends that have left an address.
        """
        moved = []
        for name in names:
            addresses = self._routes.addresses(name) or ()
            for host in self._hosts_of.get(name, ()):
                live = self._by_host[host]
                for backend in (*live.backends, *live.by_url.values()):
                    if backend.backend.host == name:
                        if not set(backend.addresses) <= set(addresses):
                            backend.epoch += 1
                            moved.append(backend)
                        backend.addresses = addresses
                self._settle(live)
        return moved

    def rejudge(self, keys: Iterable[Key]) -> None:
        """Takes over what the checks of these backends have found."""
        for key in keys:
            live = self._by_host.get(key[0])
            if live is not None:
                self._rejudge(live, [b for b in live.backends if b.key == key])

    def _rejudge(self, live: LiveSite, backends: Iterable[LiveBackend]) -> None:
        for backend in backends:
            backend.condition = self._routes.condition(backend.key)
        self._settle(live)

    def _settle(self, live: LiveSite) -> None:
        if live.settle(self._clock()):
            self.restless.add(live)

    def tend(self) -> None:
        """Ends pauses that are over, and gives those who came back more of their share."""
        now_s = self._clock()
        for live in list(self.restless):
            if not live.settle(now_s):
                self.restless.discard(live)

    def backends(self) -> list[LiveBackend]:
        """Every backend that this worker has met."""
        return [
            b for live in self._by_host.values() for b in (*live.backends, *live.by_url.values())
        ]


def _is_literal(backend: Backend) -> bool:
    if backend.scheme is Scheme.UNIX:
        return True
    return ":" in backend.host or backend.host.replace(".", "").isdigit()


def _tls_of(site: Site) -> tuple[str | None, bool]:
    return site.backend_ca, site.backend_verify

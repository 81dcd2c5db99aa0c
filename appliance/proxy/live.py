"""Sites as a worker holds them: the settings, and what changes while it serves."""

import random
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, NamedTuple, Protocol

from appliance.proxy.transport import Engine, Receiver
from appliance.routing.balance import Balancer, Target, cookie_for, make_balancer
from appliance.routing.health import Condition, Suspicion, Verdict, share_of
from appliance.routing.model import Backend, ProxyProtocol, Scheme, Site, parse_backend
from appliance.routing.standing import Key
from appliance.routing.table import patterns_of
from appliance.wire.request import Request

STICKY_COOKIE = b"gatelight"
# RFC 6797 6.1: a year, as is usual.
HSTS_LINE = b"Strict-Transport-Security: max-age=31536000\r\n"
# Host values remembered with the site they led to; clients can invent any number of them.
MAX_REMEMBERED_HOSTS = 4096
# Backends beside a site's own that its hooks may ask for.
MAX_ROUTED = 64


class Pool(Protocol):
    """Kept connections of one backend (see upstream/pool)."""

    def __len__(self) -> int: ...
    def take(self, now_s: float, replayable: bool) -> Any | None: ...
    def put(self, connection: Any, now_s: float) -> Any | None: ...
    def discard(self, connection: Any) -> None: ...
    def take_expired(self, now_s: float) -> list[Any]: ...
    def take_all(self) -> list[Any]: ...


class LiveBackend(Target):
    """A backend with its kept connections and the addresses its name has now."""

    __slots__ = (
        "addresses",
        "back_at_s",
        "broken",
        "condition",
        "epoch",
        "is_proven",
        "is_reachable",
        "key",
        "next_address",
        "pool",
        "retired",
        "suspicion",
        "tls",
        "url",
    )

    def __init__(self, host: str, backend: Backend, pool: Pool) -> None:
        """`host`: of the site that it belongs to."""
        super().__init__(backend=backend, weight=backend.weight)
        self.key: Key = (host, backend.url)
        self.condition = Condition()
        self.suspicion = Suspicion()
        self.is_proven = False
        """It answered last time: nothing to tell or to take back after one more answer."""
        self.is_reachable = True
        """May be asked, also by those who are used to it while it is drained."""
        self.back_at_s: float | None = None
        """Since when it is being eased in."""
        self.url = backend.url.encode()
        self.pool = pool
        self.tls: ssl.SSLContext | None = None
        self.addresses: tuple[str, ...] = (backend.host,)
        self.epoch = 0
        """Goes up when an address is given up: connections from before are not kept."""
        self.next_address = 0
        self.retired = False
        self.broken = False

    @property
    def is_usable(self) -> bool:
        """Nothing but traffic speaks against it."""
        is_down = self.condition.verdict is Verdict.DOWN
        return bool(self.addresses) and not self.broken and not is_down

    def why_not(self) -> str:
        """What keeps it from being asked, in words."""
        condition = self.condition
        if not self.addresses:
            return "is down: its name cannot be resolved."
        if self.broken:
            return "cannot be asked: its CA file cannot be read."
        if condition.verdict is Verdict.DOWN:
            since = datetime.fromtimestamp(condition.since_s or 0.0, UTC)
            return f"is down since {since:%Y-%m-%d %H:%M:%S} UTC: {condition.last_error}."
        return "is being drained." if not self.backend.weight else "is up."

    def ease(self, now_s: float) -> None:
        """Sets the weight of one that may be coming back."""
        share = 1.0 if self.back_at_s is None else share_of(now_s - self.back_at_s)
        self.weight = self.backend.weight * share
        if share >= 1:
            self.back_at_s = None

    def choose_address(self) -> str | None:
        """The next of the name's addresses in turn; None when it has none."""
        if not self.addresses:
            return None
        self.next_address = (self.next_address + 1) % len(self.addresses)
        return self.addresses[self.next_address]

    def connect(
        self,
        engine: Engine,
        preface: bytes,
        receiver: Receiver,
        timeout_s: float,
        done: Callable[[OSError | None], None],
    ) -> None:
        """Opens a connection and sends `preface` first; `done` gets None or what went wrong."""
        backend = self.backend
        if backend.scheme is Scheme.UNIX:
            engine.connect_unix(backend.path, preface, receiver, timeout_s, done)
            return
        address = self.choose_address()
        if address is None:
            done(OSError("its name has no address"))
            return
        name, port = backend.host, backend.port
        engine.connect_tcp(address, port, self.tls, name, preface, receiver, timeout_s, done)


@dataclass(slots=True, eq=False)
class LiveSite:
    """One site in one worker."""

    site: Site
    name: bytes
    backends: list[LiveBackend]
    balancer: Balancer
    is_introduced: bool
    """Its backends are told who the client is by a PROXY header."""
    cells: memoryview | None = None
    by_cookie: dict[bytes, LiveBackend] | None = None
    only: LiveBackend | None = None
    """The one backend of a site that has one: nothing to choose."""
    by_url: dict[str, LiveBackend] = field(default_factory=dict)
    """Backends beside its own that hooks have asked for, as they wrote them."""
    base: "LiveSite | None" = None
    """The whole site, where this is a part of it."""
    hsts_line: bytes = b""
    """What answers over TLS have in addition."""

    def candidates(self, client_ip: bytes) -> Iterator[Any]:
        """Backends in the order in which to ask them."""
        return iter(self.balancer.candidates(self.backends, client_ip.decode()))

    def describe(self, client_ip: bytes) -> list[str]:
        """What keeps each backend from being asked; its address is for the home's own eyes."""
        is_near = ip_address(client_ip.decode()).is_private
        return [
            f"{b.backend.url if is_near else f'Backend {number}'} {b.why_not()}"
            for number, b in enumerate(self.backends, 1)
        ]

    def settle(self, now_s: float) -> bool:
        """Which backends may be asked from now on, and with what part of their weight.

        Those that failed under traffic are avoided, unless no others are left. A backend that comes
        back gets its weight in steps. True: it is to be settled again before long.
        """
        if self.base is not None:
            return self.base.settle(now_s)
        usable = [backend for backend in self.backends if backend.is_usable]
        reachable = [b for b in usable if not b.suspicion.is_active(now_s)] or usable
        for backend in self.backends:
            was_reachable, backend.is_reachable = backend.is_reachable, backend in reachable
            backend.up = backend.is_reachable and backend.backend.weight > 0
            if backend.is_reachable and not was_reachable:
                backend.back_at_s = now_s
            backend.ease(now_s)
        return any(b.back_at_s or b.suspicion.is_active(now_s) for b in self.backends)

    def stuck_to(self, request: Request) -> LiveBackend | None:
        """The backend that the client's cookie asks for, if it is up."""
        cookie = request.fields.named.get(b"cookie", b"")
        if self.by_cookie is None or not cookie:
            return None
        for pair in cookie.split(b";"):
            name, _, value = pair.strip().partition(b"=")
            if name == STICKY_COOKIE:
                chosen = self.by_cookie.get(value)
                return chosen if chosen is not None and chosen.is_reachable else None
        return None

    def cookie_line(self, request: Request, chosen: LiveBackend) -> bytes:
        """The Set-Cookie line that brings a client back to `chosen`; none where it has it."""
        if self.by_cookie is None or self.stuck_to(request) is chosen:
            return b""
        token = cookie_for(chosen.backend).encode()
        return b"Set-Cookie: %b=%b; Path=/; HttpOnly; SameSite=Lax\r\n" % (STICKY_COOKIE, token)


class Front(NamedTuple):
    """What a TLS connection was made for: the site that showed its certificate, and the name in the
    hello, which may be empty."""

    site: LiveSite
    name: bytes


NewPool = Callable[[], Pool]
NewContext = Callable[[str | None, bool], ssl.SSLContext]


class Routes(Protocol):
    """Every site in force and the addresses of names, where all processes can read them (feed)."""

    def site(self, host: str) -> Site | None: ...
    def addresses(self, name: str) -> tuple[str, ...] | None: ...
    def dead(self, host: str) -> frozenset[str]: ...
    def condition(self, key: Key) -> Condition: ...


class LiveSites:
    """The sites that a worker has met: each is made when it is first asked for.

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
        """By what requests bring: the value of Host, and over TLS the connection's front."""

    def find(self, name: str, cells_of: Callable[[str], memoryview]) -> LiveSite | None:
        """The site for a host name."""
        live = self._find(name)
        if live is None:
            return None
        if live.cells is None:
            live.cells = cells_of(live.site.host)
        dead = self._routes.dead(name)
        return self._without(live, dead) if dead else live

    def remember(self, key: object, live: LiveSite) -> None:
        """Finds the site at once when the same is asked for again, until sites change."""
        if len(self.remembered) >= MAX_REMEMBERED_HOSTS:
            self.remembered.clear()
        self.remembered[key] = live

    def _find(self, host: str) -> LiveSite | None:
        for pattern in patterns_of(host):
            live = self._by_host.get(pattern)
            if live is not None:
                return live
            site = self._routes.site(pattern)
            if site is not None:
                return self._put(site, ())
        return None

    def _without(self, live: LiveSite, dead: frozenset[str]) -> LiveSite:
        """A site as one host sees it for which some of its backends are marked as dead."""
        backends = [b for b in live.backends if b.backend.url not in dead]
        view = self._assemble(live.site, backends)
        view.cells, view.base = live.cells, live
        return view

    def routed(self, site: LiveSite, url: str) -> LiveBackend:
        """A backend that hooks ask for, one of the site's or any other.

        Raises ValueError where it cannot be used.
        """
        whole = site.base or site
        known = whole.by_url.get(url)
        if known is not None:
            return known
        backend = parse_backend(url)
        for live in whole.backends:
            if live.backend.url == backend.url:
                return live
        if backend.scheme is Scheme.TCP:
            raise ValueError("it carries no requests: write http://")
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
            live = self._put(site, old.backends if same_tls else ())
            live.cells = old.cells
            kept = live.backends
        gone = [b for b in (*old.backends, *old.by_url.values()) if b not in kept]
        for name in {b.backend.host for b in gone} - {b.backend.host for b in kept}:
            self._forget(name, host)
        return gone

    def _put(self, site: Site, old: Iterable[LiveBackend]) -> LiveSite:
        live = self._by_host[site.host] = self._make(site, old)
        for backend in live.backends:
            if not _is_literal(backend.backend):
                self._hosts_of.setdefault(backend.backend.host, set()).add(site.host)
        self._rejudge(live, live.backends)
        return live

    def _make(self, site: Site, old: Iterable[LiveBackend]) -> LiveSite:
        reusable = {b.backend: b for b in old}
        backends = [reusable.get(b) or self._make_backend(site, b) for b in site.backends]
        return self._assemble(site, backends)

    def _assemble(self, site: Site, backends: list[LiveBackend]) -> LiveSite:
        balancer = make_balancer(site.balance, self._rng)
        is_introduced = site.proxy_protocol is not ProxyProtocol.OFF
        live = LiveSite(site, site.host.encode(), backends, balancer, is_introduced)
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

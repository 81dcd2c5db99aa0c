"""Sites as a worker holds them: the settings, and what changes while it serves."""

import random
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from appliance.proxy.transport import Engine, Receiver
from appliance.routing.balance import Balancer, Target, cookie_for, make_balancer
from appliance.routing.model import Backend, Scheme, Site
from appliance.routing.table import Table
from appliance.wire.request import Request

STICKY_COOKIE = b"gatelight"
# Host values remembered with the site they led to; clients can invent any number of them.
MAX_REMEMBERED_HOSTS = 4096


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

    __slots__ = ("addresses", "broken", "next_address", "pool", "retired", "tls", "url")

    def __init__(self, backend: Backend, pool: Pool, tls: ssl.SSLContext | None) -> None:
        super().__init__(backend=backend, weight=backend.weight)
        self.url = backend.url.encode()
        self.pool = pool
        self.tls = tls
        self.addresses: tuple[str, ...] = (backend.host,)
        self.next_address = 0
        self.retired = False
        self.broken = False

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
    cells: memoryview | None = None
    by_cookie: dict[bytes, LiveBackend] | None = None
    only: LiveBackend | None = None
    """The one backend of a site that has one: nothing to choose."""

    def candidates(self, client_ip: bytes) -> Iterator[Any]:
        """Backends in the order in which to ask them."""
        return iter(self.balancer.candidates(self.backends, client_ip.decode()))

    def stuck_to(self, request: Request) -> LiveBackend | None:
        """The backend that the client's cookie asks for, if it is up."""
        cookie = request.fields.named.get(b"cookie", b"")
        if self.by_cookie is None or not cookie:
            return None
        for pair in cookie.split(b";"):
            name, _, value = pair.strip().partition(b"=")
            if name == STICKY_COOKIE:
                chosen = self.by_cookie.get(value)
                return chosen if chosen is not None and chosen.up else None
        return None

    def cookie_line(self, request: Request, chosen: LiveBackend) -> bytes:
        """The Set-Cookie line that brings a client back to `chosen`; none where it has it."""
        if self.by_cookie is None or self.stuck_to(request) is chosen:
            return b""
        token = cookie_for(chosen.backend).encode()
        return b"Set-Cookie: %b=%b; Path=/; HttpOnly; SameSite=Lax\r\n" % (STICKY_COOKIE, token)


NewPool = Callable[[], Pool]
NewContext = Callable[[str | None, bool], ssl.SSLContext]


class LiveSites:
    """All sites of a worker. A change builds new ones and keeps what did not change."""

    def __init__(self, new_pool: NewPool, new_context: NewContext, rng: random.Random) -> None:
        self.new_pool = new_pool
        self._new_context = new_context
        self._rng = rng
        self._table = Table(())
        self._by_host: dict[str, LiveSite] = {}
        self.remembered: dict[bytes, LiveSite] = {}
        self._addresses: Mapping[str, tuple[str, ...]] = {}

    def find(
        self,
        host: bytes,
        parse_host: Callable[[bytes], str],
        cells_of: Callable[[str], memoryview],
    ) -> LiveSite | None:
        """The site for a Host value, remembered under it. Raises ValueError when malformed."""
        site = self._table.find(parse_host(host) if host else "")
        if site is None:
            return None
        live = self._by_host[site.host]
        if live.cells is None:
            live.cells = cells_of(site.host)
        if len(self.remembered) >= MAX_REMEMBERED_HOSTS:
            self.remembered.clear()
        self.remembered[host] = live
        return live

    def replace(self, sites: Iterable[Site]) -> list[LiveBackend]:
        """Puts `sites` in force; gives back the backends that are no longer used."""
        kept: dict[str, LiveSite] = {}
        table = Table(sites)
        before = self._by_host
        for site in table.sites:
            old = before.get(site.host)
            kept[site.host] = old if old and _same(old.site, site) else self._make(site, old)
        used = {id(b) for live in kept.values() for b in live.backends}
        gone = [b for live in before.values() for b in live.backends if id(b) not in used]
        self._table, self._by_host, self.remembered = table, kept, {}
        return gone

    def _make(self, site: Site, old: LiveSite | None) -> LiveSite:
        reusable = {b.backend: b for b in old.backends} if old and _same_tls(old.site, site) else {}
        backends = [reusable.get(b) or self._make_backend(site, b) for b in site.backends]
        live = LiveSite(site, site.host.encode(), backends, make_balancer(site.balance, self._rng))
        if len(backends) == 1:
            live.only = backends[0]
        if site.sticky:
            live.by_cookie = {cookie_for(b.backend).encode(): b for b in backends}
        return live

    def _make_backend(self, site: Site, backend: Backend) -> LiveBackend:
        live = LiveBackend(backend, self.new_pool(), None)
        if backend.scheme is Scheme.HTTPS:
            try:
                live.tls = self._new_context(site.backend_ca, site.backend_verify)
            except OSError:
                # Never in the clear instead: without its CA the backend cannot be asked at all.
                live.broken = True
        self._place(live)
        return live

    def _place(self, live: LiveBackend) -> None:
        addresses = self._addresses.get(live.backend.host)
        if addresses is not None:
            live.addresses = addresses
        elif not _is_literal(live.backend):
            live.addresses = ()
        live.up = bool(live.addresses) and not live.broken

    def resolve(self, addresses: Mapping[str, tuple[str, ...]]) -> None:
        """Takes over what the backends' names stand for now; a name without any is down."""
        self._addresses = addresses
        for live in self.backends():
            self._place(live)

    def backends(self) -> list[LiveBackend]:
        """Every backend in force."""
        return [b for live in self._by_host.values() for b in live.backends]


def _is_literal(backend: Backend) -> bool:
    if backend.scheme is Scheme.UNIX:
        return True
    return ":" in backend.host or backend.host.replace(".", "").isdigit()


def _same(one: Site, other: Site) -> bool:
    return one == other


def _same_tls(one: Site, other: Site) -> bool:
    return (one.backend_ca, one.backend_verify) == (other.backend_ca, other.backend_verify)

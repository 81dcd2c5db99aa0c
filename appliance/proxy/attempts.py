"""The tries of one request to reach a backend: choose one, get a connection, and if need be again.

The first half of an exchange (exchange.py), up to the moment the request is on its way. What may be
tried again is decided in retry.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

from appliance.hooks import Answer
from appliance.hooks import Request as Asked
from appliance.proxy.backend import BackendConnection
from appliance.proxy.detour import choose_detour
from appliance.proxy.error_pages import (
    BAD_HOST,
    BOX_FULL,
    PING,
    PING_HOST,
    ErrorAnswer,
    backend_failed,
    none_up,
    unknown_site,
)
from appliance.proxy.forwarding import choose_client
from appliance.proxy.live import LiveBackend, LiveSite, Pool
from appliance.proxy.opinions import Hooks, ask_for_route, change_request
from appliance.proxy.own_pools import OwnPools, encode_introduction
from appliance.proxy.request_body import RequestBody
from appliance.proxy.retry import Failure, is_box_at_fault, may_retry, status_of
from appliance.wire.request import IDEMPOTENT, Request

if TYPE_CHECKING:
    from appliance.proxy.client import ClientConnection

# The dialer ends a connection attempt itself; our own limit only stands behind it.
CONNECT_SLACK_S = 1.0


class Attempts(ABC):
    """Made for each request; what most requests never set stays with the class."""

    backend: BackendConnection | None = None
    """The connection this request has borrowed."""
    _chosen: LiveBackend | None = None
    _opening: BackendConnection | None = None
    _candidates: Iterator[Any] | None = None
    _backend_url = b""
    _tried: tuple[LiveBackend, ...] = ()
    _is_squeezed = False
    site: LiveSite | None = None
    asked: Asked | None = None
    """The request as the user's hooks have seen it."""

    def __init__(self, client: "ClientConnection", request: Request) -> None:
        self.client = client
        self.gate = client.gate
        self.request = request
        self.keep_alive = request.fields.keep_alive
        self.client_ip = client.ip
        self.body: RequestBody | None = None
        self._started_s = monotonic()

    @abstractmethod
    def attach(self, site: LiveSite, chosen: LiveBackend, connection: BackendConnection) -> None:
        """Sends the request over a connection that is ready."""

    @abstractmethod
    def refuse(self, answer: ErrorAnswer) -> None:
        """An answer of our own in place of a backend's."""

    @abstractmethod
    def reply(self, answer: Answer) -> None:
        """An answer of the user's hooks in place of a backend's."""

    def begin(self) -> None:
        """Finds the site and its backend, and sends the request there."""
        request, gate = self.request, self.gate
        if request.fields.has_body:
            self.body = RequestBody(request.fields.framing)
        front = self.client.front
        key = request.host if front is None else (front, request.host)
        site = gate.sites.remembered.get(key) or self._find_site(key)
        if site is None:
            return
        self.site = site
        if self.client.peer.trusted:
            named = request.fields.named
            self.client_ip = choose_client(self.client.peer, named, gate.trusted).encode()
        hooks = gate.hooks
        if hooks is not None and hooks.is_on:
            self._consult(hooks, site)
            return
        only = site.only
        self._try(site, only if only is not None and only.up else self._choose_first(site))

    def _consult(self, hooks: Hooks, site: LiveSite) -> None:
        """Lets the user's hooks answer the request, change it, or choose its backend."""
        request, line = self.request, self.request.line
        scheme = self.client.peer.proto.decode()
        asked = Asked(
            *(line.method, line.target, request.host, request.fields.lines),
            *(self.client_ip, scheme, site.site.host),
        )
        self.asked = asked
        reply = hooks.on_request(asked)
        if reply is not None:
            self.reply(reply)
            return
        routed = ask_for_route(hooks, asked, self.gate.sites, site)
        self.request = change_request(request, asked)
        is_good = routed is not None and routed.is_usable
        self._try(site, routed if is_good else self._choose_first(site))

    def _find_site(self, key: object) -> LiveSite | None:
        """The site for a host not seen of late; where it cannot be had here, that is answered."""
        gate, client, request = self.gate, self.client, self.request
        if request.host == PING_HOST and gate.answers_ping:
            self.refuse(PING)
            return None
        try:
            site = gate.find_site(request.host)
        except ValueError:
            self.keep_alive = False
            self.refuse(BAD_HOST)
            return None
        if site is None:
            self.refuse(unknown_site(request.host))
            return None
        detour = choose_detour(request, site.site, client.peer, client.front, gate.https_port)
        if detour is not None:
            self.site = site
            self.refuse(detour)
            return None
        site = site.plain or site
        if client.front is not None or not site.site.redirect_http:
            gate.sites.remember(key, site)
        return site

    def _choose_first(self, site: LiveSite) -> LiveBackend | None:
        """The backend to ask first; those to ask next wait in `_candidates`."""
        if site.by_cookie is not None:
            stuck = site.stuck_to(self.request)
            if stuck is not None:
                return stuck
        own = self.client.own_pools
        if own is not None:
            known = own.known_backend(site, self.client_ip)
            if known is not None:
                return known
        self._candidates = site.candidates(self.client_ip)
        return self._choose_next(site)

    def _choose_next(self, site: LiveSite) -> LiveBackend | None:
        """The backend to ask after one has failed; in the end also one that is avoided."""
        candidates: Iterable[LiveBackend] = self._candidates or ()
        for candidate in candidates:
            if candidate not in self._tried:
                return candidate
        for backend in site.backends:
            if backend.is_usable and backend.backend.weight and backend not in self._tried:
                return backend
        return None

    def _try(self, site: LiveSite, chosen: LiveBackend | None) -> None:
        if chosen is None:
            self.refuse(none_up(site.name, site.describe(self.client_ip)))
            return
        self._choose(chosen)
        replayable = self.body is None and self.request.line.method in IDEMPOTENT
        pool = self._own_pool(chosen) if site.is_introduced else chosen.pool
        connection = pool.take(self.gate.now_s, replayable)
        if connection is not None:
            self.attach(site, chosen, connection)
        else:
            self._open(site, chosen)

    def _own_pool(self, chosen: LiveBackend) -> Pool:
        """Where connections to `chosen` are kept that name a client."""
        client = self.client
        if client.own_pools is None:
            client.own_pools = OwnPools(self.gate.sites.new_pool)
        return client.own_pools.pool(chosen, self.client_ip)

    def _choose(self, chosen: LiveBackend) -> None:
        self._chosen = chosen
        self._backend_url = chosen.url
        chosen.active += 1

    def _open(self, site: LiveSite, chosen: LiveBackend) -> None:
        gate, limits = self.gate, self.gate.limits
        home = self._own_pool(chosen) if site.is_introduced else chosen.pool
        connection = BackendConnection(chosen, home, limits.head_bytes, limits.fields)
        self._opening = connection
        self.client.deadline_s = gate.now_s + limits.backend_connect_s + CONNECT_SLACK_S
        self.client.set_reading()

        def done(error: OSError | None) -> None:
            self._on_opened(connection, error)

        version, ip = site.site.proxy_protocol, self.client_ip.decode()
        preface = encode_introduction(version, self.client.peer, ip)
        chosen.connect(gate.engine, preface, connection, limits.backend_connect_s, done)

    def _on_opened(self, connection: BackendConnection, error: OSError | None) -> None:
        site, chosen = self.site, self._chosen
        if self._opening is not connection or site is None or chosen is None:
            if error is None:
                connection.close()
            return
        self._opening = None
        if error is None:
            self.attach(site, chosen, connection)
            return
        if is_box_at_fault(error):
            self._on_box_at_fault(site, chosen)
            return
        late = isinstance(error, TimeoutError)
        self._on_failed_try(Failure.CONNECT_TIMEOUT if late else Failure.CONNECT, str(error))

    def _on_box_at_fault(self, site: LiveSite, chosen: LiveBackend) -> None:
        """Once more when idle connections have made room; then it is us who cannot."""
        self.gate.let_idle_go()
        self._release()
        if self._is_squeezed:
            self.refuse(BOX_FULL)
            return
        self._is_squeezed = True
        self._choose(chosen)
        self.gate.engine.call_soon(self._open_again)

    def _open_again(self) -> None:
        if self.site is not None and self._chosen is not None:
            self._open(self.site, self._chosen)

    def _on_failed_try(self, failure: Failure, detail: str) -> None:
        site, failed = self.site, self._chosen
        if site is None or failed is None:
            return
        self.gate.tally.backend_failed(site.cells)
        self.gate.trust.on_failed(site, failed, failure, detail, self.request.host)
        self._release()
        self._tried += (failed,)
        method, tries = self.request.line.method, len(self._tried)
        if may_retry(failure, method, tries, self.body is not None):
            if failure is Failure.STALE:
                # Not the backend's fault, only the connection's: the same one, afresh.
                self._choose(failed)
                self._open(site, failed)
                return
            following = self._choose_next(site)
            if following is not None:
                self._try(site, following)
                return
        self.refuse(backend_failed(status_of(failure), site.name, failure.value))

    def _drop_backend(self) -> None:
        connection, self.backend = self.backend, None
        if connection is not None:
            connection.abort()
        self._release()

    def _release(self) -> None:
        chosen, self._chosen = self._chosen, None
        if chosen is not None:
            chosen.active -= 1

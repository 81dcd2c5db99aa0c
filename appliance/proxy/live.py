"""A site and its backends in a worker: the settings, and what changes while it serves."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, NamedTuple, Protocol

from appliance.proxy.transport import Engine, Receiver
from appliance.routing.balance import Balancer, Target, cookie_for
from appliance.routing.health import Condition, Suspicion, Verdict, share_of
from appliance.routing.model import Backend, Scheme, Site
from appliance.routing.standing import Key
from appliance.wire.request import Request

STICKY_COOKIE = b"gatelight"


class Pool(Protocol):
    """Kept connections of one backend (see upstream/pool)."""

    def __len__(self) -> int: ...
    def take(self, now_s: float, replayable: bool) -> Any | None: ...
    def put(self, connection: Any, now_s: float) -> Any | None: ...
    def discard(self, connection: Any) -> None: ...
    def take_expired(self, now_s: float) -> list[Any]: ...
    def take_all(self) -> list[Any]: ...


NewPool = Callable[[], Pool]


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
    cells: memoryview
    """Its counters (telemetry/counters)."""
    is_introduced: bool
    """Its backends are told who the client is by a PROXY header."""
    by_cookie: dict[bytes, LiveBackend] | None = None
    only: LiveBackend | None = None
    """The one backend of a site that has one: nothing to choose."""
    by_url: dict[str, LiveBackend] = field(default_factory=dict)
    """Backends beside its own that hooks have asked for, as they wrote them."""
    base: "LiveSite | None" = None
    """The whole site, where this is a part of it."""
    carried: "LiveSite | None" = None
    """Of a site that passes TLS through and serves plain requests too: those who get the TLS."""
    plain: "LiveSite | None" = None
    """And those who get the requests."""
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
        parts = [part for part in (self.carried, self.plain) if part is not None]
        for part in parts or [self]:
            part._settle_alone(now_s)
        return any(b.back_at_s or b.suspicion.is_active(now_s) for b in self.backends)

    def _settle_alone(self, now_s: float) -> None:
        usable = [backend for backend in self.backends if backend.is_usable]
        reachable = [b for b in usable if not b.suspicion.is_active(now_s)] or usable
        for backend in self.backends:
            was_reachable, backend.is_reachable = backend.is_reachable, backend in reachable
            backend.up = backend.is_reachable and backend.backend.weight > 0
            if backend.is_reachable and not was_reachable:
                backend.back_at_s = now_s
            backend.ease(now_s)

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

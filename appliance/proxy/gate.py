"""What all connections of one worker share."""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from appliance.config import Limits
from appliance.proxy.error_pages import BOX_FULL, CLIENT_FULL, ErrorAnswer
from appliance.proxy.forwarding import Network, Peer
from appliance.proxy.live import LiveSite
from appliance.proxy.live_sites import LiveSites
from appliance.proxy.opinions import Hooks
from appliance.proxy.ready_fields import ReadyFields
from appliance.proxy.transport import Engine, Link
from appliance.proxy.trust import Trust
from appliance.routing.model import parse_host

if TYPE_CHECKING:
    from appliance.proxy.arrival import Arrival
    from appliance.proxy.client import ClientConnection
    from appliance.proxy.tunnel import Tunnel


class Tally(Protocol):
    """The worker's counters, as far as the data path writes them (see telemetry/counters)."""

    def site(self, host: str) -> memoryview: ...
    def answered(
        self, cells: memoryview | None, status: int, bytes_in: int, bytes_out: int, total_us: int
    ) -> None: ...
    def backend_failed(self, cells: memoryview | None) -> None: ...
    def opened(self, ip: str) -> tuple[int, int]: ...
    def closed(self, ip: str) -> None: ...


class Contexts(Protocol):
    """The certificates as TLS needs them (see tls/contexts)."""

    first: ssl.SSLContext

    def find(self, host: str) -> ssl.SSLContext | None: ...


EncodeLine = Callable[
    [bytes, bytes, bytes, int, int, int, tuple[bytes, bytes], bytes, bytes, int, int], bytes
]


@dataclass(slots=True, eq=False)
class LineLog:
    """The access log as the data path uses it; `time_text` is set anew several times a second."""

    encode: EncodeLine
    encode_connection: EncodeLine
    """For a connection that was carried whole: with the bytes both ways."""
    add: Callable[[bytes], None]
    time_text: bytes


@dataclass(slots=True, eq=False)
class Gate:
    """Settings, sites, counters and clock of a worker; `now_s` is coarse, for limits only."""

    limits: Limits
    trusted: Sequence[Network]
    sites: LiveSites
    engine: Engine
    tally: Tally
    log: LineLog | None
    complain: Callable[[str], None]
    """Says what a person should know of; any number of times, so it has a bound of its own."""
    trust: Trust
    now_s: float
    contexts: Contexts
    hooks: Hooks | None = None
    """The user's own Python, where there is some."""
    https_port: int | None = None
    """Where clients find the TLS port, if there is one."""
    answers_ping: bool = False
    """Whether the box stands in hipache's place, so that Host: __ping__ is a question to it."""
    draining: bool = False
    ready: ReadyFields = field(default_factory=ReadyFields)
    clients: set["ClientConnection | Arrival"] = field(default_factory=set)
    tunnels: set["Tunnel | Link"] = field(default_factory=set)

    def find_site(self, host: bytes) -> LiveSite | None:
        """The site for a Host value. Raises ValueError when it is malformed."""
        return self.find_named(parse_host(host) if host else "")

    def find_named(self, name: str) -> LiveSite | None:
        """The site for a name in its canonical form."""
        site = self.sites.remembered.get(name)
        if site is None:
            site = self.sites.find(name, self.tally.site)
            if site is not None:
                self.sites.remember(name, site)
        return site

    def admit(self, peer: Peer) -> ErrorAnswer | None:
        """Counts a client's connection; past a limit, what to tell it."""
        in_all, of_client = self.tally.opened(peer.ip)
        if in_all > self.limits.connections:
            return BOX_FULL
        if of_client > self.limits.connections_per_client and not peer.trusted:
            return CLIENT_FULL
        return None

    def account_connection(
        self,
        site: LiveSite,
        name: bytes,
        client_ip: bytes,
        backend_url: bytes,
        status: int,
        bytes_in: int,
        bytes_out: int,
        total_us: int,
        backend_us: int,
    ) -> None:
        """Counts a connection carried undecrypted and writes its line.

        Its latency is the time until the backend was reached: how long it lasts is up to its ends.
        """
        self.tally.answered(site.cells, status, bytes_in, bytes_out, backend_us)
        if self.log is not None:
            self.log.add(
                self.log.encode_connection(
                    self.log.time_text,
                    client_ip,
                    b"TLS %b" % (name or b"-"),
                    status,
                    bytes_out,
                    bytes_in,
                    (b"", b""),
                    site.name,
                    backend_url,
                    total_us,
                    backend_us,
                )
            )

    def clock(self) -> float:
        """The coarse time in seconds."""
        return self.now_s

    def sweep(self) -> None:
        """Ends what has outlived its limit: connections, idle tunnels, kept backend connections."""
        now_s = self.now_s
        for client in list(self.clients):
            if client.deadline_s < now_s:
                client.on_deadline()
            elif client.half_closed:
                client.check_still_there()
        self.sites.tend()
        oldest_s = now_s - self.limits.tunnel_idle_s
        for tunnel in list(self.tunnels):
            if tunnel.idle_since_s() < oldest_s:
                tunnel.abort()
        for backend in self.sites.backends():
            for connection in backend.pool.take_expired(now_s):
                connection.close()

    def let_idle_go(self) -> None:
        """Ends what waits for nothing in particular: open files have run out."""
        for backend in self.sites.backends():
            for connection in backend.pool.take_all():
                connection.close()
        for client in list(self.clients):
            client.close_if_idle()

    def drain(self) -> None:
        """From now on keep-alive ends with each answer."""
        self.draining = True

    def close_idle(self) -> None:
        """Closes the connections on which nothing is under way."""
        for client in list(self.clients):
            client.close_if_idle()

    def abort_all(self) -> None:
        """Ends every connection at once."""
        for client in list(self.clients):
            client.abort()
        for tunnel in list(self.tunnels):
            tunnel.abort()

"""A TLS connection carried to its backend undecrypted: the key is not here.

The backend gets the bytes as the client sent them, and before them, where the site asks for it, a
PROXY header that says who the client is. A backend that cannot be reached is followed by the next,
as nothing has been sent yet; when there is none the client gets an alert.
"""

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

from appliance.proxy.arrival import Arrival
from appliance.proxy.forwarding import Peer
from appliance.proxy.live import LiveBackend, LiveSite
from appliance.proxy.own_pools import encode_introduction
from appliance.proxy.retry import MAX_TRIES, Failure, status_of
from appliance.proxy.transport import Link
from appliance.wire.client_hello import Alert, ClientHello, encode_alert

if TYPE_CHECKING:
    from appliance.proxy.gate import Gate

# The dialer ends a connection attempt itself; our own limit only stands behind it.
CONNECT_SLACK_S = 1.0
JOINED, NONE_UP = 200, 503


class Passthrough(Arrival):
    """One connection, from its hello to its line in the log."""

    def __init__(
        self, gate: "Gate", peer: Peer, site: LiveSite, hello: ClientHello, early: bytes
    ) -> None:
        """`early`: all that the client has sent so far."""
        super().__init__(gate)
        self._peer = peer
        self._site = site
        self._hello = hello
        self._early = early
        self._candidates: Iterator[LiveBackend] = site.candidates(peer.ip.encode())
        self._chosen: LiveBackend | None = None
        self._backend_url = b""
        self._tries = 0
        self._status = NONE_UP
        self._link: Link | None = None
        self._is_over = False
        self._started_s = monotonic()
        self._joined_s = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # What the client sends meanwhile waits in the kernel.
        transport.pause_reading()
        self._try()

    def connection_lost(self, exc: Exception | None) -> None:
        """Of the client's transport: gone, or given up because its socket has been joined."""
        if self._link is None:
            self._end()

    def _try(self) -> None:
        chosen = next(self._candidates, None) if self._tries < MAX_TRIES else None
        address = chosen.choose_address() if chosen is not None else None
        if chosen is None or address is None:
            self.transport.write(encode_alert(Alert.INTERNAL_ERROR))
            self.transport.close()
            return
        gate = self.gate
        self._tries += 1
        self._chosen = chosen
        self._backend_url = chosen.url
        chosen.active += 1
        limit_s = gate.limits.backend_connect_s
        self.deadline_s = gate.now_s + limit_s + CONNECT_SLACK_S
        version = self._site.site.proxy_protocol
        preface = encode_introduction(version, self._peer, self._peer.ip, self._hello)
        port = chosen.backend.port
        gate.engine.join(
            self.transport, address, port, preface, self._early, limit_s, self._on_joined, self._end
        )

    def _on_joined(self, outcome: Link | OSError) -> None:
        gate = self.gate
        if isinstance(outcome, OSError):
            late = isinstance(outcome, TimeoutError)
            failure = Failure.CONNECT_TIMEOUT if late else Failure.CONNECT
            self._status = status_of(failure)
            gate.tally.backend_failed(self._site.cells)
            if self._chosen is not None:
                name = self._hello.server_name
                gate.trust.on_failed(self._site, self._chosen, failure, str(outcome), name)
            self._release()
            if not self._is_over:
                self._try()
        elif self._is_over:
            self._release()
            outcome.abort()
        else:
            self._link = outcome
            if self._chosen is not None and not self._chosen.is_proven:
                gate.trust.on_answered(self._site, self._chosen)
            self._status = JOINED
            self._joined_s = monotonic()
            self.leave()
            gate.tunnels.add(outcome)

    def _release(self) -> None:
        chosen, self._chosen = self._chosen, None
        if chosen is not None:
            chosen.active -= 1

    def _end(self) -> None:
        """The connection is over, carried or not."""
        if self._is_over:
            return
        self._is_over = True
        self.leave()
        gate, link = self.gate, self._link
        if link is not None:
            gate.tunnels.discard(link)
            self._release()
        gate.tally.closed(self._peer.ip)
        gate.account_connection(
            self._site,
            self._hello.server_name,
            self._peer.ip.encode(),
            self._backend_url,
            self._status,
            link.bytes_in if link is not None else 0,
            link.bytes_out if link is not None else 0,
            int((monotonic() - self._started_s) * 1e6),
            int((self._joined_s - self._started_s) * 1e6) if self._joined_s else 0,
        )

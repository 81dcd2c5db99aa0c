"""A connection in its first moments, before it is known what it wants.

The gate looks after it as after a client's connection: it has a limit in time, and ends soon
when the worker drains.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from appliance.proxy.forwarding import Network, Peer, is_trusted, parse_ip
from appliance.proxy.transport import Transport
from appliance.wire.proxy_header import Endpoint, Ends

if TYPE_CHECKING:
    from appliance.proxy.gate import Gate


# A client connects many times; each address is a few dozen bytes.
_read_ip = lru_cache(maxsize=4096)(parse_ip)


def peer_of(
    transport: Transport, said: Ends | None, proto: bytes, trusted: Sequence[Network]
) -> Peer:
    """Who is at the other end: as a trusted proxy said, else as the socket shows."""
    remote, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    if said is not None and isinstance(said[0], Endpoint) and isinstance(said[1], Endpoint):
        remote, local = (said[0].ip, said[0].port), (said[1].ip, said[1].port)
    ip = (_read_ip(remote[0]) if isinstance(remote, tuple) else None) or "127.0.0.1"
    port = remote[1] if isinstance(remote, tuple) else 0
    local_ip, local_port = local[:2] if isinstance(local, tuple) else ("", 0)
    return Peer(ip, is_trusted(ip, trusted), proto, local_port, port, local_ip)


class Arrival(asyncio.Protocol):
    """What the gate asks of it; `leave` when another object has taken the socket over."""

    half_closed = False

    def __init__(self, gate: "Gate") -> None:
        self.gate = gate
        self.transport: Transport
        self.deadline_s = gate.now_s + gate.limits.head_timeout_s

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.gate.clients.add(self)

    def leave(self) -> None:
        """The gate need not look after it any more."""
        self.gate.clients.discard(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.leave()

    def on_deadline(self) -> None:
        """A limit in time has passed."""
        self.transport.abort()

    def check_still_there(self) -> None:
        """Only a half-closed connection is asked."""

    def close_if_idle(self) -> None:
        """Nothing has been asked yet: ends when the worker drains."""
        self.transport.close()

    def abort(self) -> None:
        """Ends the connection at once."""
        self.transport.abort()

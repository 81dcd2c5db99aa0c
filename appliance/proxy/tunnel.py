"""Two sockets joined: after an upgrade, and for plain TCP.

Bytes go on as they come. Each side's back-pressure stops the other side's reading, an end of stream
is carried over as a half-close, and a broken side breaks the other.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from appliance.proxy.transport import Transport


class Tunnel(asyncio.Protocol):
    """One side of a pair; `pair()` makes both."""

    __slots__ = ("bytes_out", "clock", "ended", "last_used_s", "on_closed", "other", "transport")

    def __init__(
        self,
        transport: Transport,
        clock: Callable[[], float],
        on_closed: Callable[[], None],
    ) -> None:
        self.transport = transport
        self.clock = clock
        self.on_closed: Callable[[], None] | None = on_closed
        self.other: Tunnel
        self.ended = False
        self.bytes_out = 0
        self.last_used_s = clock()

    def connection_made(self, transport: Any) -> None:
        """The socket is open already when a tunnel takes it over."""

    def data_received(self, data: bytes) -> None:
        other = self.other
        other.bytes_out += len(data)
        other.transport.write(data)
        self.last_used_s = self.clock()

    def eof_received(self) -> bool:
        """Carries the half-close over; the socket stays open for the other direction."""
        self.ended = True
        if self.other.ended or not self.other.transport.can_write_eof():
            self._close_both()
            return False
        self.other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        if exc is not None:
            self.other.transport.abort()
        else:
            self.other.transport.close()
        on_closed, self.on_closed = self.on_closed, None
        if on_closed is not None:
            self.other.on_closed = None
            on_closed()

    def _close_both(self) -> None:
        self.transport.close()
        self.other.transport.close()

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def idle_since_s(self) -> float:
        """When a byte last went either way."""
        return max(self.last_used_s, self.other.last_used_s)

    def abort(self) -> None:
        """Ends both sides at once."""
        self.transport.abort()
        self.other.transport.abort()


def pair(
    client: Transport,
    backend: Transport,
    clock: Callable[[], float],
    on_closed: Callable[[], None],
) -> tuple[Tunnel, Tunnel]:
    """Joins two open sockets and takes over their callbacks; `on_closed` is called once."""
    one, two = Tunnel(client, clock, on_closed), Tunnel(backend, clock, on_closed)
    one.other, two.other = two, one
    client.set_protocol(one)
    backend.set_protocol(two)
    return one, two

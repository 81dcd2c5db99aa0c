"""One client's connection: where a request begins, what follows it, and the limits on both.

HEAD -> EXCHANGE -> HEAD, one request at a time; what a client pipelines waits in a bounded buffer.
Callbacks only: no task, no future, no coroutine per request. What happens to a request is in
exchange.py.
"""

import asyncio
import enum
import socket
from typing import TYPE_CHECKING, Any

from appliance.proxy.arrival import peer_of
from appliance.proxy.error_pages import (
    LATE_HEAD,
    ErrorAnswer,
    encode_error,
    refused,
)
from appliance.proxy.exchange import Exchange
from appliance.proxy.forwarding import Peer
from appliance.proxy.live import Front
from appliance.proxy.own_pools import OwnPools
from appliance.proxy.transport import Transport
from appliance.wire.fields import Framing, MalformedHeadError
from appliance.wire.proxy_header import Ends
from appliance.wire.request import (
    Request,
    RequestFields,
    RequestLine,
    check_unfinished_head,
    parse_request,
)

if TYPE_CHECKING:
    from appliance.proxy.gate import Gate

# What a client may send ahead of its turn before we stop reading it.
MAX_WAITING_BYTES = 64 * 1024
# After an answer that ends the connection, unread bytes are taken for this long, so that the answer
# is not lost to a reset (RFC 9112 9.6).
LINGER_S = 5.0
# How much of an unreadable request's first line goes to the log.
MAX_LOGGED_LINE_BYTES = 256

CARRIAGE_RETURN = 0x0D

TCP_CLOSE = 7  # include/net/tcp_states.h

_NOBODY = Peer("", False, b"http", 0)
_NO_FIELDS = RequestFields(
    {}, b"", None, Framing(None, False), b"", False, False, False, False, (b"", b"")
)


def _unreadable_request(line: bytes) -> Request:
    """What stands for a request that could not be read, in the log and in its answer."""
    return Request(RequestLine(line, b"GET", b"", True, None), _NO_FIELDS, b"")


class State(enum.Enum):
    """Where a client's connection stands."""

    HEAD = enum.auto()
    EXCHANGE = enum.auto()
    LINGER = enum.auto()
    TUNNEL = enum.auto()
    CLOSED = enum.auto()


_HEAD, _EXCHANGE, _LINGER = State.HEAD, State.EXCHANGE, State.LINGER
_TUNNEL, _CLOSED = State.TUNNEL, State.CLOSED


class ClientConnection(asyncio.Protocol):
    """The receiver of a client's bytes."""

    __slots__ = (
        "_buffer",
        "_exchange",
        "_head_begun",
        "_said",
        "_state",
        "deadline_s",
        "front",
        "full",
        "gate",
        "half_closed",
        "ip",
        "own_pools",
        "peer",
        "reading_paused",
        "transport",
    )

    def __init__(
        self,
        gate: "Gate",
        said: Ends | None = None,
        peer: Peer | None = None,
        front: Front | None = None,
    ) -> None:
        """`said`: the ends of the connection as a trusted proxy told them.

        `peer`: who it is, where that is known and counted already. `front`: what a TLS connection
        was made for.
        """
        self.gate = gate
        self.transport: Transport
        self.peer = peer or _NOBODY
        self.front = front
        self._said = said
        self.ip = b""
        self.own_pools: OwnPools | None = None
        self.deadline_s = gate.now_s + gate.limits.head_timeout_s
        self.half_closed = False
        self.full = False
        """The client takes no more of an answer for now."""
        self._state = _HEAD
        self._exchange: Exchange | None = None
        self._buffer = b""
        self._head_begun = False
        self.reading_paused = False

    # The socket's callbacks.

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        gate = self.gate
        gate.clients.add(self)
        turned_away = None
        if self.peer is _NOBODY:
            self.peer = peer_of(transport, self._said, b"http", gate.trusted)
            turned_away = gate.admit(self.peer)
        self.ip = self.peer.ip.encode()
        if turned_away is not None:
            self._turn_away(turned_away)

    def _turn_away(self, answer: ErrorAnswer) -> None:
        self.transport.write(encode_error(answer, b"", b"GET", keep_alive=False))
        self._linger()

    def connection_lost(self, exc: Exception | None) -> None:
        state, self._state = self._state, _CLOSED
        if state is _CLOSED:
            return
        self.gate.clients.discard(self)
        self.gate.tally.closed(self.peer.ip)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.on_client_gone()
        if self.own_pools is not None:
            self.own_pools.close_all()

    def eof_received(self) -> bool:
        """A client may end its side once it has asked; the answer still goes out."""
        if self._exchange is not None and self._exchange.wants_body():
            self.transport.abort()
            return False
        if self._state in (_LINGER, _CLOSED) or (self._state is _HEAD and not self._buffer):
            return False
        self.half_closed = True
        return True

    def check_still_there(self) -> None:
        """Tells a half-closed client that waits from one that is gone: its end has been reset."""
        sock = self.transport.get_extra_info("socket")
        if sock is None:
            return
        if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE:
            self.transport.abort()

    def pause_writing(self) -> None:
        self.full = True
        if self._exchange is not None and self._exchange.backend is not None:
            self._exchange.backend.transport.pause_reading()

    def resume_writing(self) -> None:
        self.full = False
        if self._exchange is None:
            self._take_from_buffer()
        elif self._exchange.backend is not None:
            self._exchange.backend.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        state, exchange = self._state, self._exchange
        if state is _HEAD:
            if self._buffer:
                data, self._buffer = self._buffer + data, b""
            if not self.full:
                self._on_head(data)
            else:
                self._buffer = data
                self.set_reading()
        elif exchange is not None:
            if exchange.backend is not None and exchange.wants_body():
                data = exchange.pass_body(data)
            if data:
                self._buffer += data
                self.set_reading()

    # The request.

    def _on_head(self, data: bytes) -> None:
        if data[0] == CARRIAGE_RETURN:
            # RFC 9112 2.2: empty lines before a request line are skipped.
            while data[:2] == b"\r\n":
                data = data[2:]
        head, end, rest = data.partition(b"\r\n\r\n")
        limits = self.gate.limits
        try:
            if not end or len(head) > limits.head_bytes:
                check_unfinished_head(data, limits.head_bytes)
                self._hold_head(data)
                return
            request = parse_request(head, limits.fields)
        except MalformedHeadError as error:
            self.refuse(data, refused(error.status, error.what))
            return
        self._buffer = rest
        self._head_begun = False
        self._state = _EXCHANGE
        exchange = self._exchange = Exchange(self, request)
        exchange.begin()

    def _hold_head(self, data: bytes) -> None:
        self._buffer = data
        if self.half_closed:
            self.transport.close()
        elif data and not self._head_begun:
            self._head_begun = True
            self.deadline_s = self.gate.now_s + self.gate.limits.head_timeout_s

    def refuse(self, data: bytes, answer: ErrorAnswer) -> None:
        """Answers what could not be read as a request, and ends the connection."""
        line = data.split(b"\r\n", 1)[0][:MAX_LOGGED_LINE_BYTES]
        # Kept as unread: the end then waits for what the client still sends.
        self._buffer = data
        self._state = _EXCHANGE
        self._exchange = Exchange(self, _unreadable_request(line))
        self._exchange.refuse(answer)

    # What an exchange asks of its client's connection.

    def set_reading(self) -> None:
        """Reads from the client only while there is somewhere to put what it sends."""
        state, exchange = self._state, self._exchange
        if exchange is not None:
            pause = (
                exchange.backend is None
                or exchange.backend_full
                or len(self._buffer) > MAX_WAITING_BYTES
            )
        else:
            pause = state is _HEAD and self.full
        if pause is self.reading_paused or state is _CLOSED or self.half_closed:
            return
        self.reading_paused = pause
        if pause:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def give_waiting(self) -> None:
        """Hands over what came of the body while there was no backend for it."""
        if self._buffer and self._exchange is not None:
            data, self._buffer = self._buffer, b""
            self._buffer = self._exchange.pass_body(data)

    def on_answered(self, keep: bool, unread: bool) -> None:
        """After an answer: the next request, or the end; `unread`: of the body there is more."""
        keep = keep and not self.gate.draining
        if unread or (not keep and self._buffer):
            self._exchange = None
            self._linger()
        elif not keep or (self.half_closed and not self._buffer):
            self._exchange = None
            self._state = _LINGER
            self.transport.close()
        else:
            self.await_next()

    def await_next(self) -> None:
        """After an answer that leaves the connection as it was."""
        gate = self.gate
        self._exchange = None
        self._state = _HEAD
        self.deadline_s = gate.now_s + gate.limits.idle_timeout_s
        if self.reading_paused:
            self.set_reading()
        if self._buffer:
            gate.engine.call_soon(self._take_from_buffer)

    def on_cut_short(self, reset: bool) -> None:
        """An answer that cannot be completed: no last chunk, too few bytes, or a reset."""
        self._exchange = None
        self._state = _LINGER
        if reset:
            self.transport.abort()
        else:
            self.transport.close()

    def leave_to_tunnel(self) -> bytes:
        """The socket is a tunnel's from here on; gives what was read ahead."""
        self.gate.clients.discard(self)
        self._state = _TUNNEL
        self._exchange = None
        if self.reading_paused:
            self.transport.resume_reading()
        waiting, self._buffer = self._buffer, b""
        return waiting

    def on_tunnel_closed(self) -> None:
        """The tunnel that took the socket over has ended."""
        self._state = _CLOSED
        self.gate.tally.closed(self.peer.ip)

    def abort(self) -> None:
        """Ends the connection at once."""
        self.transport.abort()

    # Between requests.

    def _take_from_buffer(self) -> None:
        if self._state is _HEAD and self._buffer and not self.full:
            data, self._buffer = self._buffer, b""
            self._on_head(data)

    def _linger(self) -> None:
        self._state = _LINGER
        self._buffer = b""
        self.deadline_s = self.gate.now_s + LINGER_S
        if self.half_closed or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.set_reading()

    def close_if_idle(self) -> None:
        """Closes a connection that waits for its next request."""
        if self._state is _HEAD and not self._buffer:
            self.transport.close()

    def on_deadline(self) -> None:
        """A limit in time has passed."""
        if self._exchange is not None:
            self._exchange.on_deadline()
        elif self._state is _HEAD and self._head_begun:
            self.refuse(self._buffer, LATE_HEAD)
        elif self._state is _HEAD:
            # One that does not take its last answer either is cut off the next time.
            self._state = _LINGER
            self.deadline_s = self.gate.now_s + LINGER_S
            self.transport.close()
        else:
            self.transport.abort()

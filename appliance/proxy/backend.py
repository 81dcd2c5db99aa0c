"""One connection to a backend: the answer's half of an exchange.

It reads the answer strictly, passes it on to the exchange that borrowed it, and says at the end
whether it may be kept. Between exchanges it lies in its backend's pool with none.
"""

import asyncio
import enum
from typing import TYPE_CHECKING, Any

from appliance.proxy.live import LiveBackend, Pool
from appliance.proxy.retry import Failure
from appliance.proxy.transport import Transport
from appliance.wire.chunked import ChunkedReader
from appliance.wire.fields import MalformedHeadError
from appliance.wire.response import Response, has_body, parse_response

if TYPE_CHECKING:
    from appliance.proxy.exchange import Exchange

# 103 Early Hints may come a few times, 102 every few seconds; nobody needs this many.
MAX_INTERIM_ANSWERS = 100


class Reading(enum.Enum):
    """What the next bytes from the backend are."""

    NOTHING = enum.auto()
    HEAD = enum.auto()
    LENGTH = enum.auto()
    CHUNKS = enum.auto()
    UNTIL_CLOSE = enum.auto()


_NOTHING, _HEAD, _LENGTH = Reading.NOTHING, Reading.HEAD, Reading.LENGTH
_CHUNKS, _UNTIL_CLOSE = Reading.CHUNKS, Reading.UNTIL_CLOSE


class BackendConnection(asyncio.Protocol):
    """The receiver of a backend's bytes."""

    __slots__ = (
        "_buffer",
        "_chunks",
        "_interim",
        "_keep",
        "_left",
        "_max_fields",
        "_max_head_bytes",
        "answered",
        "backend",
        "closed",
        "epoch",
        "exchange",
        "home",
        "method",
        "reading",
        "transport",
        "uses",
    )

    def __init__(
        self, backend: LiveBackend, home: Pool, max_head_bytes: int, max_fields: int
    ) -> None:
        self.backend = backend
        self.home = home
        self.exchange: Exchange | None = None
        self.transport: Transport
        self.closed = False
        self.epoch = backend.epoch
        self.uses = 0
        self.reading = _NOTHING
        self.answered = False
        self.method = b""
        self._buffer = b""
        self._left = 0
        self._keep = False
        self._interim = 0
        self._chunks: ChunkedReader | None = None
        self._max_head_bytes = max_head_bytes
        self._max_fields = max_fields

    def begin(self, exchange: "Exchange", method: bytes) -> None:
        """Lends the connection for one exchange."""
        self.exchange = exchange
        self.method = method
        self.reading = _HEAD
        self.answered = False
        self.uses += 1
        self._interim = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        reading = self.reading
        if reading is _LENGTH:
            self._on_length(data)
        elif reading is _HEAD:
            self._on_head(data)
        elif reading is _CHUNKS:
            self._on_chunks(data)
        elif reading is _UNTIL_CLOSE:
            if self.exchange is not None:
                self.exchange.send_body(data)
        else:
            self.close()

    def _on_head(self, data: bytes) -> None:
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        exchange = self.exchange
        while exchange is not None:
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end or len(head) > self._max_head_bytes:
                self._hold_head(data)
                return
            try:
                response = parse_response(head, self._max_fields)
            except MalformedHeadError as error:
                self._fail(Failure.BROKEN, error.what)
                return
            data = rest
            if response.status >= 200 or response.status == 101:
                self._on_final_head(exchange, response, data)
                return
            self._interim += 1
            if self._interim > MAX_INTERIM_ANSWERS:
                self._fail(Failure.BROKEN, "too many interim answers")
                return
            self.answered = True
            exchange.send_interim(response)
            exchange = self.exchange

    def _hold_head(self, data: bytes) -> None:
        if len(data) > self._max_head_bytes:
            self._fail(Failure.BROKEN, "the head of its answer is too large")
        elif data.count(b"\n") != data.count(b"\r\n"):
            self._fail(Failure.BROKEN, "a line of its head is ended by a bare LF")
        else:
            self._buffer = data

    def _on_final_head(self, exchange: "Exchange", response: Response, data: bytes) -> None:
        self.answered = True
        self._keep = response.fields.keep_alive
        if response.status == 101:
            self.reading = _NOTHING
            exchange.on_switching(response, data)
            return
        framing = response.fields.framing
        # A body that came with its head, as most do.
        if response.whole and framing.length == len(data) and self.method != b"HEAD":
            self.reading = _NOTHING
            self.exchange = None
            exchange.send_whole(self, response, data, self._keep)
            return
        if not has_body(self.method, response.status):
            self._left = 0
            self.reading = _LENGTH
            exchange.send_head(response, framing.length, has_body=False)
            self._on_length(data)
        elif framing.chunked:
            self._chunks = ChunkedReader()
            self.reading = _CHUNKS
            exchange.send_head(response, None, has_body=True)
            self._on_chunks(data)
        elif framing.length is not None:
            self._left = framing.length
            self.reading = _LENGTH
            exchange.send_head(response, framing.length, has_body=True)
            self._on_length(data)
        else:
            self._keep = False
            self.reading = _UNTIL_CLOSE
            exchange.send_head(response, None, has_body=True)
            if data:
                exchange.send_body(data)
        if self.exchange is not None:
            exchange.flush_head()

    def _on_length(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            return
        left = self._left - len(data)
        if left > 0:
            self._left = left
            if data:
                exchange.send_body(data)
            return
        if left < 0:
            # More than it announced: what follows cannot be told from a forged answer.
            self._keep = False
            data = data[: self._left]
        self._left = 0
        self._finish(exchange, data, b"")

    def _on_chunks(self, data: bytes) -> None:
        chunks, exchange = self._chunks, self.exchange
        if chunks is None or exchange is None:
            return
        try:
            pieces = chunks.feed(data)
        except MalformedHeadError as error:
            self._fail(Failure.BROKEN, error.what)
            return
        if not chunks.done:
            for piece in pieces:
                exchange.send_body(piece)
            return
        if chunks.surplus:
            self._keep = False
        self._chunks = None
        self._finish(exchange, b"".join(pieces), chunks.trailers)

    def _finish(self, exchange: "Exchange", last: bytes, trailers: bytes) -> None:
        self.reading = _NOTHING
        self.exchange = None
        exchange.end_body(self, last, trailers, self._keep)

    def _fail(self, failure: Failure, detail: str) -> None:
        exchange, self.exchange = self.exchange, None
        self.abort()
        if exchange is not None:
            exchange.on_backend_failed(self, failure, detail)

    def eof_received(self) -> bool:
        """A backend that ends its side has said all; its answer may be delimited by just that."""
        exchange = self.exchange
        if exchange is not None and self.reading is _UNTIL_CLOSE:
            self._finish(exchange, b"", b"")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            self.home.discard(self)
            return
        if self.reading is not _HEAD:
            failure = Failure.CUT_SHORT
        elif self.uses > 1 and not self.answered and not self._buffer:
            failure = Failure.STALE
        else:
            failure = Failure.CLOSED
        exchange.on_backend_failed(self, failure, str(exc) if exc else "it closed the connection")

    def pause_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.on_backend_full()

    def resume_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.on_backend_ready()

    def give_up(self, failure: Failure, detail: str) -> None:
        """Ends the exchange from our side (a limit in time)."""
        self._fail(failure, detail)

    def keep(self, now_s: float) -> None:
        """Lies idle for the next request, in place of an older one if need be."""
        if self.epoch != self.backend.epoch:
            self.close()
            return
        surplus = self.home.put(self, now_s)
        if surplus is not None:
            surplus.close()

    def close(self) -> None:
        """Ends the connection; nobody waits for it any more."""
        self.exchange = None
        if not self.closed:
            self.transport.close()

    def abort(self) -> None:
        """Ends the connection at once, with a reset."""
        self.exchange = None
        if not self.closed:
            self.transport.abort()

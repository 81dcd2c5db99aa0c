"""One client's connection: the request's half of an exchange, and the life of a request.

HEAD -> CONNECTING -> EXCHANGE -> HEAD, one request at a time; what a client pipelines waits in a
bounded buffer. Callbacks only: no task, no future, no coroutine per request. The answer's half is
in backend.py, the texts in heads.py and error_pages.py.
"""

import asyncio
import enum
import socket
from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

from appliance.proxy.backend import BackendConnection
from appliance.proxy.error_pages import ErrorAnswer, encode_error
from appliance.proxy.forwarding import Peer, choose_client, encode_forwarding, is_trusted, parse_ip
from appliance.proxy.heads import (
    asks_to_upgrade,
    encode_interim_head,
    encode_request_fields,
    encode_response_head,
    encode_switching_head,
)
from appliance.proxy.live import LiveBackend, LiveSite
from appliance.proxy.retry import Failure, may_retry, status_of
from appliance.proxy.transport import Transport
from appliance.proxy.tunnel import pair
from appliance.routing.model import Scheme
from appliance.wire.chunked import ChunkedReader, encode_last_chunk
from appliance.wire.fields import Framing, MalformedHeadError
from appliance.wire.request import (
    IDEMPOTENT,
    Request,
    RequestFields,
    RequestLine,
    check_unfinished_head,
    parse_request,
)
from appliance.wire.response import Response

if TYPE_CHECKING:
    from appliance.proxy.gate import Gate

# What a client may send ahead of its turn before we stop reading it.
MAX_WAITING_BYTES = 64 * 1024
# After an answer that ends the connection, unread bytes are taken for this long, so that the answer
# is not lost to a reset (RFC 9112 9.6).
LINGER_S = 5.0
# A body may pause (a phone asleep in the middle of an upload), but not for ever.
BODY_PAUSE_S = 600.0
# Below this, joining a chunk's size line, data and end costs less than three writes.
JOINED_CHUNK_BYTES = 16 * 1024

TCP_CLOSE = 7  # include/net/tcp_states.h


_NO_FIELDS = RequestFields(
    {}, b"", None, Framing(None, False), b"", False, False, False, (b"", b"")
)


def _unreadable_request(line: bytes) -> Request:
    """What stands for a request that could not be read, in the log and in its answer."""
    return Request(RequestLine(line, b"GET", b"", True, None), _NO_FIELDS, b"")


def _text(value: bytes) -> str:
    return value.decode("latin-1")


class State(enum.Enum):
    """Where a client's connection stands."""

    HEAD = enum.auto()
    CONNECTING = enum.auto()
    EXCHANGE = enum.auto()
    LINGER = enum.auto()
    TUNNEL = enum.auto()
    CLOSED = enum.auto()


_HEAD, _CONNECTING, _EXCHANGE = State.HEAD, State.CONNECTING, State.EXCHANGE
_LINGER, _TUNNEL, _CLOSED = State.LINGER, State.TUNNEL, State.CLOSED


class ClientConnection(asyncio.Protocol):
    """The receiver of a client's bytes."""

    __slots__ = (
        "_answered_at_s",
        "_backend",
        "_backend_full",
        "_backend_url",
        "_body_left",
        "_body_reader",
        "_buffer",
        "_bytes_in",
        "_bytes_out",
        "_candidates",
        "_chosen",
        "_client_full",
        "_client_ip",
        "_fields_for",
        "_forwarding",
        "_forwarding_host",
        "_head",
        "_head_begun",
        "_keep_alive",
        "_opening",
        "_reading_paused",
        "_ready_fields",
        "_rechunk",
        "_request",
        "_site",
        "_started_s",
        "_state",
        "_status",
        "_tries",
        "_until_close",
        "deadline_s",
        "gate",
        "half_closed",
        "peer",
        "transport",
    )

    def __init__(self, gate: "Gate", proto: bytes = b"http") -> None:
        self.gate = gate
        self.transport: Transport
        self.peer = Peer("", False, proto, 0)
        self.deadline_s = gate.now_s + gate.limits.head_timeout_s
        self.half_closed = False
        self._client_ip = b""
        self._state = _HEAD
        self._buffer = b""
        self._head_begun = False
        self._reading_paused = False
        self._client_full = False
        self._backend_full = False
        self._forwarding = b""
        self._forwarding_host: bytes | None = None
        self._ready_fields = b""
        self._fields_for: tuple[RequestFields, LiveSite] | None = None
        self._started_s = 0.0
        self._keep_alive = True
        self._forget_request()

    def _forget_request(self) -> None:
        self._request: Request | None = None
        self._site: LiveSite | None = None
        self._backend: BackendConnection | None = None
        self._opening: BackendConnection | None = None
        self._chosen: LiveBackend | None = None
        self._candidates: Iterator[Any] | None = None
        self._body_reader: ChunkedReader | None = None
        self._body_left = 0
        self._head = b""
        self._rechunk = self._until_close = False
        self._backend_url = b""
        self._status = 0
        self._tries = 0
        self._bytes_in = self._bytes_out = 0
        self._answered_at_s = 0.0

    # The socket's callbacks.

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.gate.clients.add(self)
        name = transport.get_extra_info("peername")
        local = transport.get_extra_info("sockname")
        ip = (parse_ip(name[0]) if isinstance(name, tuple) else None) or "127.0.0.1"
        port = local[1] if isinstance(local, tuple) else 0
        self.peer = Peer(ip, is_trusted(ip, self.gate.trusted), self.peer.proto, port)
        self._client_ip = ip.encode()
        in_all, of_client = self.gate.tally.opened(ip)
        limits = self.gate.limits
        if in_all > limits.connections:
            self._refuse("This box is serving as many connections as it can.")
        elif of_client > limits.connections_per_client and not self.peer.trusted:
            self._refuse("You have too many connections open at once.")

    def _refuse(self, what: str) -> None:
        answer = ErrorAnswer(503, what, "Try again in a moment.")
        self.transport.write(encode_error(answer, b"", b"GET", keep_alive=False))
        self._linger()

    def connection_lost(self, exc: Exception | None) -> None:
        state, self._state = self._state, _CLOSED
        if state is _CLOSED:
            return
        self.gate.clients.discard(self)
        self.gate.tally.closed(self.peer.ip)
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.abort()
        if self._request is not None:
            self._release_chosen()
            self._status = self._status or 499
            self._record()
            self._forget_request()

    def eof_received(self) -> bool:
        """A client may end its side once it has asked; the answer still goes out."""
        if self._state is _EXCHANGE and self._wants_body():
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
        self._client_full = True
        if self._backend is not None:
            self._backend.transport.pause_reading()

    def resume_writing(self) -> None:
        self._client_full = False
        if self._backend is not None:
            self._backend.transport.resume_reading()
        elif self._state is _HEAD and self._buffer:
            self._take_from_buffer()

    def data_received(self, data: bytes) -> None:
        state = self._state
        if state is _HEAD:
            if self._buffer:
                data, self._buffer = self._buffer + data, b""
            if self._client_full:
                self._buffer = data
                self._set_reading()
            else:
                self._on_head(data)
        elif state is _EXCHANGE and self._wants_body():
            self._on_body(data)
        elif state is not _LINGER and state is not _CLOSED:
            self._buffer += data
            self._set_reading()

    def on_backend_full(self) -> None:
        """The backend takes no more of the request's body for now."""
        self._backend_full = True
        self._set_reading()

    def on_backend_ready(self) -> None:
        """The backend takes bytes again."""
        self._backend_full = False
        self._set_reading()

    def _set_reading(self) -> None:
        """Reads from the client only while there is somewhere to put what it sends."""
        state = self._state
        pause = state is _CONNECTING or (
            (state is _EXCHANGE and (self._backend_full or len(self._buffer) > MAX_WAITING_BYTES))
            or (state is _HEAD and self._client_full)
        )
        if pause is self._reading_paused or state is _CLOSED or self.half_closed:
            return
        self._reading_paused = pause
        if pause:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    # The request.

    def _on_head(self, data: bytes) -> None:
        if data[:1] == b"\r":
            # RFC 9112 2.2: empty lines before a request line are skipped.
            while data[:2] == b"\r\n":
                data = data[2:]
        end = data.find(b"\r\n\r\n")
        limits = self.gate.limits
        try:
            if end < 0 or end > limits.head_bytes:
                check_unfinished_head(data, limits.head_bytes)
                self._hold_head(data)
                return
            request = parse_request(data[: end + 2], limits.fields)
        except MalformedHeadError as error:
            self._refuse_head(data, error)
            return
        self._buffer = data[end + 4 :]
        self._begin(request)

    def _hold_head(self, data: bytes) -> None:
        self._buffer = data
        if self.half_closed:
            self.transport.close()
        elif data and not self._head_begun:
            self._head_begun = True
            self.deadline_s = self.gate.now_s + self.gate.limits.head_timeout_s

    def _refuse_head(self, data: bytes, error: MalformedHeadError) -> None:
        self._started_s = monotonic()
        self._keep_alive = False
        line = data.split(b"\r\n", 1)[0][:256]
        self._request = _unreadable_request(line)
        self._answer(ErrorAnswer(error.status, f"This request was refused: {error.what}."))

    def _begin(self, request: Request) -> None:
        gate = self.gate
        self._started_s = monotonic()
        self._head_begun = False
        self._request = request
        self._keep_alive = request.fields.keep_alive
        if request.fields.has_body:
            framing = request.fields.framing
            self._body_left = framing.length or 0
            self._body_reader = ChunkedReader() if framing.chunked else None
        site = gate.sites.remembered.get(request.host) or self._find_site(request)
        if site is None:
            return
        self._site = site
        if self.peer.trusted:
            chain = request.fields.named.get(b"x-forwarded-for", b"")
            self._client_ip = choose_client(self.peer, chain, gate.trusted).encode()
        self._try(self._choose_first(request, site))

    def _find_site(self, request: Request) -> LiveSite | None:
        """The site for a host not seen of late; where there is none, that is answered."""
        try:
            site = self.gate.find_site(request.host)
        except ValueError:
            self._keep_alive = False
            self._answer(ErrorAnswer(400, "This request's Host is not a host name."))
            return None
        if site is None:
            name = request.host.decode("latin-1") or "no host"
            self._answer(
                ErrorAnswer(404, f"There is no site {name} here.", "Check the address, or add it.")
            )
        return site

    def _choose_first(self, request: Request, site: LiveSite) -> LiveBackend | None:
        """The backend to ask first; those to ask next wait in `_candidates`."""
        only = site.only
        if only is not None:
            return only if only.up else None
        if site.by_cookie is not None:
            stuck = site.stuck_to(request.fields.named.get(b"cookie", b""))
            if stuck is not None:
                return stuck
        self._candidates = iter(site.balancer.candidates(site.backends, self._client_ip.decode()))
        return next(self._candidates, None)

    def _try(self, chosen: LiveBackend | None) -> None:
        request = self._request
        if request is None:
            return
        if chosen is None:
            self._answer(
                ErrorAnswer(503, f"No backend of {_text(self._site_name())} is up right now.")
            )
            return
        self._chosen = chosen
        self._backend_url = chosen.url
        chosen.active += 1
        self._tries += 1
        replayable = not request.fields.has_body and request.line.method in IDEMPOTENT
        connection = chosen.pool.take(self.gate.now_s, replayable)
        if connection is not None:
            self._attach(connection)
        else:
            self._open(chosen)

    def _open(self, chosen: LiveBackend) -> None:
        limits, backend = self.gate.limits, chosen.backend
        connection = BackendConnection(chosen, limits.head_bytes, limits.fields)
        self._opening = connection
        self._state = _CONNECTING
        self.deadline_s = self.gate.now_s + limits.backend_connect_s + 1
        self._set_reading()

        def done(error: OSError | None) -> None:
            self._on_opened(connection, error)

        if backend.scheme is Scheme.UNIX:
            self.gate.engine.connect_unix(backend.path, connection, limits.backend_connect_s, done)
            return
        address = chosen.choose_address()
        if address is None:
            self._on_opened(connection, OSError("its name has no address"))
            return
        name = backend.host
        self.gate.engine.connect_tcp(
            address, backend.port, chosen.tls, name, connection, limits.backend_connect_s, done
        )

    def _on_opened(self, connection: BackendConnection, error: OSError | None) -> None:
        if self._opening is not connection:
            if error is None:
                connection.close()
            return
        self._opening = None
        if error is None:
            self._attach(connection)
            return
        late = isinstance(error, TimeoutError)
        failure = Failure.CONNECT_TIMEOUT if late else Failure.CONNECT
        self._on_failed_try(failure, str(error))

    def _attach(self, connection: BackendConnection) -> None:
        request, chosen, site = self._request, self._chosen, self._site
        if request is None or chosen is None or site is None:
            return
        self._backend = connection
        self._state = _EXCHANGE
        connection.begin(self, request.line.method)
        fields = self._encode_fields(request, chosen, site)
        connection.transport.write(
            b"%b %b HTTP/1.1\r\n%b" % (request.line.method, request.line.target, fields)
        )
        if request.fields.has_body:
            self.deadline_s = self.gate.now_s + BODY_PAUSE_S
            data, self._buffer = self._buffer, b""
            if data:
                self._on_body(data)
        else:
            self.deadline_s = self.gate.now_s + self.gate.limits.backend_response_s
        if self._reading_paused:
            self._set_reading()

    def _encode_fields(self, request: Request, chosen: LiveBackend, site: LiveSite) -> bytes:
        """The fields for the backend; those of an unchanged request are kept ready."""
        fields = request.fields
        kept = self._fields_for
        host_header = site.site.host_header
        if kept is not None and kept[0] is fields and kept[1] is site and host_header != "backend":
            return self._ready_fields
        self._ready_fields = encode_request_fields(
            request, chosen.backend, host_header, self._encode_forwarding(request)
        )
        self._fields_for = (fields, site)
        return self._ready_fields

    def _encode_forwarding(self, request: Request) -> bytes:
        """The forwarding lines; a client that is not trusted has the same ones for each host."""
        if self.peer.trusted:
            received, ip = request.fields.named, self._client_ip.decode()
            return encode_forwarding(self.peer, ip, request.host, received)
        if self._forwarding_host != request.host:
            self._forwarding_host = request.host
            self._forwarding = encode_forwarding(self.peer, self.peer.ip, request.host, None)
        return self._forwarding

    def _wants_body(self) -> bool:
        reader = self._body_reader
        return self._body_left > 0 or (reader is not None and not reader.done)

    def _on_body(self, data: bytes) -> None:
        connection, reader = self._backend, self._body_reader
        if connection is None:
            return
        if reader is None:
            if len(data) > self._body_left:
                self._buffer = data[self._body_left :]
                data = data[: self._body_left]
            self._body_left -= len(data)
            self._bytes_in += len(data)
            connection.transport.write(data)
        elif not self._pass_chunks(connection, reader, data):
            return
        limits = self.gate.limits
        self.deadline_s = self.gate.now_s + (
            BODY_PAUSE_S if self._wants_body() else limits.backend_response_s
        )

    def _pass_chunks(
        self, connection: BackendConnection, reader: ChunkedReader, data: bytes
    ) -> bool:
        try:
            pieces = reader.feed(data)
        except MalformedHeadError as error:
            self._backend = None
            connection.abort()
            self._release_chosen()
            self._keep_alive = False
            if self._status:
                self.transport.abort()
            else:
                self._answer(ErrorAnswer(400, f"This request was refused: {error.what}."))
            return False
        write = connection.transport.write
        for piece in pieces:
            self._bytes_in += len(piece)
            write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if reader.done:
            write(encode_last_chunk(reader.trailers))
            self._buffer = reader.surplus
        return True

    # The answer, as backend.py hands it on.

    def send_interim(self, response: Response) -> None:
        """A 1xx on its way to a client that knows them (HTTP/1.1)."""
        if self._request is not None and self._request.line.is_http_1_1:
            self.transport.write(encode_interim_head(response))

    def send_head(self, response: Response, length: int | None, has_body: bool) -> None:
        """The final head; it waits for the first of the body, which mostly came with it."""
        request, site, chosen = self._request, self._site, self._chosen
        if request is None or site is None or chosen is None:
            return
        self._answered_at_s = monotonic()
        self._status = response.status
        self._rechunk = has_body and length is None and request.line.is_http_1_1
        if has_body and length is None and not request.line.is_http_1_1:
            self._until_close = True
            self._keep_alive = False
        if self.gate.draining or (response.status >= 400 and self._wants_body()):
            self._keep_alive = False
        if not self._keep_alive:
            connection = b"Connection: close\r\n"
        else:
            connection = b"" if request.line.is_http_1_1 else b"Connection: keep-alive\r\n"
        sticky = b""
        if site.by_cookie is not None:
            stuck = site.stuck_to(request.fields.named.get(b"cookie", b""))
            sticky = b"" if stuck is chosen else site.cookie_of(chosen)
        self._head = encode_response_head(response, length, self._rechunk, connection, sticky)

    def send_whole(
        self, connection: BackendConnection, response: Response, body: bytes, keep: bool
    ) -> None:
        """An answer that came in one piece, as most do: head, body and end in one step."""
        request, site, chosen, gate = self._request, self._site, self._chosen, self.gate
        if (
            request is None
            or site is None
            or chosen is None
            or not (keep and self._keep_alive and request.line.is_http_1_1)
            or request.fields.has_body
            or site.by_cookie is not None
            or gate.draining
            or chosen.retired
            or self.half_closed
        ):
            self.send_head(response, len(body), has_body=True)
            self.end_body(connection, body, b"", keep)
            return
        fields = response.fields
        self.transport.write(
            b"%b%bContent-Length: %d\r\n\r\n%b" % (response.line, fields.lines, len(body), body)
        )
        self._status = response.status
        self._bytes_out = len(body)
        self._backend = None
        surplus = chosen.pool.put(connection, gate.now_s)
        if surplus is not None:
            surplus.close()
        now_s = self._answered_at_s = monotonic()
        self._record_at(request, now_s)
        chosen.active -= 1
        self._request = self._chosen = self._candidates = None
        self._tries = 0
        self._answered_at_s = 0.0
        self._status = self._bytes_out = 0
        self._state = _HEAD
        self.deadline_s = gate.now_s + gate.limits.idle_timeout_s
        if self._reading_paused:
            self._set_reading()
        if self._buffer:
            gate.engine.call_soon(self._take_from_buffer)

    def flush_head(self) -> None:
        """Sends a head whose body has not begun yet."""
        if self._head:
            self._write_out(b"")

    def send_body(self, data: bytes) -> None:
        """A piece of the body."""
        size = len(data)
        self._bytes_out += size
        if self._rechunk:
            if size <= JOINED_CHUNK_BYTES:
                self._write_out(b"%x\r\n%b\r\n" % (size, data))
            else:
                self._write_out(b"%x\r\n" % size)
                self.transport.write(data)
                self.transport.write(b"\r\n")
        else:
            self._write_out(data)
        self.deadline_s = self.gate.now_s + self.gate.limits.tunnel_idle_s

    def _write_out(self, data: bytes) -> None:
        head = self._head
        if head:
            self._head = b""
            self.transport.write(head + data)
        elif data:
            self.transport.write(data)

    def end_body(
        self, connection: BackendConnection, last: bytes, trailers: bytes, keep: bool
    ) -> None:
        """The last of the body; the backend's connection is free again."""
        if self._rechunk:
            if last:
                self.send_body(last)
            self._write_out(encode_last_chunk(trailers))
        else:
            self._bytes_out += len(last)
            self._write_out(last)
        self._backend = None
        chosen, unfinished = self._chosen, self._wants_body()
        if self._client_full:
            connection.transport.resume_reading()
        if not keep or unfinished or self._backend_full or chosen is None or chosen.retired:
            connection.close()
        else:
            surplus = chosen.pool.put(connection, self.gate.now_s)
            if surplus is not None:
                surplus.close()
        self._backend_full = False
        self._release_chosen()
        self._record()
        self._next(unfinished)

    def on_switching(self, response: Response, rest: bytes) -> None:
        """101: from here on the two sockets are joined."""
        request, connection, chosen = self._request, self._backend, self._chosen
        if request is None or connection is None or chosen is None:
            return
        if not asks_to_upgrade(request) or not response.fields.upgrade:
            self._backend = None
            connection.abort()
            self._on_failed_try(Failure.BROKEN, "it switched protocols unasked")
            return
        self._status = 101
        self._answered_at_s = monotonic()
        self.gate.clients.discard(self)
        self._state = _TUNNEL
        self._backend = None
        gate = self.gate

        def on_closed() -> None:
            gate.tunnels.discard(one)
            self._state = _CLOSED
            gate.tally.closed(self.peer.ip)
            self._bytes_out, self._bytes_in = one.bytes_out, two.bytes_out
            self._release_chosen()
            self._record()
            self._forget_request()

        one, two = pair(self.transport, connection.transport, gate.clock, on_closed)
        gate.tunnels.add(one)
        connection.client = None
        self.transport.write(encode_switching_head(response) + rest)
        waiting, self._buffer = self._buffer, b""
        if waiting:
            connection.transport.write(waiting)
        if self._reading_paused:
            self.transport.resume_reading()
        if self.half_closed:
            one.eof_received()

    # What goes wrong.

    def on_backend_failed(
        self, connection: BackendConnection, failure: Failure, detail: str
    ) -> None:
        """The backend's side ended without a whole answer."""
        if self._backend is not connection:
            return
        self._backend = None
        self._backend_full = False
        if self._status == 0:
            self._on_failed_try(failure, detail)
            return
        self.gate.tally.backend_failed(self._site.cells if self._site else None)
        self._release_chosen()
        self._record()
        self._request = None
        # Cut short, and seen to be: no last chunk, too few bytes, or a reset.
        if self._until_close:
            self.transport.abort()
        else:
            self.transport.close()

    def _on_failed_try(self, failure: Failure, detail: str) -> None:
        request, site, failed = self._request, self._site, self._chosen
        if request is None or site is None:
            return
        self.gate.tally.backend_failed(site.cells)
        self._release_chosen()
        if may_retry(failure, request.line.method, self._tries, request.fields.has_body):
            if failure is Failure.STALE and failed is not None:
                # Not the backend's fault, only the connection's: the same one, afresh.
                self._chosen = failed
                failed.active += 1
                self._tries += 1
                self._open(failed)
                return
            following = next(self._candidates, None) if self._candidates else None
            if following is not None:
                self._try(following)
                return
        self._answer(
            ErrorAnswer(
                status_of(failure),
                f"A backend of {_text(site.name)} {failure.value}.",
                "Try again; if it stays so, look at the backend.",
            )
        )

    def _answer(self, answer: ErrorAnswer) -> None:
        """An answer of our own in place of a backend's."""
        request = self._request
        unread = self._wants_body()
        if unread or self.gate.draining:
            self._keep_alive = False
        accept = request.fields.named.get(b"accept", b"") if request else b""
        method = request.line.method if request else b"GET"
        page = encode_error(answer, accept, method, self._keep_alive)
        self._status = answer.status
        self._bytes_out = len(page) - page.find(b"\r\n\r\n") - 4
        self.transport.write(page)
        self._record()
        self._next(unread)

    def on_deadline(self) -> None:
        """A limit in time has passed."""
        state = self._state
        if state is _HEAD and self._head_begun:
            self._started_s = monotonic()
            self._request = _unreadable_request(b"")
            self._keep_alive = False
            self._answer(ErrorAnswer(408, "The request did not arrive in time."))
        elif state is _EXCHANGE and self._backend is not None and self._status == 0:
            if self._wants_body() and not self._backend_full:
                connection, self._backend = self._backend, None
                connection.abort()
                self._release_chosen()
                self._answer(ErrorAnswer(408, "The rest of the request did not arrive in time."))
            else:
                self._backend.give_up(Failure.SILENT, "no answer in time")
        elif state is _HEAD:
            self.transport.close()
        else:
            self.transport.abort()

    # Between requests.

    def _release_chosen(self) -> None:
        chosen, self._chosen = self._chosen, None
        if chosen is not None:
            chosen.active -= 1

    def _site_name(self) -> bytes:
        return self._site.name if self._site is not None else b""

    def _record(self) -> None:
        if self._request is not None:
            self._record_at(self._request, monotonic())

    def _record_at(self, request: Request, now_s: float) -> None:
        """Counts the answer and writes its line."""
        total_s = now_s - self._started_s
        site, gate = self._site, self.gate
        status, bytes_in, bytes_out = self._status, self._bytes_in, self._bytes_out
        cells = site.cells if site is not None else None
        gate.tally.answered(cells, status, bytes_in, bytes_out, int(total_s * 1e6))
        log = gate.log
        if log is None:
            return
        answered_at_s = self._answered_at_s
        visitor = request.fields.visitor
        log.add(
            log.encode(
                log.time_text,
                self._client_ip,
                request.line.text,
                status,
                bytes_out,
                bytes_in,
                visitor,
                site.name if site is not None else b"",
                self._backend_url,
                total_s * 1000,
                (answered_at_s - self._started_s) * 1000 if answered_at_s else 0.0,
            )
        )

    def _next(self, unread: bool) -> None:
        """After an answer: the next request, or the end."""
        keep = self._keep_alive and not self.gate.draining
        self._forget_request()
        if unread or (not keep and self._buffer):
            self._linger()
        elif not keep or (self.half_closed and not self._buffer):
            self._state = _LINGER
            self.transport.close()
        else:
            self._state = _HEAD
            self.deadline_s = self.gate.now_s + self.gate.limits.idle_timeout_s
            if self._reading_paused:
                self._set_reading()
            if self._buffer:
                self.gate.engine.call_soon(self._take_from_buffer)

    def _take_from_buffer(self) -> None:
        if self._state is _HEAD and self._buffer and not self._client_full:
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
        self._set_reading()

    def close_if_idle(self) -> None:
        """Closes a connection that waits for its next request."""
        if self._state is _HEAD and not self._buffer:
            self.transport.close()

    def abort(self) -> None:
        """Ends the connection at once."""
        self.transport.abort()

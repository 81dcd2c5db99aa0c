"""One request and its answer: both bodies, what goes wrong with them, and the account.

Between the client's connection (client.py), which knows when a request begins and what follows it,
and a backend's (backend.py), which reads the answer; attempts.py finds that backend. An exchange
ends exactly once, in `_finish` or in `on_client_gone`, and then nothing refers to it.
"""

from time import monotonic
from typing import TYPE_CHECKING

from appliance.hooks import Answer as HookAnswer
from appliance.proxy.answer import Answer
from appliance.proxy.attempts import Attempts
from appliance.proxy.backend import BackendConnection
from appliance.proxy.error_pages import (
    LATE_BODY,
    ErrorAnswer,
    encode_error,
    refused,
)
from appliance.proxy.heads import (
    asks_to_upgrade,
    connection_line,
    encode_answer,
    encode_interim_head,
    encode_response_head,
    encode_switching_head,
)
from appliance.proxy.live import LiveBackend, LiveSite
from appliance.proxy.opinions import change_response
from appliance.proxy.retry import Failure
from appliance.proxy.upgrade import join
from appliance.wire.fields import MalformedHeadError
from appliance.wire.response import Response

if TYPE_CHECKING:
    pass

# A body may pause (a phone asleep in the middle of an upload), but not for ever.
BODY_PAUSE_S = 600.0
# hipache takes a backend for dead that answers above this.
WORST_TAKEN_WELL = 500
# nginx's status for the log: the client left before its answer.
CLIENT_GONE = 499


class Exchange(Attempts):
    """Made for each request by its client's connection."""

    backend_full = False
    _answer: Answer | None = None
    _until_close = False
    _status = 0
    _bytes_out = 0
    _answered_at_s = 0.0

    # The request.

    def attach(self, site: LiveSite, chosen: LiveBackend, connection: BackendConnection) -> None:
        """Sends the request over a connection that is ready."""
        client, line = self.client, self.request.line
        self.backend = connection
        connection.begin(self, line.method)
        gate = self.gate
        fields = gate.ready.encode(client.peer, self.request, chosen, site, self.client_ip)
        connection.transport.write(line.ready + fields)
        if self.body is None:
            client.deadline_s = gate.now_s + gate.limits.backend_response_s
        else:
            client.deadline_s = gate.now_s + BODY_PAUSE_S
            client.give_waiting()
        if client.reading_paused:
            client.set_reading()

    def wants_body(self) -> bool:
        """Whether more of the request's body is to come."""
        return self.body is not None and not self.body.done

    def pass_body(self, data: bytes) -> bytes:
        """Passes a piece of the body on; gives back what follows the body's end."""
        connection, body = self.backend, self.body
        if connection is None or body is None:
            return data
        try:
            framed, surplus = body.feed(data)
        except MalformedHeadError as error:
            self._on_bad_body(error.what)
            return b""
        connection.transport.write(framed)
        pause_s = self.gate.limits.backend_response_s if body.done else BODY_PAUSE_S
        self.client.deadline_s = self.gate.now_s + pause_s
        return surplus

    def _on_bad_body(self, what: str) -> None:
        self._drop_backend()
        self.keep_alive = False
        if self._status:
            self.client.abort()
        else:
            self.refuse(refused(400, what))

    def on_backend_full(self) -> None:
        """The backend takes no more of the request's body for now."""
        self.backend_full = True
        self.client.set_reading()

    def on_backend_ready(self) -> None:
        """The backend takes bytes again."""
        self.backend_full = False
        self.client.set_reading()

    # The answer, as backend.py hands it on.

    def send_interim(self, response: Response) -> None:
        """A 1xx on its way to a client that knows them (HTTP/1.1)."""
        if self.request.line.is_http_1_1:
            self.client.transport.write(encode_interim_head(response))

    def send_head(self, response: Response, length: int | None, has_body: bool) -> None:
        """The final head; `length` None with a body: it ends with the last chunk, or the socket."""
        self._answered_at_s = monotonic()
        self._note_answer()
        hooks = self.gate.hooks
        if hooks is not None and hooks.changes_answers and self.asked is not None:
            response = change_response(hooks, self.asked, response)
        status = self._status = response.status
        if status > WORST_TAKEN_WELL:
            self._note_bad_answer(response)
        is_http_1_1 = self.request.line.is_http_1_1
        chunked = has_body and length is None and is_http_1_1
        self._until_close = has_body and length is None and not is_http_1_1
        if self._until_close or self.gate.draining or (status >= 400 and self.wants_body()):
            self.keep_alive = False
        connection = connection_line(self.keep_alive, is_http_1_1)
        site, chosen = self.site, self._chosen
        more = site.cookie_line(self.request, chosen) if site and chosen else b""
        if site and self.client.front is not None:
            more += site.hsts_line
        head = encode_response_head(response, length, chunked, connection, more)
        self._answer = Answer(self.client.transport, head, chunked)

    def send_whole(
        self, connection: BackendConnection, response: Response, body: bytes, keep: bool
    ) -> None:
        """An answer that came in one piece, as most do: head, body and end in one step."""
        client, gate, site, chosen = self.client, self.gate, self.site, self._chosen
        if (
            not (keep and self.request.fields.is_plain)
            or site is None
            or site.by_cookie is not None
            or chosen is None
            or chosen.retired
            or gate.draining
            or client.half_closed
            or response.status > WORST_TAKEN_WELL
            or (client.front is not None and site.hsts_line)
            or (gate.hooks is not None and gate.hooks.changes_answers)
        ):
            self.send_head(response, len(body), has_body=True)
            self.end_body(connection, body, b"", keep)
            return
        client.transport.write(response.whole + body)
        if not chosen.is_proven:
            gate.trust.on_answered(site, chosen)
        self._status = response.status
        self._bytes_out = len(body)
        connection.keep(gate.now_s)
        chosen.active -= 1
        now_s = self._answered_at_s = monotonic()
        self._record(now_s)
        client.await_next()

    def _note_answer(self) -> None:
        site, chosen = self.site, self._chosen
        if site is not None and chosen is not None and not chosen.is_proven:
            self.gate.trust.on_answered(site, chosen)

    def _note_bad_answer(self, response: Response) -> None:
        """503 with Retry-After is a backend that knows what it does."""
        site, chosen = self.site, self._chosen
        is_brief = response.status == 503 and b"\r\nretry-after:" in b"\r\n%b" % (
            response.fields.lines.lower()
        )
        if site is not None and chosen is not None and not is_brief:
            self.gate.trust.on_error_answer(site, chosen, self.request.host)

    def flush_head(self) -> None:
        """Sends a head whose body has not begun yet."""
        if self._answer is not None:
            self._answer.flush()

    def send_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._answer is not None:
            self._bytes_out += len(data)
            self._answer.send(data)
        self.client.deadline_s = self.gate.now_s + self.gate.limits.tunnel_idle_s

    def end_body(
        self, connection: BackendConnection, last: bytes, trailers: bytes, keep: bool
    ) -> None:
        """The last of the body; the backend's connection is free again."""
        if self._answer is not None:
            self._bytes_out += len(last)
            self._answer.end(last, trailers)
        self.backend = None
        chosen = self._chosen
        if self.client.full:
            connection.transport.resume_reading()
        if not keep or self.wants_body() or self.backend_full or chosen is None or chosen.retired:
            connection.close()
        else:
            connection.keep(self.gate.now_s)
        self._finish()

    def on_switching(self, response: Response, rest: bytes) -> None:
        """101: from here on the two sockets are joined."""
        connection = self.backend
        if connection is None:
            return
        self.backend = None
        if asks_to_upgrade(self.request) and response.fields.upgrade:
            self._status = 101
            self._answered_at_s = monotonic()
            self._note_answer()
            join(self.client, connection, encode_switching_head(response) + rest, self._on_joined)
        else:
            connection.abort()
            self._on_failed_try(Failure.BROKEN, "it switched protocols unasked")

    def _on_joined(self, bytes_in: int, bytes_out: int) -> None:
        """The tunnel that this exchange became has ended."""
        self._bytes_out = bytes_out
        self._release()
        self._record(monotonic(), bytes_in)

    # What goes wrong.

    def on_backend_failed(
        self, connection: BackendConnection, failure: Failure, detail: str
    ) -> None:
        """The backend's side ended without a whole answer."""
        if self.backend is not connection:
            return
        self.backend = None
        self.backend_full = False
        if self._status == 0:
            self._on_failed_try(failure, detail)
            return
        site, chosen = self.site, self._chosen
        if site is not None and chosen is not None:
            self.gate.tally.backend_failed(site.cells)
            self.gate.trust.on_failed(site, chosen, failure, detail, self.request.host)
        self._release()
        self._record(monotonic())
        self.client.on_cut_short(reset=self._until_close)

    def refuse(self, answer: ErrorAnswer) -> None:
        """An answer of our own in place of a backend's."""
        accept = self.request.fields.named.get(b"accept", b"")
        self._send_own(
            answer.status,
            encode_error(answer, accept, self.request.line.method, self._keeps_alive()),
        )

    def reply(self, answer: HookAnswer) -> None:
        """An answer of the user's hooks in place of a backend's."""
        page = encode_answer(answer, self.request.line.method, self._keeps_alive())
        self._send_own(answer.status, page)

    def _keeps_alive(self) -> bool:
        if self.wants_body() or self.gate.draining:
            self.keep_alive = False
        return self.keep_alive

    def _send_own(self, status: int, page: bytes) -> None:
        self._status = status
        self._bytes_out = len(page) - page.find(b"\r\n\r\n") - 4
        self.client.transport.write(page)
        self._finish()

    def on_deadline(self) -> None:
        """A limit in time has passed."""
        if self.backend is None or self._status:
            self.client.abort()
        elif self.wants_body() and not self.backend_full:
            self._drop_backend()
            self.refuse(LATE_BODY)
        else:
            self.backend.give_up(Failure.SILENT, "no answer in time")

    def on_client_gone(self) -> None:
        """The client's connection is lost: so is the exchange."""
        self._opening = None
        self._drop_backend()
        self._status = self._status or CLIENT_GONE
        self._record(monotonic())

    # The end.

    def _finish(self) -> None:
        self._release()
        self._record(monotonic())
        self.client.on_answered(self.keep_alive, self.wants_body())

    def _record(self, now_s: float, bytes_in: int = 0) -> None:
        """Counts the answer and writes its line."""
        if self.body is not None:
            bytes_in = self.body.size_bytes
        gate, site, status, bytes_out = self.gate, self.site, self._status, self._bytes_out
        begun_s, answered_s = self._started_s, self._answered_at_s
        total_us = int((now_s - begun_s) * 1e6)
        cells = site.cells if site is not None else None
        gate.tally.answered(cells, status, bytes_in, bytes_out, total_us)
        log = gate.log
        if log is None:
            return
        request = self.request
        line = log.encode(
            log.time_text,
            self.client_ip,
            request.line.text,
            status,
            bytes_out,
            bytes_in,
            request.fields.visitor,
            site.name if site is not None else b"",
            self._backend_url,
            total_us,
            int((answered_s - begun_s) * 1e6) if answered_s else 0,
        )
        log.add(line)

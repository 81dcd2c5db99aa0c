"""One client's connection to the admin port, spoken with h11.

Whatever a client does or leaves undone, it is bounded: heads in size, everything in time.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import h11

from appliance.admin.exchange import (
    Answer,
    Peer,
    Refusal,
    Request,
    answer_refusal,
    parse_target,
)

MAX_HEAD_BYTES = 16 * 1024
HEAD_TIMEOUT_S = 10.0
# A browser asks again soon, or opens another connection.
IDLE_TIMEOUT_S = 20.0
# From one piece of a body to the next; a whole one has this, and what its bound takes at this rate.
BODY_TIMEOUT_S = 20.0
LEAST_BYTES_PER_S = 32 * 1024
# A reader that takes nothing for this long is gone.
READER_TIMEOUT_S = 30.0
# A body that nobody wanted is read up to here, so that its sender gets to see the answer.
MAX_UNWANTED_BYTES = 256 * 1024
READ_BYTES = 64 * 1024

Ask = Callable[[Request], Awaitable[Answer]]
_NOT_HTTP = Refusal(400, "not an HTTP request", "", "send GET /v1/status")
_TOO_LARGE = Refusal(431, "the head is too large", "", "send fewer fields")
_NO_PATH = Refusal(400, "the target cannot be read", "", "send a path, as /v1/status")


class Connection:
    """Takes requests one after another; over the Unix socket there is one."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Peer, ask: Ask
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._peer = peer
        self._ask = ask
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._has_stream = False
        self._body: bytes | None = None
        self._is_body_lost = False

    async def run(self) -> None:
        """Until either side has had enough."""
        timeout_s = HEAD_TIMEOUT_S
        try:
            while await self._take_one(timeout_s):
                self._http.start_next_cycle()
                timeout_s = IDLE_TIMEOUT_S
        except (OSError, TimeoutError, h11.ProtocolError):
            pass
        except asyncio.CancelledError:
            # Control stops; Python 3.11 would report each open connection as a fault.
            pass
        finally:
            self._writer.close()

    async def refuse(self, refusal: Refusal) -> None:
        """Answers the first request so, whatever it is."""
        with contextlib.suppress(OSError, TimeoutError, h11.ProtocolError, asyncio.CancelledError):
            await self._read_event(HEAD_TIMEOUT_S)
            await self._send(answer_refusal(refusal), is_last=True, with_body=True)
        self._writer.close()

    async def _take_one(self, timeout_s: float) -> bool:
        """One request; whether another may follow."""
        self._body = None
        try:
            event = await self._read_event(timeout_s)
        except h11.RemoteProtocolError as error:
            refusal = _TOO_LARGE if error.error_status_hint == 431 else _NOT_HTTP
            await self._send(answer_refusal(refusal), is_last=True, with_body=True)
            return False
        if not isinstance(event, h11.Request):
            return False
        if _size_of(event) > MAX_HEAD_BYTES:
            # h11 bounds what has not come whole yet.
            await self._send(answer_refusal(_TOO_LARGE), is_last=True, with_body=True)
            return False
        answer = await self._answer(event)
        await self._drop_body()
        is_last = self._peer.ip is None or self._http.their_state is not h11.DONE
        await self._send(answer, is_last, event.method != b"HEAD")
        return not is_last and not self._has_stream and self._http.our_state is h11.DONE

    async def _answer(self, event: h11.Request) -> Answer:
        fields: dict[str, str] = {}
        for name, value in event.headers:
            key, text = name.decode("ascii"), value.decode("latin-1")
            glue = "; " if key == "cookie" else ", "
            fields[key] = fields[key] + glue + text if key in fields else text
        try:
            segments, query = parse_target(event.target)
        except ValueError:
            return answer_refusal(_NO_PATH)
        method = event.method.decode("ascii")
        peer = see_through(self._peer, fields)
        request = Request(method, segments, query, fields, peer, self._read_body)
        return await self._ask(request)

    async def _read_event(self, timeout_s: float) -> Any:
        async with asyncio.timeout(timeout_s):
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(READ_BYTES))
        return event

    async def _read_body(self, limit: int) -> bytes:
        """The whole body, as often as it is asked for. Raises Refusal, beyond `limit` too."""
        if self._body is not None:
            return self._body
        if self._http.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            self._writer.write(self._http.send(go_on) or b"")
        self._is_body_lost = True
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S + limit / LEAST_BYTES_PER_S):
                self._body = await self._collect_body(limit)
        except TimeoutError:
            raise Refusal(408, "the body has not come in time", "", "send it again") from None
        except h11.RemoteProtocolError:
            raise Refusal(400, "the body is cut or malformed", "", "send it again") from None
        self._is_body_lost = False
        return self._body

    async def _collect_body(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while self._http.their_state is h11.SEND_BODY:
            event = await self._read_event(BODY_TIMEOUT_S)
            if isinstance(event, h11.Data):
                size += len(event.data)
                if size > limit:
                    way_out = f"send at most {limit} bytes"
                    raise Refusal(413, "the body is too large", "", way_out)
                parts.append(bytes(event.data))
        return b"".join(parts)

    async def _drop_body(self) -> None:
        """What the answer did not need of the request."""
        if not self._http.they_are_waiting_for_100_continue and not self._is_body_lost:
            with contextlib.suppress(Refusal):
                await self._read_body(MAX_UNWANTED_BYTES)

    async def _send(self, answer: Answer, is_last: bool, with_body: bool) -> None:
        reason = HTTPStatus(answer.status).phrase
        fields = [("Content-Type", answer.kind), *answer.fields]
        if answer.stream is not None:
            await self._send_stream(answer, reason, fields, answer.stream if with_body else None)
            return
        fields.append(("Content-Length", str(len(answer.body))))
        if is_last:
            fields.append(("Connection", "close"))
        head = h11.Response(status_code=answer.status, headers=fields, reason=reason.encode())
        data = self._http.send(head) or b""
        if with_body and answer.body:
            data += self._http.send(h11.Data(data=answer.body)) or b""
        self._writer.write(data + (self._http.send(h11.EndOfMessage()) or b""))
        await self._drain()

    async def _send_stream(
        self, answer: Answer, reason: str, fields: list[tuple[str, str]], stream: Any
    ) -> None:
        """Its end is the connection's, so that it can be read without undoing chunks."""
        self._has_stream = True
        lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{k}: {v}" for k, v in fields)]
        self._writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        await self._drain()
        if stream is None:
            return
        try:
            async for piece in stream:
                self._writer.write(piece)
                await self._drain()
                if self._writer.is_closing():
                    return
        finally:
            await stream.aclose()

    async def _drain(self) -> None:
        async with asyncio.timeout(READER_TIMEOUT_S):
            await self._writer.drain()


def see_through(peer: Peer, fields: Mapping[str, str]) -> Peer:
    """Our own proxy, which has a site for the dashboard, says how its client came (PURE)."""
    is_proxy = peer.ip in ("127.0.0.1", "::1")
    if is_proxy and fields.get("x-forwarded-proto") == "https":
        return Peer(peer.ip, is_secure=True)
    return peer


def _size_of(head: h11.Request) -> int:
    return len(head.target) + sum(len(name) + len(value) + 4 for name, value in head.headers)

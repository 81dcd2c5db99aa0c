"""The screen's picture and buttons for the dashboard: passed on to the screen's own process.

It listens on a socket beside the admin socket (docs/screen.md), one request a connection.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from appliance.admin.exchange import Refusal

NAME = "display.sock"
TIMEOUT_S = 6.0
# A picture of 3840x2160 in few colours takes far less.
MAX_ANSWER_BYTES = 8 << 20
GONE = "start gatelight-display, or see in its log why it ended"


class ScreenRelay:
    """One request at a time would do; each has a connection of its own."""

    def __init__(self, admin_socket: str) -> None:
        self._path = Path(admin_socket).with_name(NAME)

    async def picture(self) -> bytes:
        """The picture on show, as PNG. Raises Refusal."""
        return await self._ask(b"GET /v1/screen.png HTTP/1.1\r\nHost: box\r\n\r\n")

    async def press(self, button: Any) -> None:
        """A press of one of the screen's buttons. Raises Refusal."""
        body = json.dumps({"button": button}).encode()
        head = f"POST /v1/screen/press HTTP/1.1\r\nHost: box\r\nContent-Length: {len(body)}\r\n\r\n"
        await self._ask(head.encode() + body)

    async def _ask(self, request: bytes) -> bytes:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(str(self._path))
                try:
                    writer.write(request)
                    answer = await _read_at_most(reader, MAX_ANSWER_BYTES)
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or "no answer in time"
            raise Refusal(
                503, f"the screen does not answer ({reason})", "the screen", GONE
            ) from None
        return parse_answer(answer)


async def _read_at_most(reader: asyncio.StreamReader, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size <= limit and (data := await reader.read(1 << 16)):
        size += len(data)
        parts.append(data)
    return b"".join(parts)


def parse_answer(answer: bytes) -> bytes:
    """The body of a good answer (PURE). Raises Refusal for any other."""
    head, end, body = answer.partition(b"\r\n\r\n")
    status = head[9:12]
    if not end or not status.isdigit():
        raise Refusal(502, "the screen's answer is not HTTP", "the screen", GONE)
    if status in (b"200", b"204"):
        return body
    try:
        error = json.loads(body)["error"]
        words = [str(error[key]) for key in ("what", "where", "way_out")]
    except (ValueError, KeyError, TypeError):
        words = [f"the screen answers {status.decode()}", "the screen", GONE]
    raise Refusal(int(status), *words)

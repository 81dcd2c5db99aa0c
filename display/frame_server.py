"""Gives the picture on show to others on this box, and takes presses from them.

HTTP/1.1 on a Unix socket beside the admin socket, one request a connection (docs/screen.md). The
proxy's control process passes the dashboard's requests on to it.
"""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

from display.console import say
from display.controls.actions import Action

NAME = "display.sock"
SOCKET_MODE = 0o660
MAX_HEAD_BYTES = 8 * 1024
MAX_BODY_BYTES = 1024
TIMEOUT_S = 5.0
MAX_CONNECTIONS = 16
# What the dashboard's buttons may do; switching off is for those who stand in front of the box.
PRESSES = {action.value: action for action in (Action.NEXT, Action.BACK, Action.ACT, Action.WAKE)}
_REASONS = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    503: "Service Unavailable",
}

# The picture as PNG; None when there is none yet. Drawing it may take a while.
Render = Callable[[], bytes | None]
Press = Callable[[Action], None]


def socket_beside(admin_socket: str) -> Path:
    """Where the screen's socket is."""
    return Path(admin_socket).with_name(NAME)


def parse_press(body: bytes) -> Action | None:
    """{"button": "next"}; None when it is anything else (PURE)."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    button = content.get("button") if isinstance(content, dict) else None
    return PRESSES.get(button) if isinstance(button, str) else None


class FrameServer:
    """Answers for as long as the screen's process lives."""

    def __init__(self, path: Path, render: Render, press: Press) -> None:
        self._path = path
        self._render = render
        self._press = press
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def start(self) -> None:
        """Opens the socket; where that fails, says so, and the screen goes on without."""
        try:
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(
                self._serve, str(self._path), limit=MAX_HEAD_BYTES
            )
            os.chmod(self._path, SOCKET_MODE)
        except OSError as error:
            say(
                f"no socket for the dashboard at {self._path} ({error.strerror}): "
                "let this user write to its folder"
            )

    def stop(self) -> None:
        """Closes it and removes its file."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, kind, body = await self._answer(reader)
                head = (
                    f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n"
                    f"Cache-Control: no-store\r\nContent-Length: {len(body)}\r\n"
                    "Connection: close\r\n\r\n"
                )
                writer.write(head.encode() + body)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self._connections -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, str, bytes]:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3:
            return _error(400, "not an HTTP request", "GET /v1/screen.png")
        method, path = parts[0], parts[1].partition("?")[0]
        if self._connections > MAX_CONNECTIONS:
            return _error(503, "too many connections", "close some")
        if path == "/v1/screen.png":
            return await self._picture() if method == "GET" else _error(405, method, "use GET")
        if path == "/v1/screen/press":
            if method != "POST":
                return _error(405, method, "use POST")
            return await self._take_press(reader, lines[1:])
        return _error(404, "there is nothing here", "GET /v1/screen.png is")

    async def _picture(self) -> tuple[int, str, bytes]:
        loop = asyncio.get_running_loop()
        picture = await loop.run_in_executor(None, self._render)
        if picture is None:
            return _error(503, "there is no picture yet", "ask again in a second")
        return 200, "image/png", picture

    async def _take_press(
        self, reader: asyncio.StreamReader, lines: list[str]
    ) -> tuple[int, str, bytes]:
        fields = dict(line.lower().split(":", 1) for line in lines if ":" in line)
        length = fields.get("content-length", "").strip()
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return _error(413, "no length, or too much", 'send {"button": "next"}')
        action = parse_press(await reader.readexactly(int(length)))
        if action is None:
            return _error(400, "no such button", f"one of {', '.join(PRESSES)}")
        self._press(action)
        return 204, "text/plain", b""


def _error(status: int, what: str, way_out: str) -> tuple[int, str, bytes]:
    content = {"error": {"what": what, "where": "the screen", "way_out": way_out}}
    return status, "application/json", json.dumps(content).encode() + b"\n"

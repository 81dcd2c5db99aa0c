"""The admin API over a Unix socket: status, events, sites."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from appliance.console import say

MAX_HEAD_BYTES = 16 * 1024
HEAD_TIMEOUT_S = 10.0
EVENT_EVERY_S = 1.0
SOCKET_MODE = 0o660

Status = Callable[[], dict[str, Any]]


class AdminServer:
    """Answers on the socket for as long as control lives."""

    def __init__(self, path: str, status: Status) -> None:
        self._path = Path(path)
        self._status = status
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Opens the socket; where that fails, says so, and serving goes on without."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(
                self._serve, str(self._path), limit=MAX_HEAD_BYTES
            )
            os.chmod(self._path, SOCKET_MODE)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            say(
                f"no admin socket at {self._path} ({reason}): "
                "set admin_socket in [listen] to a place this user may write"
            )

    async def stop(self) -> None:
        """Closes the socket and removes its file."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        parts = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(parts) != 3:
            what, way_out = "not an HTTP request", "send GET /v1/status"
            await _send(writer, *_error(400, what, "", way_out))
            return
        method, target, _ = parts
        path = unquote(target.partition("?")[0])
        if method not in ("GET", "HEAD"):
            await _send(writer, *_error(405, f"{method} is not answered", path, "use GET"))
            return
        if path == "/v1/events":
            await self._send_events(writer)
            return
        await _send(writer, *self._find(path))

    def _find(self, path: str) -> tuple[int, Any]:
        if path == "/v1/status":
            return 200, self._status()
        if path == "/v1/sites":
            return 200, self._status()["sites"]
        if path.startswith("/v1/sites/"):
            host = path.removeprefix("/v1/sites/").lower()
            for site in self._status()["sites"]:
                if site["host"] == host:
                    return 200, site
            return _error(404, "there is no such site", host, "GET /v1/sites lists them")
        return _error(404, "there is nothing here", path, "GET /v1/status is")

    async def _send_events(self, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        while not writer.is_closing():
            data = json.dumps(self._status())
            writer.write(f"event: status\ndata: {data}\n\n".encode())
            await writer.drain()
            await asyncio.sleep(EVENT_EVERY_S)


def _error(status: int, what: str, where: str, way_out: str) -> tuple[int, Any]:
    return status, {"error": {"what": what, "where": where, "way_out": way_out}}


async def _send(writer: asyncio.StreamWriter, status: int, content: Any) -> None:
    body = json.dumps(content).encode() + b"\n"
    reason = {200: "OK", 404: "Not Found", 405: "Method Not Allowed"}.get(status, "Bad Request")
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()

"""The admin API over a Unix socket: status, events, sites."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from appliance.console import say

MAX_HEAD_BYTES = 16 * 1024
HEAD_TIMEOUT_S = 10.0
# A reader of events that takes nothing for this long is gone.
READER_TIMEOUT_S = 30.0
EVENT_EVERY_S = 1.0
# Displays, dashboards and people; each may hold a connection for events.
MAX_CONNECTIONS = 64
SOCKET_MODE = 0o660


class Certificates(Protocol):
    """What is told and done about certificates; OSError, LookupError and ValueError in words."""

    def list_all(self) -> list[dict[str, Any]]: ...
    async def list_roots(self) -> list[dict[str, Any]]: ...
    async def renew(self, host: str) -> dict[str, Any]: ...


Status = Callable[[str | None], dict[str, Any]]
"""The status; with the one site of a host in it, or with those that are shown to all."""
CERTIFICATES, RENEW = "/v1/certificates/", "/renew"
REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class AdminServer:
    """Answers on the socket for as long as control lives."""

    def __init__(
        self,
        path: str,
        read_status: Status,
        certificates: Certificates,
        event_every_s: float = EVENT_EVERY_S,
    ) -> None:
        self._path = Path(path)
        self._read_status = read_status
        self._certificates = certificates
        self._event_every_s = event_every_s
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._connections = 0

    async def start(self) -> None:
        """Opens the socket; where that fails, says so, and serving goes on without."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            remove_stale_socket(self._path)
            self._server = await asyncio.start_unix_server(
                self._serve, str(self._path), limit=MAX_HEAD_BYTES
            )
            os.chmod(self._path, SOCKET_MODE)
            self._inode = os.stat(self._path).st_ino
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            say(
                f"no admin socket at {self._path} ({reason}): "
                "set admin_socket in [listen] to a place this user may write"
            )

    async def stop(self) -> None:
        """Closes the socket and removes its file, unless another has taken its place."""
        if self._server is None:
            return
        self._server.close()
        try:
            if os.stat(self._path).st_ino == self._inode:
                self._path.unlink()
        except OSError:
            pass

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            try:
                async with asyncio.timeout(HEAD_TIMEOUT_S):
                    head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.LimitOverrunError:
                await _send(writer, *_error(431, "the head is too large", "", "send fewer fields"))
                return
            if self._connections > MAX_CONNECTIONS:
                await _send(writer, *_error(503, "too many connections", "", "close some"))
                return
            await self._answer(head, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            # Control stops; Python 3.11 would report each open connection as a fault.
            pass
        finally:
            self._connections -= 1
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        parts = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(parts) != 3:
            what, way_out = "not an HTTP request", "send GET /v1/status"
            await _send(writer, *_error(400, what, "", way_out))
            return
        method, target, _ = parts
        path = unquote(target.partition("?")[0])
        if method == "POST" and path.startswith(CERTIFICATES) and path.endswith(RENEW):
            host = path.removeprefix(CERTIFICATES).removesuffix(RENEW).lower()
            await _send(writer, *await self._renew(host))
        elif path == "/v1/roots" and method == "GET":
            await _send(writer, *await self._list_roots())
        elif method not in ("GET", "HEAD"):
            await _send(writer, *_error(405, f"{method} is not answered", path, "use GET"))
        elif path == "/v1/events" and method == "GET":
            await self._send_events(writer)
        else:
            await _send(writer, *self._find(path), with_body=method == "GET")

    def _find(self, path: str) -> tuple[int, Any]:
        if path == "/v1/status":
            return 200, self._read_status(None)
        if path == "/v1/certificates":
            return 200, self._certificates.list_all()
        if path == "/v1/sites":
            return 200, self._read_status(None)["sites"]
        if path.startswith("/v1/sites/"):
            host = path.removeprefix("/v1/sites/").lower()
            for site in self._read_status(host)["sites"]:
                if site["host"] == host:
                    return 200, site
            return _error(404, "there is no such site", host, "GET /v1/sites lists them")
        return _error(404, "there is nothing here", path, "GET /v1/status is")

    async def _renew(self, host: str) -> tuple[int, Any]:
        try:
            return 200, await self._certificates.renew(host)
        except LookupError as error:
            return _error(404, str(error.args[0]), host, "GET /v1/certificates lists them")
        except ValueError as error:
            return _error(409, f"the certificate {error}", host, "mend that, and try again")

    async def _list_roots(self) -> tuple[int, Any]:
        try:
            return 200, await self._certificates.list_roots()
        except OSError as error:
            return _error(500, str(error), "the local CA", "mend that, and try again")

    async def _send_events(self, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        while not writer.is_closing():
            data = json.dumps(self._read_status(None))
            writer.write(f"event: status\ndata: {data}\n\n".encode())
            async with asyncio.timeout(READER_TIMEOUT_S):
                await writer.drain()
            await asyncio.sleep(self._event_every_s)


def remove_stale_socket(path: Path) -> None:
    """Removes the socket of a process that is gone. Raises OSError when there is anything else."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(None, "there is a file that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass
    raise FileExistsError(None, "another process listens there")


def _error(status: int, what: str, where: str, way_out: str) -> tuple[int, Any]:
    return status, {"error": {"what": what, "where": where, "way_out": way_out}}


async def _send(
    writer: asyncio.StreamWriter, status: int, content: Any, with_body: bool = True
) -> None:
    body = json.dumps(content).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body * with_body)
    async with asyncio.timeout(READER_TIMEOUT_S):
        await writer.drain()

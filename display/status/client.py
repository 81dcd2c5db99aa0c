"""Reads the box's status from its admin socket (docs/status-schema.md)."""

import asyncio
import http.client
import json
import socket
from collections.abc import AsyncIterator
from urllib.parse import quote

from display.status.model import Status, parse_status

# The box speaks each second; one that is silent for so long is not there.
SILENCE_S = 5.0
CONNECT_S = 2.0
RETRY_S = 1.0
# Thousands of sites; what is longer is no status.
MAX_EVENT_BYTES = 8 << 20
_CHUNK_BYTES = 64 * 1024
_REQUEST = b"GET /v1/events HTTP/1.0\r\nHost: box\r\nAccept: text/event-stream\r\n\r\n"


class ClientError(OSError):
    """An answer that is not what was asked for."""


class EventParser:
    """Server-sent events out of bytes (PURE; HTML, "server-sent events")."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[str, str]]:
        """The events that are whole now, each as its name and its data. Raises ClientError."""
        self._buffer += data
        *events, self._buffer = self._buffer.replace(b"\r\n", b"\n").split(b"\n\n")
        if len(self._buffer) > MAX_EVENT_BYTES:
            raise ClientError("an event is too long")
        return [self._parse(event.decode(errors="replace")) for event in events]

    @staticmethod
    def _parse(event: str) -> tuple[str, str]:
        name, lines = "message", []
        for line in event.split("\n"):
            field, _, value = line.partition(":")
            if field == "event":
                name = value.removeprefix(" ")
            elif field == "data":
                lines.append(value.removeprefix(" "))
        return name, "\n".join(lines)


async def follow(path: str) -> AsyncIterator[Status]:
    """Statuses as the box sends them, until it falls silent. Raises OSError."""
    async with asyncio.timeout(CONNECT_S):
        reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(_REQUEST)
        async with asyncio.timeout(CONNECT_S):
            head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
            raise ClientError(f"the box answers {head[:40].decode('latin-1')}")
        parser = EventParser()
        while True:
            async with asyncio.timeout(SILENCE_S):
                data = await reader.read(_CHUNK_BYTES)
            if not data:
                return
            for name, content in parser.feed(data):
                if name == "status":
                    yield _parse(content)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ClientError("the box's answer is cut") from error
    finally:
        writer.close()


def _parse(content: str) -> Status:
    try:
        return parse_status(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise ClientError("the box's status is not JSON") from error


async def acknowledge(path: str, id: str) -> None:
    """Tells the box that somebody knows of an alert. Raises OSError."""
    head = f"POST /v1/alerts/{quote(id, safe='')}/acknowledge HTTP/1.1\r\nHost: box\r\n"
    async with asyncio.timeout(SILENCE_S):
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(f"{head}Content-Length: 0\r\n\r\n".encode())
            line = (await reader.readline()).decode("latin-1")
        finally:
            writer.close()
    # 404: it is over already.
    if line[9:12] not in ("204", "404"):
        raise ClientError(f"the box answers {line.strip()[:40]}")


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("box", timeout=SILENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SILENCE_S)
        self.sock.connect(self._path)


def fetch_status(path: str) -> Status:
    """The status now. Raises OSError."""
    connection = _SocketConnection(path)
    try:
        connection.request("GET", "/v1/status")
        return _parse(connection.getresponse().read(MAX_EVENT_BYTES).decode(errors="replace"))
    except http.client.HTTPException as error:
        raise ClientError("the box does not speak HTTP") from error
    finally:
        connection.close()

"""A backend that answers as each path asks, in a thread of its own on a free loopback port."""

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

Script = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request as the backend sees it, and the way to answer."""

    def __init__(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.head = head
        self.reader = reader
        self.writer = writer
        self.method, self.target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")

    async def read_body(self) -> bytes:
        low = self.head.lower()
        if b"transfer-encoding: chunked" in low:
            body = b""
            while size := int(await self.reader.readline(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readline()
            while await self.reader.readline() != b"\r\n":
                pass
            return body
        if b"content-length:" in low:
            size = int(low.split(b"content-length:")[1].split(b"\r\n")[0])
            if b"100-continue" in low:
                self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return await self.reader.readexactly(size)
        return b""

    def send(self, data: bytes) -> None:
        self.writer.write(data)


class ScriptedBackend:
    """Runs scripts by path; anything else is echoed: the head, the body's sum and length."""

    def __init__(
        self,
        scripts: dict[str, Script] | None = None,
        path: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.scripts = scripts or {}
        self.heads: list[bytes] = []
        self.connections = 0
        self._host = host
        self.port = port
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"unix:{self._path}" if self._path else f"http://{self._host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._started.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _start(self) -> None:
        if self._path:
            await asyncio.start_unix_server(self._serve, self._path)
            return
        server = await asyncio.start_server(self._serve, self._host, self.port)
        self.port = server.sockets[0].getsockname()[1]

    async def greet(self, reader: asyncio.StreamReader) -> None:
        """What comes before the first request of a connection."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            await self.greet(reader)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                exchange = Exchange(head, reader, writer)
                script = self.scripts.get(exchange.target.partition("?")[0], echo)
                await script(exchange)
                await writer.drain()
        writer.close()


async def echo(exchange: Exchange) -> None:
    body = await exchange.read_body()
    summed = hashlib.sha256(body).hexdigest()
    content = exchange.head + f"sha256={summed} length={len(body)}\n".encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
    exchange.send(head % len(content) + (b"" if exchange.method == "HEAD" else content))


def answer(data: bytes, close: bool = False) -> Script:
    """A script that sends just these bytes."""

    async def script(exchange: Exchange) -> None:
        await exchange.read_body()
        exchange.send(data)
        if close:
            await exchange.writer.drain()
            raise ConnectionError

    return script

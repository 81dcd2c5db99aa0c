"""A broadcast chat over WebSockets: open the page in two tabs and talk.

    python examples/chat/chat.py --port 9999

The page is at /, its WebSocket at /chat. A newcomer is told "Welcome, User N"; whatever anybody
says goes to all as "User N says: MESSAGE"; when a tab closes, the others read "User N has
disconnected". Standard library only: what of RFC 6455 a server needs is in websocket.py.

Bounds: a head of 16 KiB within 10 s, a message of 64 KiB; a reader who falls 256 KiB behind is
let go, and so is one who answers no ping for a minute.
"""

import argparse
import asyncio
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from websocket import (
    CLOSE,
    GOING_AWAY,
    PING,
    PONG,
    TEXT,
    BadFrame,
    Reader,
    accept_key,
    encode_close,
    encode_frame,
)

PAGE = Path(__file__).with_name("page.html")
MAX_HEAD_BYTES = 16 * 1024
HEAD_TIMEOUT_S = 10.0
PING_EVERY_S = 20.0
SILENT_S = 60.0
MAX_BEHIND_BYTES = 256 * 1024

Head = tuple[str, str, dict[str, str]]


class Room:
    """Everybody who is connected."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)
        self._writers: set[asyncio.StreamWriter] = set()

    def enter(self, writer: asyncio.StreamWriter) -> int:
        """Welcomes a newcomer; their number."""
        number = next(self._numbers)
        self._writers.add(writer)
        send(writer, encode_frame(TEXT, f"Welcome, User {number}".encode()))
        return number

    def leave(self, writer: asyncio.StreamWriter, number: int) -> None:
        """Tells the others."""
        self._writers.discard(writer)
        self.say(f"User {number} has disconnected")

    def say(self, text: str) -> None:
        """The same line to everybody."""
        frame = encode_frame(TEXT, text.encode())
        for writer in list(self._writers):
            send(writer, frame)

    def close(self) -> None:
        """Says goodbye to everybody: the server ends."""
        for writer in list(self._writers):
            send(writer, encode_close(GOING_AWAY))
            writer.close()


def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Queues `data`; somebody who does not read is let go rather than kept in memory."""
    if writer.transport.is_closing():
        return
    if writer.transport.get_write_buffer_size() > MAX_BEHIND_BYTES:
        writer.transport.abort()
    else:
        writer.write(data)


def parse_head(data: bytes) -> Head:
    """Method, path and fields (names in lower case). Raises ValueError."""
    start, *lines = data.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, version = start.split(" ")
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        raise ValueError(version)
    fields = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(line)
        fields[name.lower()] = value.strip()
    return method, target.partition("?")[0], fields


def answer(status: str, kind: str, body: bytes, more: str = "", is_head: bool = False) -> bytes:
    """One whole answer, after which the connection closes."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if is_head else body)


def plan_answer(head: Head) -> bytes:
    """What a request that is no WebSocket gets."""
    method, path, _ = head
    is_head = method == "HEAD"
    if method not in ("GET", "HEAD"):
        return answer("405 Method Not Allowed", "text/plain", b"GET only\n", "Allow: GET, HEAD\r\n")
    if path == "/":
        return answer("200 OK", "text/html", PAGE.read_bytes(), is_head=is_head)
    if path == "/chat":
        text = b"a WebSocket is answered here\n"
        more = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        return answer("426 Upgrade Required", "text/plain", text, more, is_head)
    return answer("404 Not Found", "text/plain", b"not here: the chat is at /\n", is_head=is_head)


def plan_upgrade(head: Head) -> bytes | None:
    """The answer to a WebSocket's handshake (RFC 6455 4.2); None when it is none."""
    method, path, fields = head
    wants = [token.strip().lower() for token in fields.get("connection", "").split(",")]
    key = fields.get("sec-websocket-key", "")
    is_one = (
        method == "GET"
        and path == "/chat"
        and "upgrade" in wants
        and fields.get("upgrade", "").lower() == "websocket"
        and fields.get("sec-websocket-version") == "13"
        and key
    )
    if not is_one:
        return None
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
    ).encode()


async def listen_to(
    room: Room, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Passes on what one user says until they leave."""
    frames = Reader()
    silent_s = 0.0
    while silent_s < SILENT_S:
        try:
            async with asyncio.timeout(PING_EVERY_S):
                data = await reader.read(65536)
        except TimeoutError:
            silent_s += PING_EVERY_S
            send(writer, encode_frame(PING, b""))
            continue
        if not data:
            return
        silent_s = 0.0
        for kind, payload in frames.feed(data):
            if kind == TEXT:
                room.say(f"User {number} says: {payload.decode()}")
            elif kind == PING:
                send(writer, encode_frame(PONG, payload))
            elif kind == CLOSE:
                send(writer, encode_frame(CLOSE, payload[:2]))
                return


async def converse(room: Room, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One user's stay."""
    number = room.enter(writer)
    try:
        await listen_to(room, number, reader, writer)
    except BadFrame as error:
        send(writer, encode_close(error.code))
    finally:
        room.leave(writer, number)


async def handle(room: Room, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, from its head to its end."""
    try:
        async with asyncio.timeout(HEAD_TIMEOUT_S):
            head = parse_head(await reader.readuntil(b"\r\n\r\n"))
        upgrade = plan_upgrade(head)
        if upgrade is None:
            writer.write(plan_answer(head))
            await asyncio.wait_for(writer.drain(), HEAD_TIMEOUT_S)
        else:
            writer.write(upgrade)
            await converse(room, reader, writer)
    except ValueError:
        writer.write(answer("400 Bad Request", "text/plain", b"not a request\n"))
    except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def serve(host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT. The first line on standard output says where."""
    room = Room()
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    server = await asyncio.start_server(
        lambda reader, writer: handle(room, reader, writer), host, port, limit=MAX_HEAD_BYTES
    )
    print(f"http://{host}:{server.sockets[0].getsockname()[1]}", flush=True)
    await ended.wait()
    server.close()
    room.close()
    await asyncio.sleep(0)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="A broadcast chat over WebSockets.")
    parser.add_argument("--port", type=int, default=9999)
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port))


if __name__ == "__main__":
    main()

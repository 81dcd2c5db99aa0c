"""What stands behind the proxies; its CPU time is counted for none of them.

Small answers and the large file come from an nginx of its own. Uploads go to a sink and the
seed's experiment to sleepers, both run here: python -m bench.backends sink|sleepers PORT...
"""

import asyncio
import re
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from bench.targets import Launch, Setup, nginx_text, plan_launch

BODY = "hello from behind, a small page as many are\n" * 4
LARGE = "large.bin"
SLEEP_S = 0.05
AT_A_TIME = 4
CHUNK_BYTES = 1 << 20
HEAD_BYTES = 1 << 16


def plan_web(folder: Path, port: int, more: Sequence[int] = ()) -> Launch:
    """nginx: a short fixed answer for every address, and a large file; on more ports if asked."""
    listening = "".join(f"        listen 127.0.0.1:{each};\n" for each in more)
    text = BODY.replace("\n", "\\n")
    http = f"""    access_log off;
    sendfile on;
    tcp_nopush on;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
{listening}        root {folder};
        default_type text/plain;
        location / {{ return 200 "{text}"; }}
        location = /{LARGE} {{ }}
    }}"""
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    setup = Setup(folder, port, ())
    return plan_launch("web", setup, "nginx.conf", nginx_text(folder, 1, http), command)


def plan_python(kind: str, folder: Path, ports: Sequence[int]) -> Launch:
    """The sink or the sleepers, by this Python."""
    command = [sys.executable, "-m", "bench.backends", kind, *map(str, ports)]
    root = str(Path(__file__).resolve().parent.parent)
    return Launch(kind, ports[0], folder, {}, tuple(command), {"PYTHONPATH": root})


def make_large(folder: Path, size_bytes: int) -> None:
    """Holes only: read at memory speed, without using the disk."""
    with (folder / LARGE).open("wb") as file:
        file.truncate(size_bytes)


def parse_length(head: bytes) -> int:
    """Content-Length, 0 without one. The proxies keep it; chunked uploads are not offered."""
    if re.search(rb"^transfer-encoding:", head, re.MULTILINE | re.IGNORECASE):
        raise ValueError("the sink takes bodies with a length only")
    match = re.search(rb"^content-length:\s*(\d+)", head, re.MULTILINE | re.IGNORECASE)
    return int(match[1]) if match else 0


def answer(body: bytes, close: bool = False) -> bytes:
    connection = b"Connection: close\r\n" if close else b""
    length = b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + connection + length + b"\r\n" + body


def drain_one(connection: socket.socket, buffer: bytearray) -> bool:
    """Read one request, throw its body away, say how long it was; False at the end."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(HEAD_BYTES)
        if not data or len(head) > HEAD_BYTES:
            return False
        head += data
    head, _, rest = head.partition(b"\r\n\r\n")
    length = parse_length(head)
    left = length - len(rest)
    while left > 0:
        count = connection.recv_into(buffer, min(left, len(buffer)))
        if not count:
            return False
        left -= count
    connection.sendall(answer(b"%d" % length))
    return True


def serve_connection(connection: socket.socket) -> None:
    buffer = bytearray(CHUNK_BYTES)
    with connection:
        try:
            while drain_one(connection, buffer):
                pass
        except (OSError, ValueError) as error:
            print(f"sink: {error}", file=sys.stderr)


def run_sink(port: int) -> None:
    """A thread per connection; there is one at a time."""
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_connection, args=(connection,), daemon=True).start()


class Sleeper:
    """A backend with a few places, in each of which a request sleeps."""

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(AT_A_TIME)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.serve_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """True when the connection stays open for another request."""
        head = await reader.readuntil(b"\r\n\r\n")
        async with self.slots:
            await asyncio.sleep(SLEEP_S)
        close = b" HTTP/1.0\r\n" in head or b"connection: close" in head.lower()
        writer.write(answer(b"backend\n", close))
        await writer.drain()
        return not close


async def run_sleepers(ports: Sequence[int]) -> None:
    """Each port is a backend of its own."""
    servers = [
        await asyncio.start_server(Sleeper().serve, "127.0.0.1", port, backlog=1024)
        for port in ports
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main(arguments: Sequence[str]) -> None:
    kind, *ports = arguments
    if kind == "sink":
        run_sink(int(ports[0]))
    else:
        asyncio.run(run_sleepers([int(port) for port in ports]))


if __name__ == "__main__":
    main(sys.argv[1:])

"""The client's end of passthrough: a hello, then words to what stands behind (behind.py)."""

import contextlib
import socket
import ssl
import statistics
import time
from functools import cache

from bench.behind import CHUNK_BYTES, DOWN, PING, PING_BYTES, UP, read_exactly
from bench.loads import LoadError
from bench.running import HOST, trusting_context

STALL_S = 30.0


@cache
def hello() -> bytes:
    """A ClientHello with a name, as OpenSSL writes it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting_context().wrap_bio(incoming, outgoing, server_hostname=HOST)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def connect(port: int, source: str = "127.0.0.1", with_hello: bool = True) -> socket.socket:
    """A connection whose hello has been sent."""
    connection = socket.create_connection(("127.0.0.1", port), STALL_S, source_address=(source, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if with_hello:
        connection.sendall(hello())
    return connection


def tell(connection: socket.socket, word: bytes, size: int) -> None:
    connection.sendall(word + size.to_bytes(8))


def download(port: int, size_bytes: int) -> None:
    """Read so many bytes and count them."""
    with connect(port) as connection:
        tell(connection, DOWN, size_bytes)
        left = size_bytes
        buffer = bytearray(CHUNK_BYTES)
        while left:
            count = connection.recv_into(buffer)
            if not count:
                raise LoadError(f"{left} of {size_bytes} bytes did not come down")
            left -= count


def upload(port: int, size_bytes: int) -> None:
    """Send so many, and hear that they were taken."""
    with connect(port) as connection:
        tell(connection, UP, size_bytes)
        chunk = memoryview(bytes(CHUNK_BYTES))
        left = size_bytes
        while left:
            part = min(left, CHUNK_BYTES)
            connection.sendall(chunk[:part])
            left -= part
        if read_exactly(connection, 5) != b"taken":
            raise LoadError("the upload was not taken")


def ping(port: int, count: int) -> float:
    """The median time of a message of 64 bytes there and back, in microseconds."""
    times = []
    with connect(port) as connection:
        tell(connection, PING, count)
        for _ in range(count):
            begun_s = time.perf_counter()
            connection.sendall(bytes(PING_BYTES))
            read_exactly(connection, PING_BYTES)
            times.append(time.perf_counter() - begun_s)
    return statistics.median(times) * 1e6

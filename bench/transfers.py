"""One large body down or up over one connection, with as little of our own as can be."""

import socket

from bench.backends import LARGE
from bench.loads import LoadError

CHUNK_BYTES = 1 << 18
STALL_S = 30.0
HOST = b"Host: photos.home.arpa\r\nConnection: close\r\n"


def read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    """The head of a 200 answer, and what of its body came along."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(CHUNK_BYTES)
        if not more:
            raise LoadError(f"the answer ended in its head: {data[:200]!r}")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise LoadError(f"not a 200: {head[:200]!r}")
    return head, rest


def download(port: int, size_bytes: int) -> None:
    """Read the large file and count it."""
    with socket.create_connection(("127.0.0.1", port), timeout=STALL_S) as connection:
        connection.sendall(b"GET /" + LARGE.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        _, rest = read_head(connection)
        got = len(rest)
        buffer = bytearray(CHUNK_BYTES)
        while count := connection.recv_into(buffer):
            got += count
    if got != size_bytes:
        raise LoadError(f"{got} of {size_bytes} bytes came down")


def upload(port: int, size_bytes: int) -> None:
    """Send zeros; the sink answers with the length it has read."""
    with socket.create_connection(("127.0.0.1", port), timeout=STALL_S) as connection:
        length = b"Content-Length: %d\r\n" % size_bytes
        connection.sendall(b"POST /upload HTTP/1.1\r\n" + HOST + length + b"\r\n")
        chunk = memoryview(bytes(CHUNK_BYTES))
        left = size_bytes
        while left:
            part = min(left, CHUNK_BYTES)
            connection.sendall(chunk[:part])
            left -= part
        _, body = read_head(connection)
        while more := connection.recv(CHUNK_BYTES):
            body += more
    # a proxy may pass the short answer on in chunks; the number is in it either way
    if b"%d" % size_bytes not in body:
        raise LoadError(f"the sink did not read it all: {body[:100]!r}")

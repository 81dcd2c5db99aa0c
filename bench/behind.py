"""What stands behind passthrough: after the hello it does as it is told, and nothing is encrypted.

Nobody in between may look past the hello, so plain bytes serve as well as encrypted ones, and the
ends cost little. Run as python -m bench.behind PORT; the words are in carried_client.py.
"""

import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from bench.targets import Launch, Speaks

CHUNK_BYTES = 1 << 18
DOWN, UP, PING = b"D", b"U", b"P"
PING_BYTES = 64


def plan_behind(folder: Path, port: int) -> Launch:
    """This program, by this Python."""
    command = (sys.executable, "-m", "bench.behind", str(port))
    root = str(Path(__file__).resolve().parent.parent)
    return Launch("behind", port, folder, {}, command, {"PYTHONPATH": root}, Speaks.TCP)


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes. Raises EOFError."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_hello(connection: socket.socket) -> None:
    """One record (RFC 8446 5.1)."""
    start = read_exactly(connection, 5)
    read_exactly(connection, int.from_bytes(start[3:5]))


def send_down(connection: socket.socket, size: int) -> None:
    """So many zeros."""
    chunk = memoryview(bytes(CHUNK_BYTES))
    while size:
        part = min(size, CHUNK_BYTES)
        connection.sendall(chunk[:part])
        size -= part


def take_up(connection: socket.socket, size: int) -> None:
    """Reads so many bytes, then says so."""
    buffer = bytearray(CHUNK_BYTES)
    while size:
        count = connection.recv_into(buffer, min(size, CHUNK_BYTES))
        if not count:
            raise EOFError
        size -= count
    connection.sendall(b"taken")


def serve(connection: socket.socket) -> None:
    """A word and a number, until the client ends."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        try:
            read_hello(connection)
            while True:
                word, size = read_exactly(connection, 1), read_exactly(connection, 8)
                if word == DOWN:
                    send_down(connection, int.from_bytes(size))
                elif word == UP:
                    take_up(connection, int.from_bytes(size))
                else:
                    for _ in range(int.from_bytes(size)):
                        connection.sendall(read_exactly(connection, PING_BYTES))
        except (EOFError, OSError):
            return


def main(arguments: Sequence[str]) -> None:
    threading.stack_size(64 * 1024)
    listener = socket.create_server(("127.0.0.1", int(arguments[0])), backlog=4096)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Asks the emulated box over its network, as its users do."""

import json
import socket
import ssl
import threading
from typing import Any, Self

# That a backend of the test stands behind.
SITE = "hello.home.arpa"
REQUEST_S = 60.0
LOAD_CLIENTS = 3


def ask(
    port: int,
    host: str,
    context: ssl.SSLContext | None = None,
    path: str = "/",
    within_s: float = REQUEST_S,
    content: bytes = b"",
) -> bytes:
    """One request on a connection of its own; empty where there was no answer."""
    more = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    request = (
        f"{'POST' if content else 'GET'} {path} HTTP/1.1\r\nHost: {host}\r\n"
        f"Connection: close\r\n{more if content else ''}\r\n"
    ).encode() + content
    try:
        with socket.create_connection(("127.0.0.1", port), within_s) as plain:
            sock = context.wrap_socket(plain, server_hostname=host) if context else plain
            sock.sendall(request)
            found = b""
            while data := sock.recv(65536):
                found += data
            return found
    except OSError:
        return b""


def is_answered(answer: bytes) -> bool:
    """Whether there was a good answer (PURE)."""
    return answer.startswith(b"HTTP/1.1 200 ")


def post(
    port: int, host: str, context: ssl.SSLContext, path: str, content: dict[str, Any]
) -> bytes:
    """One request to the admin API."""
    return ask(port, host, context, path, content=json.dumps(content).encode())


def shout(port: int, host: str) -> bytes:
    """Over a WebSocket-like upgrade: what comes back for `hey`."""
    request = (
        f"GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port), REQUEST_S) as sock:
        sock.settimeout(REQUEST_S)
        sock.sendall(request)
        found = b""
        while b"\r\n\r\n" not in found:
            found += sock.recv(4096)
        sock.sendall(b"hey")
        while b"HEY" not in found and (data := sock.recv(4096)):
            found += data
        return found


class Load:
    """Clients that ask again and again while something happens to the proxy."""

    def __init__(self, port: int, host: str) -> None:
        self.answers, self.failures = 0, 0
        self._port, self._host = port, host
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(LOAD_CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._ended.is_set():
            if is_answered(ask(self._port, self._host)):
                self.answers += 1
            else:
                self.failures += 1

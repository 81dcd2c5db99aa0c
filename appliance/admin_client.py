"""Asks the running box over its admin socket, for the commands."""

import json
import socket
from http.client import HTTPConnection, HTTPException
from typing import Any

TIMEOUT_S = 5.0


class UnreachableError(OSError):
    """Nobody answers on the socket, or not as the box would; the reason in words."""


class RefusedError(ValueError):
    """The box has answered that it cannot: what is wrong, and the way out."""

    def __init__(self, error: dict[str, str]) -> None:
        super().__init__(f"{error['what']}: {error['way_out']}")


class _SocketConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)


def ask(socket_path: str, target: str, method: str = "GET") -> Any:
    """What the box answers, from JSON. Raises UnreachableError or RefusedError."""
    connection = _SocketConnection(socket_path)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        content = json.loads(answer.read())
    except (OSError, HTTPException, ValueError) as error:
        raise UnreachableError(getattr(error, "strerror", None) or str(error)) from None
    finally:
        connection.close()
    if answer.status != 200:
        raise RefusedError(content["error"])
    return content

"""A browser's and a script's view of the admin port, and the Unix socket's, over real sockets."""

import http.client
import json
import re
import socket
import ssl
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.box import PATIENCE_S, Box, wait_until

PASSWORD = "correct horse"
LOOPBACK = 'admin = "127.0.0.1:0"'
ANYWHERE = 'admin = "0.0.0.0:0"'


class Reply(NamedTuple):
    """An answer, whole."""

    status: int
    fields: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class AdminClient:
    """One client; it keeps the cookie and the CSRF token it is given, as our pages do."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self.tls = tls
        self.fields: dict[str, str] = {}

    def _connect(self) -> http.client.HTTPConnection:
        if self.tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        return http.client.HTTPSConnection(
            "localhost", self.port, timeout=PATIENCE_S, context=self.tls
        )

    def ask(self, method: str, path: str, content: Any = None, **fields: str) -> Reply:
        """One request on a connection of its own; `content`: bytes, or what is sent as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        connection = self._connect()
        try:
            sent = body if content is not None else None
            connection.request(method, path, sent, {**self.fields, **named})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def enter(self, reply: Reply) -> None:
        """Takes over what a claim or a login gives."""
        assert reply.status == 200, reply.body
        (cookie,) = SimpleCookie(reply.fields["Set-Cookie"]).values()
        self.fields = {
            "Cookie": f"{cookie.key}={cookie.value}",
            "X-CSRF-Token": reply.json["csrf"],
        }


def find_admin_port(box: Box) -> int:
    """The dashboard's port, as the log tells it."""

    def said() -> int:
        found = re.search(r"the dashboard is at https?://[^\n]*:(\d+)\n", box.errors.read_text())
        return int(found[1]) if found else 0

    return int(wait_until(said, "the admin port"))


def find_code(box: Box) -> str:
    """The code that claims the box, as the log tells it."""

    def said() -> str:
        found = re.findall(r"the code is (\S+)\n", box.errors.read_text())
        return found[-1] if found else ""

    return str(wait_until(said, "the code"))


def claim(box: Box, tls: ssl.SSLContext | None = None) -> AdminClient:
    """A client that has claimed the box."""
    client = AdminClient(find_admin_port(box), tls)
    content = {"code": find_code(box), "password": PASSWORD}
    client.enter(client.ask("POST", "/v1/claim", content))
    return client


class SocketClient(AdminClient):
    """Asks over the Unix socket, where nobody has to prove anything."""

    def __init__(self, path: Path) -> None:
        super().__init__(0)
        self._path = path

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("box", timeout=PATIENCE_S)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(PATIENCE_S)
        connection.sock.connect(str(self._path))
        return connection

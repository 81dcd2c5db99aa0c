"""Boxes with a port for TLS, and one whose site `a.test` ends TLS and is spoken to over it everywhere."""

import contextlib
import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.box import Box, site
from tests.support.secure import connect, get, trusting

LISTEN = 'https = "127.0.0.1:0"'
ENDED = 'tls = "terminate"'


def secure_box(folder: Path, *sites: str, **more: Any) -> Box:
    """With a port for TLS beside the plain one; `more` goes to the box."""
    return Box(folder, "".join(sites), listen=LISTEN, **more)


def with_files(host: str, url: str, files: tuple[Path, Path]) -> str:
    """A site whose certificate and key are these files."""
    return site(host, url, more=f'{ENDED}\ncertificate = "{files[0]}"\nkey = "{files[1]}"')


def root_of(box: Box) -> Path:
    """The local CA's root."""
    return box.folder / "tls/roots/1/root.crt"


def ask(box: Box, name: str, host: str | None = None, path: str = "/") -> bytes:
    """One request over TLS, as a client does that trusts the local CA."""
    with connect(box.secure_port, trusting(root_of(box)), name) as sock:
        return get(sock, path, host or name)


class TlsSocket:
    """A client's socket over TLS that, unlike Python's own, can end its side and read on.

    An end without close_notify is a reset.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, name: str) -> None:
        self.raw = sock
        self._early = b""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._try(self.session.do_handshake)

    def _try(self, action: Any, *arguments: Any) -> Any:
        while True:
            try:
                return action(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                data = self.raw.recv(1 << 16)
                if not data:
                    raise ConnectionResetError("cut off") from None
                self._incoming.write(data)
            finally:
                self._flush()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self.raw.sendall(data)

    def sendall(self, data: bytes) -> None:
        for start in range(0, len(data), 1 << 16):
            self._try(self.session.write, data[start : start + (1 << 16)])

    def recv(self, size: int) -> bytes:
        if self._early:
            data, self._early = self._early[:size], self._early[size:]
            return data
        try:
            return bytes(self._try(self.session.read, size))
        except ssl.SSLZeroReturnError:
            return b""

    def shutdown(self, how: int) -> None:
        """Says goodbye; what the other side still sends can be read."""
        # It trips over what has come meanwhile, and wants to wait for the other side's goodbye.
        with contextlib.suppress(ssl.SSLWantReadError):
            while True:
                self._early += self.session.read(1 << 16)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.session.unwrap()
        self._flush()
        self.raw.shutdown(how)

    def settimeout(self, seconds: float) -> None:
        self.raw.settimeout(seconds)

    def close(self) -> None:
        self.raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class SecureBox(Box):
    """Its port is the one for TLS."""

    scheme = "https"

    def __init__(self, folder: Path, sites: str, more: str = "", workers: int = 1) -> None:
        secure = sites.replace('host = "a.test"\n', 'host = "a.test"\ntls = "terminate"\n')
        super().__init__(folder, secure, more, workers, listen=LISTEN)

    def __enter__(self) -> "SecureBox":
        super().__enter__()
        self.port = self.secure_port
        return self

    @property
    def root(self) -> Path:
        """The local CA's root."""
        return root_of(self)

    def connect(self) -> Any:
        """A client's connection, made for a.test."""
        return TlsSocket(super().connect(), trusting(self.root), "a.test")

"""Opens connections to backends on an asyncio event loop; the first engine of the data path."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any

from appliance.upstream.link import Link

Done = Callable[[OSError | None], None]
Joined = Callable[[Link | OSError], None]


@lru_cache(maxsize=256)
def backend_context(ca_file: str | None, verify: bool) -> ssl.SSLContext:
    """The TLS settings towards a site's https backends.

    Raises OSError (ssl.SSLError among them) when `ca_file` cannot be read.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python 3.13 began to ask for extensions that the usual home-made CA does not have; neither
    # nginx nor HAProxy does, and the same CA must do on every Python.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _family_of(address: tuple[str, int] | str) -> socket.AddressFamily:
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


class Dialer:
    """Connects in a task of its own with a limit in time; tells the outcome once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def call_soon(self, callback: Callable[[], None]) -> asyncio.Handle:
        """Runs `callback` in the next turn of the loop."""
        return self._loop.call_soon(callback)

    def connect_tcp(
        self,
        address: str,
        port: int,
        tls: ssl.SSLContext | None,
        tls_name: str,
        preface: bytes,
        receiver: Any,
        timeout_s: float,
        done: Done,
    ) -> None:
        """To an IP address (never a name: names are resolved elsewhere)."""
        name = tls_name if tls else None
        opening: Coroutine[Any, Any, Any]
        if preface:
            opening = self._introduce(
                (address, port), preface, receiver, ssl=tls, server_hostname=name
            )
        else:
            opening = self._loop.create_connection(
                lambda: receiver, address, port, ssl=tls, server_hostname=name
            )
        self._start(opening, timeout_s, done)

    def connect_unix(
        self, path: str, preface: bytes, receiver: Any, timeout_s: float, done: Done
    ) -> None:
        """To a Unix socket."""
        opening: Coroutine[Any, Any, Any]
        if preface:
            opening = self._introduce(path, preface, receiver)
        else:
            opening = self._loop.create_unix_connection(lambda: receiver, path)
        self._start(opening, timeout_s, done)

    async def _introduce(
        self, address: tuple[str, int] | str, preface: bytes, receiver: Any, **tls: Any
    ) -> None:
        """Connects and sends the preface before anything else, TLS included."""
        sock = socket.socket(_family_of(address), socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await self._loop.sock_connect(sock, address)
            await self._loop.sock_sendall(sock, preface)
            if isinstance(address, str):
                await self._loop.create_unix_connection(lambda: receiver, sock=sock)
            else:
                await self._loop.create_connection(lambda: receiver, sock=sock, **tls)
        except BaseException:
            sock.close()
            raise

    def join(
        self,
        client: Any,
        address: str,
        port: int,
        preface: bytes,
        early: bytes,
        timeout_s: float,
        done: Joined,
        on_closed: Callable[[], None],
    ) -> None:
        """Opens a connection to a backend and joins a client's paused transport to it."""
        opened: list[socket.socket] = []

        def connected(error: OSError | None) -> None:
            outcome = error or self._make_link(client, opened[0], on_closed)
            if isinstance(outcome, Link):
                outcome.count_early(len(early))
            done(outcome)

        self._start(self._connect((address, port), preface + early, opened), timeout_s, connected)

    def _make_link(
        self, client: Any, backend: socket.socket, on_closed: Callable[[], None]
    ) -> Link | OSError:
        try:
            return Link(self._loop, _take_socket(client), backend, on_closed)
        except OSError as error:
            backend.close()
            return error

    async def _connect(
        self, address: tuple[str, int], first: bytes, opened: list[socket.socket]
    ) -> None:
        sock = socket.socket(_family_of(address), socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.sock_connect(sock, address)
            await self._loop.sock_sendall(sock, first)
        except BaseException:
            sock.close()
            raise
        opened.append(sock)

    def _start(self, opening: Coroutine[Any, Any, Any], timeout_s: float, done: Done) -> None:
        task = self._loop.create_task(self._open(opening, timeout_s, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, opening: Coroutine[Any, Any, Any], timeout_s: float, done: Done) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await opening
        except OSError as error:
            done(error)
        except ValueError as error:
            done(OSError(str(error)))
        else:
            done(None)


def _take_socket(transport: Any) -> socket.socket:
    """A transport's socket for ourselves: the loop lets nobody watch one that is a transport's.

    Raises OSError when the transport is closed.
    """
    if transport.is_closing():
        raise ConnectionAbortedError("the client has gone")
    theirs = transport.get_extra_info("socket")
    ours = socket.socket(theirs.family, socket.SOCK_STREAM, fileno=os.dup(theirs.fileno()))
    ours.setblocking(False)
    transport.abort()
    return ours

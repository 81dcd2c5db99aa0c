"""Where the admin API is reached: a Unix socket, and TCP with or without TLS."""

import asyncio
import errno
import os
import socket
import ssl
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from appliance.admin.connection import MAX_HEAD_BYTES, Ask, Connection
from appliance.admin.exchange import Answer, Peer, Refusal, Request, answer_refusal
from appliance.console import say
from appliance.quantities import Address

# Displays and people; each may hold a connection for events.
MAX_CONNECTIONS = 64
# Over TCP a browser opens six for each page. One client cannot take all of them.
MAX_TCP_CONNECTIONS = 256
MAX_TCP_CONNECTIONS_A_CLIENT = 96
SOCKET_MODE = 0o660
BACKLOG = 128
HANDSHAKE_TIMEOUT_S = 10.0
# Another process may be on its way out, or this one's forerunner.
TRY_AGAIN_S = 5.0
# Where no descriptor is left, connections wait in the queue.
OUT_OF_FILES_PAUSE_S = 0.2
TLS_HANDSHAKE = 0x16  # RFC 8446 5.1, ContentType.handshake

_FULL = Refusal(503, "too many connections", "", "close some")
Say = Callable[[str], None]


class AdminServer:
    """Answers for as long as control lives."""

    def __init__(
        self,
        path: str,
        ask: Ask,
        addresses: Iterable[Address] = (),
        find_tls: Callable[[], ssl.SSLContext | None] = lambda: None,
    ) -> None:
        """`find_tls` gives what a connection from other machines is made secure with."""
        self._path = Path(path)
        self._ask = ask
        self._addresses = tuple(addresses)
        self._find_tls = find_tls
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._local = 0
        self._clients: Counter[str] = Counter()
        self.addresses: list[Address] = []
        """Those that are open."""

    async def start(self) -> None:
        """Opens all; what cannot be opened is said, and serving goes on without."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            remove_stale_socket(self._path)
            self._server = await asyncio.start_unix_server(
                self._serve_local, str(self._path), limit=MAX_HEAD_BYTES
            )
            os.chmod(self._path, SOCKET_MODE)
            self._inode = os.stat(self._path).st_ino
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            say(
                f"no admin socket at {self._path} ({reason}): "
                "set admin_socket in [listen] to a place this user may write"
            )
        for address in self._addresses:
            try:
                listener = open_listener(address)
            except OSError as error:
                say(describe_unopened(address, error))
                self._start(self._open_later(address))
            else:
                self._listen(listener, address)

    async def stop(self) -> None:
        """Ends all connections, and removes the socket's file unless another has its place."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._server is None:
            return
        self._server.close()
        try:
            if os.stat(self._path).st_ino == self._inode:
                self._path.unlink()
        except OSError:
            pass

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_local(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._local += 1
        connection = Connection(reader, writer, Peer(), self._ask)
        try:
            await (connection.refuse(_FULL) if self._local > MAX_CONNECTIONS else connection.run())
        finally:
            self._local -= 1

    # Over TCP.

    def _listen(self, listener: socket.socket, address: Address) -> None:
        self.addresses.append(Address(address.host, listener.getsockname()[1]))
        self._start(self._accept(listener, address.is_loopback))

    async def _open_later(self, address: Address) -> None:
        """The port may become free, and the address may come with the network."""
        while True:
            await asyncio.sleep(TRY_AGAIN_S)
            try:
                listener = open_listener(address)
            except OSError:
                continue
            say(f"the admin port is open at {address}")
            self._listen(listener, address)
            return

    async def _accept(self, listener: socket.socket, is_local: bool) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    sock, peer = await loop.sock_accept(listener)
                except OSError as error:
                    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS):
                        await asyncio.sleep(OUT_OF_FILES_PAUSE_S)
                    continue
                self._start(self._welcome(sock, str(peer[0]), is_local))

    async def _welcome(self, sock: socket.socket, ip: str, is_local: bool) -> None:
        """One client: over TLS unless the port is for this machine alone."""
        ip = ip.removeprefix("::ffff:").partition("%")[0]
        is_full = (
            self._clients.total() >= MAX_TCP_CONNECTIONS
            or self._clients[ip] >= MAX_TCP_CONNECTIONS_A_CLIENT
        )
        self._clients[ip] += 1
        try:
            tls = None if is_local else self._find_tls()
            is_secure = False
            if not is_local:
                async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                    is_secure = await peek_byte(sock) == TLS_HANDSHAKE
            if is_secure and tls is None:
                return
            ask = self._ask if is_local or is_secure else send_to_https if tls else tell_to_wait
            reader, writer = await _open_streams(sock, tls if is_secure else None)
            connection = Connection(reader, writer, Peer(ip, is_secure), ask)
            await (connection.refuse(_FULL) if is_full else connection.run())
        except (OSError, TimeoutError):
            sock.close()
        except asyncio.CancelledError:
            sock.close()
        finally:
            self._clients[ip] -= 1
            if not self._clients[ip]:
                del self._clients[ip]


async def send_to_https(request: Request) -> Answer:
    """What plain HTTP from another machine is answered: the same page over TLS."""
    host = request.fields.get("host", "")
    try:
        name, port = urlsplit(f"//{host}").hostname, urlsplit(f"//{host}").port
    except ValueError:
        name, port = None, None
    if not name or not host.isprintable():
        raise Refusal(400, "no host", "", "open the dashboard by https://")
    shown = f"[{name}]" if ":" in name else name
    where = f"https://{shown}{f':{port}' if port else ''}/"
    if request.method in ("GET", "HEAD"):
        return Answer(307, b"", "text/plain", (("Location", where),))
    # What was sent in the clear is known to all; it is not to be sent again.
    text = b"this port speaks HTTPS\n"
    return Answer(403, text, "text/plain", (("Location", where),))


async def tell_to_wait(request: Request) -> Answer:
    """What it is answered while there is no certificate."""
    way_out = "wait until its clock is set; on the box, gatelight status says more"
    return answer_refusal(Refusal(503, "this box has no certificate yet", "HTTPS", way_out))


async def peek_byte(sock: socket.socket) -> int | None:
    """A client's first byte, which stays where it is; None when the client has gone."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sock.fileno())
    data = sock.recv(1, socket.MSG_PEEK)
    return data[0] if data else None


async def _open_streams(
    sock: socket.socket, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_HEAD_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    limit_s = HANDSHAKE_TIMEOUT_S if tls is not None else None
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, sock, ssl=tls, ssl_handshake_timeout=limit_s
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def open_listener(address: Address) -> socket.socket:
    """A listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def describe_unopened(address: Address, error: OSError) -> str:
    """Why there is no admin port, in a line."""
    if error.errno == errno.EADDRINUSE:
        return f"no admin port at {address} (it is in use): set admin in [listen] to another"
    return f"no admin port at {address} ({error.strerror}): set admin in [listen] to another"


def remove_stale_socket(path: Path) -> None:
    """Removes the socket of a process that is gone. Raises OSError when there is anything else."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(None, "there is a file that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass
    raise FileExistsError(None, "another process listens there")

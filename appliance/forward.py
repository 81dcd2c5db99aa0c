"""`gatelight forward LISTEN BACKEND...`: plain TCP, any number of connections, no file."""

import asyncio
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

import uvloop

from appliance.console import say
from appliance.listening import ListenError, open_listeners
from appliance.proxy.tunnel import Tunnel, pair
from appliance.quantities import Address, parse_address
from appliance.upstream.dial import Dialer

CONNECT_S = 5.0
# How long open connections may go on after a request to stop.
DRAIN_S = 2.0


class _Waiting(asyncio.Protocol):
    """A client whose backend is being connected: its bytes wait in the kernel."""

    def __init__(self, forwarder: "Forwarder") -> None:
        self._forwarder = forwarder
        self.transport: Any = None
        self.early = b""
        self.ended = False
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.pause_reading()
        self._forwarder.connect(self, next(self._forwarder.turn), 1)

    def data_received(self, data: bytes) -> None:
        self.early += data

    def eof_received(self) -> bool:
        self.ended = True
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class _Opened(asyncio.Protocol):
    """A backend's connection for the moment before it is joined."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.early = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.early += data

    def eof_received(self) -> bool:
        return True

    def connection_lost(self, exc: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Forwarder:
    """Takes the backends in turn; one that refuses is passed over."""

    def __init__(self, loop: asyncio.AbstractEventLoop, backends: list[tuple[str, int]]) -> None:
        self._dialer = Dialer(loop)
        self._loop = loop
        self._backends = backends
        self.turn = count()
        self.tunnels: set[Tunnel] = set()

    def accept(self) -> _Waiting:
        """The receiver of a new client's connection."""
        return _Waiting(self)

    def connect(self, client: _Waiting, turn: int, tries: int) -> None:
        """Connects `client` to the backend whose turn it is."""
        host, port = self._backends[turn % len(self._backends)]
        opened = _Opened()
        done = self._on_connected(client, opened, turn, tries)
        self._dialer.connect_tcp(host, port, None, "", b"", opened, CONNECT_S, done)

    def _on_connected(
        self, client: _Waiting, opened: _Opened, turn: int, tries: int
    ) -> Callable[[OSError | None], None]:
        def done(error: OSError | None) -> None:
            if error is not None:
                self._on_refused(client, turn, tries, error)
            elif client.lost:
                opened.transport.abort()
            else:
                self._join(client, opened)

        return done

    def _on_refused(self, client: _Waiting, turn: int, tries: int, error: OSError) -> None:
        host, port = self._backends[turn % len(self._backends)]
        say(f"cannot connect to {host}:{port}: {error.strerror or error}")
        if tries < len(self._backends):
            self.connect(client, turn + 1, tries + 1)
        else:
            client.transport.abort()

    def _join(self, client: _Waiting, opened: _Opened) -> None:
        def on_closed() -> None:
            self.tunnels.discard(one)

        one, two = pair(client.transport, opened.transport, self._loop.time, on_closed)
        self.tunnels.add(one)
        if client.early:
            one.data_received(client.early)
        if opened.early:
            two.data_received(opened.early)
        client.transport.resume_reading()


async def _serve(address: Address, backends: list[tuple[str, int]]) -> None:
    loop = asyncio.get_running_loop()
    forwarder = Forwarder(loop, backends)
    ((listener,),) = open_listeners((address,), 1)
    listener.setblocking(False)
    server = await loop.create_server(forwarder.accept, sock=listener, backlog=4096)
    host, port = listener.getsockname()[:2]
    names = ", ".join(f"{name}:{number}" for name, number in backends)
    say(f"forwarding {Address(host, port)} to {names}")
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    await stopped.wait()
    server.close()
    until_s = loop.time() + DRAIN_S
    while forwarder.tunnels and loop.time() < until_s:
        await asyncio.sleep(0.05)
    for tunnel in list(forwarder.tunnels):
        tunnel.abort()


def parse_target(text: str) -> tuple[str, int]:
    """A backend as HOST:PORT. Raises ValueError in words."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f'"{text}" is not a backend: write HOST:PORT')
    return host.strip("[]"), int(port)


def run(listen: str, backends: list[str]) -> int:
    """Forwards until told to stop; the exit code."""
    try:
        address = parse_address(listen)
        targets = [parse_target(text) for text in backends]
    except ValueError as error:
        say(str(error))
        return 2
    try:
        uvloop.run(_serve(address, targets))
    except ListenError as error:
        say(str(error))
        return 1
    return 0

"""What the data path asks of a socket, and nothing more.

The protocol objects in this room speak to their sockets through `Transport` and open new ones
through `Engine`. uvloop's transports fit as they are, so today's cost is nothing; another engine
has these few methods to provide and carries the same objects.
"""

import ssl
from collections.abc import Callable
from typing import Any, Protocol


class Receiver(Protocol):
    """The callbacks an engine makes; asyncio.Protocol's names."""

    def connection_made(self, transport: Any) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Transport(Protocol):
    """One connected socket. Writes never block; past a mark pause_writing is called."""

    def write(self, data: bytes) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def can_write_eof(self) -> bool: ...
    def write_eof(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def set_protocol(self, protocol: Any) -> None: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


class Link(Protocol):
    """Two sockets whose bytes go across without being looked at."""

    @property
    def bytes_in(self) -> int: ...
    @property
    def bytes_out(self) -> int: ...
    def idle_since_s(self) -> float: ...
    def abort(self) -> None: ...


class Engine(Protocol):
    """Opens connections to backends (`done` is called once, later) and runs small things later.

    A `preface` is sent first of all, before TLS too.
    """

    def call_soon(self, callback: Callable[[], None]) -> object: ...

    def connect_tcp(
        self,
        address: str,
        port: int,
        tls: ssl.SSLContext | None,
        tls_name: str,
        preface: bytes,
        receiver: Receiver,
        timeout_s: float,
        done: Callable[[OSError | None], None],
    ) -> None: ...

    def connect_unix(
        self,
        path: str,
        preface: bytes,
        receiver: Receiver,
        timeout_s: float,
        done: Callable[[OSError | None], None],
    ) -> None: ...

    def join(
        self,
        client: Transport,
        address: str,
        port: int,
        preface: bytes,
        early: bytes,
        timeout_s: float,
        done: Callable[[Link | OSError], None],
        on_closed: Callable[[], None],
    ) -> None:
        """Opens a connection to a backend and joins a client's socket to it, for good.

        `early` is what the client has sent already. The client's transport has to be paused; once
        joined it is closed, and its socket lives on in the link, until that calls `on_closed`.
        """

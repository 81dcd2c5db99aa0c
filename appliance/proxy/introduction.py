"""A new connection that may begin with a PROXY header: from a trusted proxy it must.

Anybody else is taken for the client itself, and a PROXY header from there for the malformed request
that it is.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from appliance.proxy.client import ClientConnection
from appliance.proxy.forwarding import is_trusted, parse_ip
from appliance.wire.proxy_header import parse_proxy_header
from appliance.wire.proxy_tags import MalformedProxyHeaderError

if TYPE_CHECKING:
    from appliance.proxy.gate import Gate


class Introduction(asyncio.Protocol):
    """Reads the header, then gives the socket to the client's connection it speaks of."""

    half_closed = False

    def __init__(self, gate: "Gate", proto: bytes = b"http") -> None:
        self._gate = gate
        self._proto = proto
        self._buffer = b""
        self._ip = ""
        self._transport: Any = None
        self.deadline_s = gate.now_s + gate.limits.head_timeout_s

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        name = transport.get_extra_info("peername")
        self._ip = (parse_ip(name[0]) if isinstance(name, tuple) else None) or "127.0.0.1"
        if is_trusted(self._ip, self._gate.trusted):
            self._gate.clients.add(self)
        else:
            self._hand_over(ClientConnection(self._gate, self._proto), b"")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            header = parse_proxy_header(self._buffer)
        except MalformedProxyHeaderError as error:
            self._refuse(str(error))
            return
        if header is not None:
            client = ClientConnection(self._gate, self._proto, header.ends)
            self._hand_over(client, self._buffer[header.size_bytes :])

    def _hand_over(self, client: ClientConnection, rest: bytes) -> None:
        self._gate.clients.discard(self)
        self._transport.set_protocol(client)
        client.connection_made(self._transport)
        if rest:
            client.data_received(rest)

    def _refuse(self, what: str) -> None:
        self._gate.complain(f"the PROXY header of {self._ip} was refused: {what}")
        self._transport.abort()

    def eof_received(self) -> bool:
        """An end before the header is whole: a port check, or a fault worth a word."""
        if self._buffer:
            self._gate.complain(f"the PROXY header of {self._ip} was cut short")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.clients.discard(self)

    def on_deadline(self) -> None:
        """The header did not come in time."""
        self._refuse("it did not come in time")

    def check_still_there(self) -> None:
        """Only a half-closed connection is asked."""

    def close_if_idle(self) -> None:
        """Nothing has been asked yet: ends when the worker drains."""
        self._transport.close()

    def abort(self) -> None:
        """Ends the connection at once."""
        self._transport.abort()

"""A new connection that may begin with a PROXY header: from a trusted proxy it must.

Anybody else is taken for the client itself, and a PROXY header from there for the malformed request
that it is.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from appliance.proxy.arrival import Arrival
from appliance.proxy.forwarding import is_trusted, parse_ip
from appliance.proxy.transport import Receiver
from appliance.wire.proxy_header import Ends, parse_proxy_header
from appliance.wire.proxy_tags import MalformedProxyHeaderError

if TYPE_CHECKING:
    from appliance.proxy.gate import Gate


class Introduction(Arrival):
    """Reads the header, then gives the socket to the receiver for the client it speaks of."""

    def __init__(
        self, gate: "Gate", new_receiver: Callable[["Gate", Ends | None], Receiver]
    ) -> None:
        super().__init__(gate)
        self._new_receiver = new_receiver
        self._buffer = b""
        self._ip = ""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        name = transport.get_extra_info("peername")
        self._ip = (parse_ip(name[0]) if isinstance(name, tuple) else None) or "127.0.0.1"
        if not is_trusted(self._ip, self.gate.trusted):
            self._hand_over(None, b"")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            header = parse_proxy_header(self._buffer)
        except MalformedProxyHeaderError as error:
            self._refuse(str(error))
            return
        if header is not None:
            self._hand_over(header.ends, self._buffer[header.size_bytes :])

    def _hand_over(self, said: Ends | None, rest: bytes) -> None:
        self.leave()
        receiver = self._new_receiver(self.gate, said)
        self.transport.set_protocol(receiver)
        receiver.connection_made(self.transport)
        if rest:
            receiver.data_received(rest)

    def _refuse(self, what: str) -> None:
        self.gate.complain(f"the PROXY header of {self._ip} was refused: {what}")
        self.transport.abort()

    def eof_received(self) -> bool:
        """An end before the header is whole: a port check, or a fault worth a word."""
        if self._buffer:
            self.gate.complain(f"the PROXY header of {self._ip} was cut short")
        return False

    def on_deadline(self) -> None:
        """The header did not come in time."""
        self._refuse("it did not come in time")

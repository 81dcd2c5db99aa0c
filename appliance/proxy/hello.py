"""A connection to the TLS port, until it is known whose it is.

The ClientHello says which site is asked for; nothing is answered before. The connection is carried
on undecrypted (passthrough.py), or TLS ends here (secured.py) and a client's connection like any
other follows (client.py). Whoever speaks no TLS, or asks for a site that is not here, is told so in
a way that its program understands, and that is the end.
"""

from typing import TYPE_CHECKING, Any

from appliance.proxy.arrival import Arrival, peer_of
from appliance.proxy.client import ClientConnection
from appliance.proxy.error_pages import TLS_PORT
from appliance.proxy.forwarding import Peer
from appliance.proxy.live import Front, LiveSite
from appliance.proxy.passthrough import Passthrough
from appliance.proxy.secured import Secured
from appliance.routing.model import TlsMode
from appliance.wire.client_hello import (
    Alert,
    ClientHello,
    MalformedHelloError,
    PlainHttpError,
    encode_alert,
    parse_client_hello,
)
from appliance.wire.proxy_header import Ends

if TYPE_CHECKING:
    from appliance.proxy.gate import Gate

# What OpenSSL calls the alerts of a client that does not like the certificate (RFC 8446 6.2).
_DISTRUST = ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "CERTIFICATE_EXPIRED")


class Hello(Secured, Arrival):
    """Reads the ClientHello and chooses; answers for the connection until the handshake is done."""

    def __init__(self, gate: "Gate", said: Ends | None = None) -> None:
        """`said`: the ends of the connection as a trusted proxy told them."""
        Arrival.__init__(self, gate)
        Secured.__init__(self, gate.engine.call_soon)
        self._said = said
        self._peer: Peer
        self._buffer = b""
        self._front: Front

    def connection_made(self, transport: Any) -> None:
        Arrival.connection_made(self, transport)
        self._peer = peer_of(transport, self._said, b"https", self.gate.trusted)
        if self.gate.admit(self._peer) is not None:
            # A page that says so would cost the handshake that there is no room for.
            transport.abort()

    def arrived(self, data: bytes) -> None:
        self._buffer += data
        try:
            hello = parse_client_hello(self._buffer)
        except PlainHttpError:
            self._answer_in_the_clear()
        except MalformedHelloError as error:
            self._refuse(error.alert)
        else:
            if hello is not None:
                self._choose(hello)

    def _answer_in_the_clear(self) -> None:
        self.leave()
        client = ClientConnection(self.gate, peer=self._peer)
        self.transport.set_protocol(client)
        client.connection_made(self.transport)
        client.refuse(self._buffer, TLS_PORT)

    def _refuse(self, alert: Alert | None) -> None:
        if alert is not None:
            self.transport.write(encode_alert(alert))
        self.transport.close()

    def _choose(self, hello: ClientHello) -> None:
        """By the name asked for; without one, by the address that was connected to."""
        site = self.gate.find_named(hello.server_name.decode() or self._peer.local_host)
        if site is None or site.site.tls is TlsMode.OFF:
            self._refuse(Alert.UNRECOGNIZED_NAME)
        elif site.site.tls is TlsMode.PASSTHROUGH:
            self.leave()
            carried = site.carried or site
            through = Passthrough(self.gate, self._peer, carried, hello, self._buffer)
            self.transport.set_protocol(through)
            through.connection_made(self.transport)
        else:
            self._terminate(site, hello.server_name)

    def _terminate(self, site: LiveSite, server_name: bytes) -> None:
        gate = self.gate
        own = gate.contexts.find(site.site.host)
        if own is None:
            gate.complain(f"{site.site.host} was asked for and has no certificate to show")
            self._refuse(Alert.INTERNAL_ERROR)
            return

        self._front = Front(site, server_name)
        early, self._buffer = self._buffer, b""
        self.begin(gate.contexts.first, own, early)

    def opened(self) -> ClientConnection:
        self.leave()
        return ClientConnection(self.gate, peer=self._peer, front=self._front)

    def failed(self, why: str) -> None:
        self.leave()
        self.gate.tally.closed(self._peer.ip)
        if why.endswith(_DISTRUST):
            self.gate.complain(
                f"{self._peer.ip} does not trust the certificate of "
                f"{self._front.site.site.host}: for the local CA, gatelight cert trust says how "
                "to teach it"
            )

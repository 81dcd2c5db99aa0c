"""A connection that leaves HTTP: after a 101 its two sockets are joined."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from appliance.proxy.backend import BackendConnection
from appliance.proxy.tunnel import pair

if TYPE_CHECKING:
    from appliance.proxy.client import ClientConnection


def join(
    client: "ClientConnection",
    connection: BackendConnection,
    first: bytes,
    on_closed: Callable[[int, int], None],
) -> None:
    """Sends `first` to the client and joins the two; `on_closed(bytes_in, bytes_out)` ends it."""
    gate = client.gate
    connection.exchange = None

    def closed() -> None:
        gate.tunnels.discard(one)
        on_closed(two.bytes_out, one.bytes_out)
        client.on_tunnel_closed()

    one, two = pair(client.transport, connection.transport, gate.clock, closed)
    gate.tunnels.add(one)
    client.transport.write(first)
    waiting = client.leave_to_tunnel()
    if waiting:
        connection.transport.write(waiting)
    if client.half_closed:
        one.eof_received()

"""Backend connections that one client's connection keeps to itself.

A backend that is told by a PROXY header who its client is takes the whole connection for that
client's; so none of another's requests may go over it.
"""

from appliance.proxy.forwarding import Peer
from appliance.proxy.live import LiveBackend, LiveSite, NewPool, Pool
from appliance.routing.model import ProxyProtocol
from appliance.wire.client_hello import ClientHello
from appliance.wire.proxy_header import Endpoint, encode_v1, encode_v2
from appliance.wire.proxy_tags import ProxyTags


def encode_introduction(
    version: ProxyProtocol, peer: Peer, client_ip: str, hello: ClientHello | None = None
) -> bytes:
    """The PROXY header for a backend; nothing where the site asks for none.

    The client's port is known only where it is the client itself that is connected. With a hello,
    version 2 says the name asked for and the protocol that the client would like best.
    """
    if version is ProxyProtocol.OFF:
        return b""
    ends = None
    if peer.local_ip:
        source = Endpoint(client_ip, peer.port if client_ip == peer.ip else 0)
        ends = (source, Endpoint(peer.local_ip, peer.local_port))
    if version is ProxyProtocol.V1:
        return encode_v1(ends)
    if hello is None:
        return encode_v2(ends)
    return encode_v2(ends, ProxyTags(alpn=b"".join(hello.alpn[:1]), authority=hello.server_name))


class OwnPools:
    """One client's, by backend and by the address that was said."""

    def __init__(self, new_pool: NewPool) -> None:
        self._new_pool = new_pool
        self._pools: dict[tuple[LiveBackend, bytes], Pool] = {}

    def pool(self, backend: LiveBackend, client_ip: bytes) -> Pool:
        """Where this client's connections to `backend` are kept."""
        key = (backend, client_ip)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = self._new_pool()
        return pool

    def known_backend(self, site: LiveSite, client_ip: bytes) -> LiveBackend | None:
        """A backend of `site` that this client has a connection to, so that it stays with it."""
        for (backend, ip), pool in self._pools.items():
            if ip == client_ip and len(pool) and backend.up and backend in site.backends:
                return backend
        return None

    def close_all(self) -> None:
        """Ends every connection; the client is gone."""
        for pool in self._pools.values():
            for connection in pool.take_all():
                connection.close()

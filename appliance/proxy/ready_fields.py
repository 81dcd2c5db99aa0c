"""The fields of a backend's request head, kept ready while a client repeats itself."""

from appliance.proxy.forwarding import Peer, encode_forwarding
from appliance.proxy.heads import encode_request_fields
from appliance.proxy.live import LiveBackend, LiveSite
from appliance.wire.request import Request, RequestFields


class ReadyFields:
    """One client's: a browser sends the same fields with each request, and so do we."""

    __slots__ = ("_fields_of", "_forwarding", "_forwarding_host", "_peer", "_ready")

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._ready = b""
        self._fields_of: tuple[RequestFields, LiveSite] | None = None
        self._forwarding = b""
        self._forwarding_host: bytes | None = None

    def encode(
        self, request: Request, chosen: LiveBackend, site: LiveSite, client_ip: bytes
    ) -> bytes:
        """Everything of the head after its first line, the empty line included."""
        kept, fields, host_header = self._fields_of, request.fields, site.site.host_header
        if kept is not None and kept[0] is fields and kept[1] is site and host_header != "backend":
            return self._ready
        forwarding = self._encode_forwarding(request, client_ip)
        self._ready = encode_request_fields(request, chosen.backend, host_header, forwarding)
        self._fields_of = (fields, site)
        return self._ready

    def _encode_forwarding(self, request: Request, client_ip: bytes) -> bytes:
        """A client that is not trusted has the same lines for each request to a host."""
        peer, host = self._peer, request.host
        if peer.trusted:
            return encode_forwarding(peer, client_ip.decode(), host, request.fields.named)
        if self._forwarding_host != host:
            self._forwarding_host = host
            self._forwarding = encode_forwarding(peer, peer.ip, host, None)
        return self._forwarding

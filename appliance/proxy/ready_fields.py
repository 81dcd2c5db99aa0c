"""The fields of a backend's request head, kept ready while clients repeat themselves."""

from appliance.proxy.forwarding import Peer, encode_forwarding
from appliance.proxy.heads import encode_request_fields
from appliance.proxy.live import LiveBackend, LiveSite
from appliance.wire.request import Request, RequestFields

# With the parsed fields they hold at most about 3 MB in a worker, whatever clients send.
MAX_READY = 512
MAX_READY_BYTES = 2048

_Known = tuple[RequestFields, LiveSite, bytes]


class ReadyFields:
    """A worker's: a browser sends the same fields with each request of a page, and so do we."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # By who asks for which host, and the identity of the parsed fields, which an entry holds.
        self._known: dict[tuple[str, bytes, int, bytes, int], _Known] = {}

    def encode(
        self, peer: Peer, request: Request, chosen: LiveBackend, site: LiveSite, client_ip: bytes
    ) -> bytes:
        """Everything of the head after its first line, the empty line included."""
        fields = request.fields
        key = (peer.ip, peer.proto, peer.local_port, request.host, id(fields))
        known = self._known.get(key)
        if known is not None and known[1] is site:
            return known[2]
        believed = fields.named if peer.trusted else None
        forwarding = encode_forwarding(peer, client_ip.decode(), request.host, believed)
        host_header = site.site.host_header
        ready = encode_request_fields(request, chosen.backend, host_header, forwarding)
        # A Host that is the backend's own differs between a site's backends.
        is_shared = bool(request.host) and host_header != "backend"
        if is_shared and len(ready) <= MAX_READY_BYTES:
            if len(self._known) >= MAX_READY:
                self._known.clear()
            self._known[key] = (fields, site, ready)
        return ready

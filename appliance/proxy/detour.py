"""Requests that came to the wrong place: in the clear for a site behind TLS, or over another's TLS
(PURE)."""

from appliance.proxy.error_pages import ErrorAnswer, misdirected, only_over_tls, redirect_to
from appliance.proxy.forwarding import Peer
from appliance.proxy.live import Front
from appliance.routing.model import Site, TlsMode, parse_host
from appliance.wire.request import Request

HTTPS_PORT = 443


def choose_detour(
    request: Request, site: Site, peer: Peer, front: Front | None, https_port: int | None
) -> ErrorAnswer | None:
    """What to answer in a backend's place; None where the request is in the right one.

    `site` is the one that the (well-formed) Host leads to.
    """
    if front is not None:
        return None if _agrees(request, site, front) else misdirected(request.host)
    if site.tls is TlsMode.OFF or (site.tls is TlsMode.TERMINATE and _came_over_tls(request, peer)):
        return None
    if site.redirect_http and https_port is not None:
        return redirect_to(_secure_url(request, peer, https_port))
    if site.tls is TlsMode.PASSTHROUGH and site.is_all_carried:
        return only_over_tls(request.host)
    return None


def _agrees(request: Request, site: Site, front: Front) -> bool:
    """RFC 9110 7.4: nobody gets one site's answer under another's certificate."""
    if not front.name:
        return site.host == front.site.site.host
    return bool(request.host) and parse_host(request.host) == front.name.decode()


def _came_over_tls(request: Request, peer: Peer) -> bool:
    """A proxy of our own before us may have ended TLS; a redirect would lead in circles."""
    return peer.trusted and request.fields.named.get(b"x-forwarded-proto", b"").lower() == b"https"


def _secure_url(request: Request, peer: Peer, port: int) -> bytes:
    name = parse_host(request.host) if request.host else peer.local_host
    path = request.line.target if request.line.target[:1] == b"/" else b"/"
    return b"https://%b%b%b" % (name.encode(), b"" if port == HTTPS_PORT else b":%d" % port, path)

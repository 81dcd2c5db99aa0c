"""The heads the proxy writes: to a backend and to a client (PURE)."""

from http import HTTPStatus

from appliance.hooks import Answer, encode_field
from appliance.routing.model import Backend, Scheme
from appliance.wire.request import Request
from appliance.wire.response import Response

HTTP_REASONS = {status.value: status.phrase for status in HTTPStatus}


def _host_value(request: Request, backend: Backend, host_header: str) -> bytes:
    if host_header == "keep" and request.host:
        return request.host
    if host_header not in ("keep", "backend"):
        return host_header.encode()
    if backend.scheme is Scheme.UNIX:
        return request.host or b"localhost"
    name = f"[{backend.host}]" if ":" in backend.host else backend.host
    usual = 443 if backend.scheme is Scheme.HTTPS else 80
    return (name if backend.port == usual else f"{name}:{backend.port}").encode()


def encode_request_fields(
    request: Request, backend: Backend, host_header: str, forwarding: bytes
) -> bytes:
    """Everything of a backend's request head after its first line, the empty line included."""
    fields = request.fields
    framing = fields.framing
    if framing.chunked:
        ending = b"Transfer-Encoding: chunked\r\n\r\n"
    elif framing.length is not None:
        ending = b"Content-Length: %d\r\n\r\n" % framing.length
    elif fields.upgrade:
        ending = b"Connection: Upgrade\r\nUpgrade: %b\r\n\r\n" % fields.upgrade
    else:
        ending = b"\r\n"
    return b"Host: %b\r\n%b%b%b" % (
        _host_value(request, backend, host_header),
        fields.lines,
        forwarding,
        ending,
    )


def encode_answer(answer: Answer, method: bytes, keep_alive: bool) -> bytes:
    """An answer that hooks have given, head and body; no body after HEAD."""
    reason = HTTP_REASONS.get(answer.status, "")
    lines = b"".join(encode_field(name, value) for name, value in answer.fields.items())
    head = b"HTTP/1.1 %d %b\r\n%bContent-Length: %d\r\nConnection: %b\r\n\r\n" % (
        answer.status,
        reason.encode(),
        lines,
        len(answer.body),
        b"keep-alive" if keep_alive else b"close",
    )
    return head if method == b"HEAD" or answer.status in (204, 304) else head + answer.body


def asks_to_upgrade(request: Request) -> bool:
    """Whether the upgrade a client asks for is carried: not together with a body."""
    framing = request.fields.framing
    return bool(request.fields.upgrade) and not framing.chunked and framing.length is None


def encode_response_head(
    response: Response, length: int | None, chunked: bool, connection: bytes, more: bytes
) -> bytes:
    """The head a client gets; `connection` is a ready Connection line or nothing, `more` too."""
    if chunked:
        framing = b"Transfer-Encoding: chunked\r\n"
    elif length is None or response.status == 204:
        framing = b""
    else:
        framing = b"Content-Length: %d\r\n" % length
    return b"%b%b%b%b%b\r\n" % (response.line, response.fields.lines, framing, connection, more)


def connection_line(keep_alive: bool, is_http_1_1: bool) -> bytes:
    """What a client has to be told of keep-alive: nothing where its version says so already."""
    if not keep_alive:
        return b"Connection: close\r\n"
    return b"" if is_http_1_1 else b"Connection: keep-alive\r\n"


def encode_interim_head(response: Response) -> bytes:
    """A 1xx head, as it came."""
    return b"%b%b\r\n" % (response.line, response.fields.lines)


def encode_switching_head(response: Response) -> bytes:
    """A 101 head: the one answer whose Upgrade goes on."""
    return b"%b%bConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % (
        response.line,
        response.fields.lines,
        response.fields.upgrade,
    )

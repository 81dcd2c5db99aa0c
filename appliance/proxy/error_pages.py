"""The proxy's own answers: small, clear, HTML or JSON as asked (PURE)."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;"
    "place-items:center;background:Canvas;color:CanvasText}"
    "main{max-width:34rem;padding:2rem}"
    "b{font-size:3.5rem;line-height:1;letter-spacing:-.03em}"
    "h1{font-size:1.25rem;margin:.5rem 0}p{margin:.5rem 0;opacity:.8;overflow-wrap:anywhere}"
)

# A page says no more about what is down than a person takes in.
MAX_DETAILS = 8
# Unanswerable by a cache or a person within this time anyway.
RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    status: int
    what: str
    """One sentence for the person in front of the browser."""
    way_out: str = ""
    location: bytes = b""
    """Where to go instead, for a redirect."""
    details: tuple[str, ...] = ()
    """What there is to know, a sentence each."""


def _reason(status: int) -> str:
    return {413: "Content Too Large", 414: "URI Too Long"}.get(status, HTTPStatus(status).phrase)


def encode_error(answer: ErrorAnswer, accept: bytes, method: bytes, keep_alive: bool) -> bytes:
    """The whole answer, head and body; no body after HEAD."""
    reason = _reason(answer.status)
    if answer.status == 200:
        kind, body = b"text/plain", answer.what.encode()
    elif _prefers_json(accept):
        kind, body = b"application/json", _json_body(answer, reason)
    else:
        kind, body = b"text/html; charset=utf-8", _html_body(answer, reason)
    head = (
        b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
        % (
            answer.status,
            reason.encode(),
            kind,
            len(body),
        )
    )
    if answer.location:
        head += b"Location: %b\r\n" % answer.location
    if answer.status == 503:
        head += b"Retry-After: %d\r\n" % RETRY_AFTER_S
    if answer.status == 405:
        head += b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
    head += b"Connection: keep-alive\r\n\r\n" if keep_alive else b"Connection: close\r\n\r\n"
    return head if method == b"HEAD" else head + body


def _prefers_json(accept: bytes) -> bool:
    """JSON when it is named before HTML, or HTML is not named at all."""
    json_at = accept.find(b"json")
    html_at = accept.find(b"text/html")
    return json_at >= 0 and (html_at < 0 or json_at < html_at)


def _json_body(answer: ErrorAnswer, reason: str) -> bytes:
    error: dict[str, object] = {
        "status": answer.status,
        "what": answer.what,
        "way_out": answer.way_out,
    }
    if answer.details:
        error["details"] = answer.details
    return json.dumps({"error": {"reason": reason, **error}}).encode() + b"\n"


def _html_body(answer: ErrorAnswer, reason: str) -> bytes:
    lines = [*answer.details, answer.way_out] if answer.way_out else answer.details
    more = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{answer.status} {reason}</title><style>{_STYLE}</style>"
        f"<main><b>{answer.status}</b><h1>{html.escape(answer.what)}</h1>{more}</main>\n"
    ).encode()


# hipache's question whether the proxy is there, by those who watch it, and its answer.
PING_HOST = b"__ping__"
PING = ErrorAnswer(200, "ok")
BAD_HOST = ErrorAnswer(400, "This request's Host is not a host name.")
LATE_HEAD = ErrorAnswer(408, "The request did not arrive in time.")
LATE_BODY = ErrorAnswer(408, "The rest of the request did not arrive in time.")
BOX_FULL = ErrorAnswer(
    503, "This box is serving as many connections as it can.", "Try again in a moment."
)
CLIENT_FULL = ErrorAnswer(
    503, "You have too many connections open at once.", "Try again in a moment."
)


def refused(status: int, what: str) -> ErrorAnswer:
    """For a request that is malformed or over a limit."""
    return ErrorAnswer(status, f"This request was refused: {what}.")


def unknown_site(host: bytes) -> ErrorAnswer:
    """For a host that no site has."""
    name = host.decode("latin-1") or "no host"
    return ErrorAnswer(404, f"There is no site {name} here.", "Check the address, or add it.")


def none_up(site: bytes, details: Sequence[str]) -> ErrorAnswer:
    """For a site without a backend to ask; `details`: what is down and since when."""
    what = f"No backend of {site.decode('latin-1')} is up right now."
    shown = tuple(details[:MAX_DETAILS])
    return ErrorAnswer(503, what, "Try again in a moment.", details=shown)


def backend_failed(status: int, site: bytes, how: str) -> ErrorAnswer:
    """For a request whose backend, or each that was tried, failed."""
    what = f"A backend of {site.decode('latin-1')} {how}."
    return ErrorAnswer(status, what, "Try again; if it stays so, look at the backend.")


TLS_PORT = ErrorAnswer(
    400, "This is a port for HTTPS, and the request came in the clear.", "Begin it with https://."
)


def misdirected(host: bytes) -> ErrorAnswer:
    """For a request over a connection that was made for another name."""
    name = host.decode("latin-1") or "no host"
    return ErrorAnswer(
        421, f"{name} was asked for over another site's connection.", "Open the address anew."
    )


def only_over_tls(host: bytes) -> ErrorAnswer:
    """For a request in the clear whose site is carried undecrypted."""
    name = host.decode("latin-1")
    return ErrorAnswer(421, f"{name} is served over HTTPS only.", f"Go to https://{name}")


def redirect_to(url: bytes) -> ErrorAnswer:
    """For a request in the clear whose site wants TLS; 308 keeps the method and the body."""
    text = url.decode("latin-1")
    return ErrorAnswer(308, "This site is served over HTTPS.", f"Go to {text}", url)

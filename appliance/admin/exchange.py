"""A request to the admin port and its answer, as values (PURE)."""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

# What a form or a site's settings may take; a restore has a bound of its own.
MAX_BODY_BYTES = 256 * 1024
MAX_QUERY_KEYS = 32
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Refusal(Exception):  # noqa: N818  # an answer more than an error
    """Why something is not done: what, with what, and the way out."""

    def __init__(self, status: int, what: str, where: str, way_out: str) -> None:
        super().__init__(what)
        self.status = status
        self.what = what
        self.where = where
        self.way_out = way_out
        self.fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks; no address: over the Unix socket, which only those may open who may do all."""

    ip: str | None = None
    is_secure: bool = False


async def _no_body(limit: int) -> bytes:
    return b""


@dataclass(frozen=True, slots=True)
class Request:
    """Names of fields are in lower case; each segment of the path is decoded."""

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    peer: Peer = Peer()
    read_body: Callable[[int], Awaitable[bytes]] = _no_body

    @property
    def path(self) -> str:
        """For people."""
        return "/" + "/".join(self.segments)

    @property
    def kind(self) -> str:
        """The content's type without its parameters."""
        return self.fields.get("content-type", "").partition(";")[0].strip().lower()

    async def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Refusal."""
        body = await self.read_body(MAX_BODY_BYTES)
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"not JSON ({error})", self.path, "send a JSON object") from None
        if not isinstance(content, dict):
            raise Refusal(400, "not a JSON object", self.path, 'send {"name": "value"}')
        return content

    async def form(self) -> dict[str, str]:
        """The body as a form's fields; of several with one name the last. Raises Refusal."""
        body = await self.read_body(MAX_BODY_BYTES)
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=256)
        except ValueError as error:
            raise Refusal(400, f"not a form ({error})", self.path, "send the page's form") from None
        return dict(pairs)

    def cookies(self) -> dict[str, str]:
        """By name (RFC 6265 4.2.1)."""
        pairs = (part.partition("=") for part in self.fields.get("cookie", "").split(";"))
        return {name.strip(): value.strip() for name, _, value in pairs}


def parse_target(target: bytes) -> tuple[tuple[str, ...], dict[str, str]]:
    """The segments of the path and the query. Raises ValueError."""
    text = target.decode("ascii")
    if not text.startswith("/"):
        raise ValueError("the target is no path")
    path, _, query = text.partition("?")
    segments = tuple(unquote(segment, errors="strict") for segment in path[1:].split("/"))
    return segments, dict(parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY_KEYS))


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole body, or a stream of pieces that ends with the connection."""

    status: int
    body: bytes = b""
    kind: str = JSON
    fields: tuple[tuple[str, str], ...] = ()
    stream: AsyncIterator[bytes] | None = None


def answer_json(content: Any, status: int = 200, **fields: str) -> Answer:
    """JSON on one line; `fields` with underscores for hyphens."""
    body = json.dumps(content).encode() + b"\n"
    return Answer(status, body, JSON, tuple((k.replace("_", "-"), v) for k, v in fields.items()))


def answer_refusal(refusal: Refusal) -> Answer:
    """A refusal as JSON."""
    table = {"what": refusal.what, "where": refusal.where, "way_out": refusal.way_out}
    answer = answer_json({"error": table}, refusal.status)
    return Answer(answer.status, answer.body, JSON, refusal.fields)


def encode_event(name: str, data: bytes) -> bytes:
    """A server-sent event; the data is on one line (HTML, "server-sent events")."""
    return b"event: " + name.encode() + b"\ndata: " + data.rstrip(b"\n") + b"\n\n"


def digest_of(table: Mapping[str, Any]) -> str:
    """An entity tag, which differs when the settings do (RFC 9110 8.8.3)."""
    text = json.dumps(table, sort_keys=True).encode()
    return f'"{hashlib.blake2b(text, digest_size=9).hexdigest()}"'

"""What the user's own Python sees: requests and answers, in the file that `[proxy] hooks` names.

A hooks file may define any of these; None always means "no opinion":

    def on_request(request: Request) -> Answer | None      answer it here, or change its fields
    def route(request: Request) -> str | None              the URL of the backend to ask
    def on_response(request: Request, response: Response) -> None     change the answer's fields

They run in the workers, on every request, so they have to be quick: what takes long stops all.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from appliance.wire.fields import is_own_field, parse_field_line

FieldChanges = dict[bytes, bytes | None]
"""By lower-case name: the line to send in place of what there is, or None for no line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in place of a backend's."""

    status: int
    body: bytes = b""
    fields: Mapping[str, str] = field(default_factory=dict)


def answer(
    status: int,
    text: str = "",
    content_type: str = "text/plain; charset=utf-8",
    fields: Mapping[str, str] | None = None,
) -> Answer:
    """An answer of your own, such as `answer(403, "Not you.")`.

    Raises ValueError where a browser could not make sense of it.
    """
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"{status} is not the status of an answer: give 200 to 599")
    named = {"Content-Type": content_type, **(fields or {})}
    for name, value in named.items():
        encode_field(name, value)
    return Answer(status, text.encode(), named)


def encode_field(name: str, value: str) -> bytes:
    """A field's line. Raises ValueError when it would not be one, or is not for hooks to set."""
    line = parse_field_line(f"{name}: {value}".encode("latin-1", "strict"))
    if line is None:
        raise ValueError(f"{name}: {value!r} is not a header that can be sent")
    if is_own_field(name.lower().encode()):
        raise ValueError(f"{name} is written by the proxy itself: a hook cannot set it")
    return line


class Fields(Mapping[str, str]):
    """Header fields by name, in any case; several of one name are joined by a comma.

    Each is looked for when it is asked for: a hook wants one or two of many.
    """

    __slots__ = ("_lines", "_lower")

    def __init__(self, lines: bytes) -> None:
        self._lines = b"\r\n" + lines
        self._lower = self._lines.lower()

    def __getitem__(self, name: str) -> str:
        wanted = name.lower()
        sought = f"\r\n{wanted}:".encode("latin-1", "replace")
        at = self._lower.find(sought)
        values = []
        while at >= 0:
            at += len(sought)
            value = self._lines[at:].partition(b"\r\n")[0]
            values.append(value.strip(b" \t").decode("latin-1"))
            at = self._lower.find(sought, at)
        if not values:
            raise KeyError(name)
        return ("; " if wanted == "cookie" else ", ").join(values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        lines = self._lower.decode("latin-1").split("\r\n")
        return iter(dict.fromkeys(line.partition(":")[0] for line in lines if ":" in line))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Message:
    """What requests and answers have in common: fields to read and to change."""

    __slots__ = ("_headers", "_lines", "changes")

    def __init__(self, lines: bytes) -> None:
        self._lines = lines
        self._headers: Fields | None = None
        self.changes: FieldChanges | None = None

    @property
    def headers(self) -> Fields:
        """The fields as they came."""
        if self._headers is None:
            self._headers = Fields(self._lines)
        return self._headers

    def set_header(self, name: str, value: str) -> None:
        """Sends this field in place of any of that name. Raises ValueError."""
        self._change(name, encode_field(name, value))

    def remove_header(self, name: str) -> None:
        """Sends no field of that name."""
        self._change(name, None)

    def _change(self, name: str, line: bytes | None) -> None:
        if self.changes is None:
            self.changes = {}
        self.changes[name.lower().encode("latin-1")] = line


class Request(Message):
    """A request on its way to a backend; what is changed is what the backend gets."""

    __slots__ = ("_client_ip", "_host", "_method", "_target", "scheme", "site", "state")

    def __init__(
        self,
        method: bytes,
        target: bytes,
        host: bytes,
        lines: bytes,
        client_ip: bytes,
        scheme: str,
        site: str,
    ) -> None:
        super().__init__(lines)
        self._method = method
        self._target = target
        self._host = host
        self._client_ip = client_ip
        self.scheme = scheme
        """"http" or "https"."""
        self.site = site
        """The host pattern of the site it belongs to."""
        self.state: dict[str, object] = {}
        """For you: what on_request puts here, on_response finds."""

    @property
    def method(self) -> str:
        """Such as "GET"."""
        return self._method.decode("latin-1")

    @property
    def target(self) -> str:
        """Path and query, as they came."""
        return self._target.decode("latin-1")

    @property
    def path(self) -> str:
        """What comes before any question mark."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What comes after the first question mark."""
        return self.target.partition("?")[2]

    @property
    def host(self) -> str:
        """The value of Host."""
        return self._host.decode("latin-1")

    @property
    def client_ip(self) -> str:
        """The client's address, through trusted proxies."""
        return self._client_ip.decode("latin-1")

    @property
    def cookies(self) -> dict[str, str]:
        """The first value of each name."""
        found: dict[str, str] = {}
        for pair in self.headers.get("cookie", "").split(";"):
            name, equals, value = pair.strip().partition("=")
            if equals:
                found.setdefault(name, value)
        return found


class Response(Message):
    """An answer on its way to the client; what is changed is what the client gets."""

    __slots__ = ("status",)

    def __init__(self, status: int, lines: bytes) -> None:
        super().__init__(lines)
        self.status = status


OnRequest = Callable[[Request], Answer | None]
Route = Callable[[Request], str | None]
OnResponse = Callable[[Request, Response], None]

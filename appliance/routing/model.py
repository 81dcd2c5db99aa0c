"""Sites, their backends, and host names in their one canonical form (PURE)."""

import difflib
import enum
import ipaddress
import re
from dataclasses import dataclass

# RFC 1035 2.3.4, without the trailing dot.
MAX_NAME = 253
# A pattern deeper than this would never be looked up (see table).
MAX_WILDCARD_LABELS = 6
# sun_path holds 108 bytes with its closing zero (unix(7)).
MAX_UNIX_PATH = 107
MAX_WEIGHT = 1000
# RFC 1035 2.3.1, and the underscore that Windows and container names use. RFC 3986 3.2.2 lets
# more into a name (percent-encoding, sub-delims); two servers could read those differently.
_NAME = re.compile(
    r"(?!.{254})(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_]"
    r"(?:[a-z0-9_-]{0,61}[a-z0-9_])?)*",
    re.ASCII,
)
# RFC 3986 3.2.2 and 3.2.3: the port may be empty.
_HOST = re.compile(rb"(?:(\[[0-9A-Fa-f:.]{2,45}\])|([A-Za-z0-9_.-]{1,254}))(?::([0-9]{0,5}))?")
# Written one way by IDNA 2003 (the standard library) and another by IDNA 2008 (the browsers).
_DEVIATIONS = "\u00df\u03c2\u200c\u200d"


class Scheme(enum.Enum):
    """How a backend is spoken to."""

    HTTP = "http"
    HTTPS = "https"
    UNIX = "unix"
    TCP = "tcp"


class Balance(enum.Enum):
    """How a site's backends share its requests."""

    ROUND_ROBIN = "round-robin"
    LEAST_CONNECTIONS = "least-connections"
    RANDOM = "random"
    SOURCE_IP = "source-ip"


class TlsMode(enum.Enum):
    """What is done with a site's TLS."""

    OFF = "off"
    TERMINATE = "terminate"
    PASSTHROUGH = "passthrough"


USUAL_PORTS = {Scheme.HTTP: 80, Scheme.HTTPS: 443}


@dataclass(frozen=True, slots=True)
class Backend:
    """One server behind a site; `url` is its canonical form, as logs and status show it."""

    url: str
    scheme: Scheme
    host: str
    port: int
    path: str = ""
    weight: int = 1

    @property
    def is_named(self) -> bool:
        """Whether `host` is a name to resolve, not an address or a Unix socket."""
        return self.scheme is not Scheme.UNIX and not _is_address(self.host)


@dataclass(frozen=True, slots=True)
class Site:
    """A host name pattern with its backends and settings; `origin` says where it was written."""

    host: str
    backends: tuple[Backend, ...]
    balance: Balance = Balance.ROUND_ROBIN
    sticky: bool = False
    host_header: str = "keep"
    backend_ca: str | None = None
    backend_verify: bool = True
    tls: TlsMode = TlsMode.OFF
    origin: str = ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def parse_host(value: bytes) -> str:
    """A request's Host value (RFC 9110 7.2) as a name to look up; ValueError when malformed."""
    match = _HOST.fullmatch(value)
    if match is None:
        raise ValueError("malformed host")
    literal, name, port = match.groups()
    if port and int(port) > 65535:
        raise ValueError("port out of range")
    if literal is not None:
        return f"[{ipaddress.IPv6Address(literal[1:-1].decode()).compressed}]"
    text: str = name.decode().lower().removesuffix(".")
    if _NAME.fullmatch(text) is None:
        raise ValueError("malformed host name")
    return text


def canonical_host(text: str) -> str:
    """A site's host from a file: a name, `*.name`, `*` or an address; ValueError in words."""
    host = text.strip()
    if not host:
        raise ValueError("is empty")
    if host == "*":
        return host
    if "://" in host or "/" in host:
        raise ValueError(f"{text!r} is a URL: write the host name alone")
    if host.startswith("*."):
        return "*." + _canonical_suffix(host[2:], text)
    if "*" in host:
        raise ValueError(f"{text!r}: a star stands alone or for the first label, as in *.name")
    bare = host[1:-1] if host[0] == "[" and host[-1] == "]" else host
    if bare.count(":") > 1 or bare is not host:
        return f"[{_canonical_ipv6(bare)}]"
    if ":" in host:
        raise ValueError(f"{text!r} has a port: a site answers on every [listen] address")
    return canonical_name(host)


def _canonical_suffix(suffix: str, text: str) -> str:
    if "*" in suffix:
        raise ValueError(f"{text!r} has more than one star")
    if ":" in suffix:
        raise ValueError(f"{text!r} has a port or an address after the star")
    name = canonical_name(suffix)
    if _is_address(name):
        raise ValueError(f"{text!r} has an address after the star")
    if name.count(".") >= MAX_WILDCARD_LABELS:
        raise ValueError(f"{text!r} has more than {MAX_WILDCARD_LABELS} labels after the star")
    return name


def _canonical_ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv6 address") from None
    if address.scope_id is not None:
        raise ValueError(f"{text!r} has a zone: it means something on this box only")
    return address.compressed


def canonical_name(text: str) -> str:
    """A DNS name or IPv4 address, lower-case, in A-labels (RFC 5890), without a trailing dot."""
    name = text.removesuffix(".")
    if len(name) > MAX_NAME:
        raise ValueError(f"{text[:20]!r}... is longer than {MAX_NAME} characters")
    if not name.isascii():
        name = _a_labels(name)
    name = name.lower()
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{text!r} is not a host name")
    if name.rpartition(".")[2].isdigit() and not _is_address(name):
        raise ValueError(f"{text!r} looks like an IPv4 address and is not one")
    return name


def _a_labels(name: str) -> str:
    if any(character in _DEVIATIONS for character in name):
        raise ValueError(f"{name!r} has a letter with two encodings: write its xn-- form")
    try:
        return name.encode("idna").decode().removesuffix(".")
    except UnicodeError:
        raise ValueError(f"{name!r} cannot be written as an international host name") from None


def parse_backend(url: str, weight: int = 1) -> Backend:
    """A backend from its URL; ValueError says in words what is wrong with it."""
    if not 1 <= weight <= MAX_WEIGHT:
        raise ValueError(f"weight {weight} is not between 1 and {MAX_WEIGHT}")
    if not url.isprintable() or " " in url:
        raise ValueError(f"{url!r} holds a space or a control character")
    if url[:5].lower() == "unix:":
        return _unix_backend(url, weight)
    name, mark, rest = url.partition("://")
    if not mark:
        raise ValueError(f"{url!r} has no scheme: write http://{url.lstrip('/') or 'HOST:PORT'}")
    scheme = _parse_scheme(name, rest)
    authority, slash, tail = rest.partition("/")
    if "?" in rest or "#" in rest:
        raise ValueError(f"{url!r} has a query or a fragment: give host and port only")
    if slash and tail:
        raise ValueError(f"{url!r} has a path: give host and port only")
    if "@" in authority:
        raise ValueError("has a user name or a password: a backend URL takes host and port only")
    host, port = _split_authority(authority, USUAL_PORTS.get(scheme), url)
    shown = f"[{host}]" if ":" in host else host
    if port != USUAL_PORTS.get(scheme):
        shown += f":{port}"
    return Backend(f"{scheme.value}://{shown}", scheme, host, port, "", weight)


def _parse_scheme(name: str, rest: str) -> Scheme:
    lowered = name.lower()
    if lowered in ("ws", "wss"):
        usual = "http" if lowered == "ws" else "https"
        raise ValueError(f"{name}:// is for browsers: {usual}://{rest} carries WebSockets too")
    if lowered == "unix":
        raise ValueError("a Unix socket is written unix:/path")
    try:
        return Scheme(lowered)
    except ValueError:
        near = difflib.get_close_matches(lowered, [scheme.value for scheme in Scheme], 1)
        hint = f"did you mean {near[0]}://?" if near else "use http://, https:// or unix:/path"
        raise ValueError(f"unknown scheme {name}://; {hint}") from None


def _unix_backend(url: str, weight: int) -> Backend:
    path = url[5:]
    if path.startswith("//"):
        raise ValueError("a Unix socket is written unix:/path")
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError(f"{url!r} is not unix: and the full path of a socket")
    if len(path.encode()) > MAX_UNIX_PATH:
        raise ValueError(f"the socket's path is longer than {MAX_UNIX_PATH} bytes")
    return Backend(f"unix:{path}", Scheme.UNIX, "", 0, path, weight)


def _split_authority(authority: str, usual_port: int | None, url: str) -> tuple[str, int]:
    if authority.startswith("["):
        literal, closed, port_text = authority[1:].partition("]")
        if not closed or (port_text and port_text[0] != ":"):
            raise ValueError(f"{url!r} has a bracket out of place")
        return _canonical_ipv6(literal), _parse_port(port_text[1:], port_text, usual_port, url)
    if authority.count(":") > 1:
        raise ValueError(f"{url!r}: an IPv6 address goes in brackets, as in http://[::1]:8080")
    host, colon, port_text = authority.partition(":")
    if not host:
        raise ValueError(f"{url!r} names no host")
    return canonical_name(host), _parse_port(port_text, colon, usual_port, url)


def _parse_port(text: str, colon: str, usual: int | None, url: str) -> int:
    if not colon:
        if usual is None:
            raise ValueError(f"{url!r} needs a port")
        return usual
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise ValueError(f"{url!r}: the port is not a number between 1 and 65535")
    return int(text)

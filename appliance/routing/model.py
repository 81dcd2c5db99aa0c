"""Sites and backends: the words the whole appliance uses (PURE)."""

import difflib
import enum
import functools
import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit


class Scheme(enum.Enum):
    """How a backend is spoken to."""

    HTTP = "http"
    HTTPS = "https"
    UNIX = "unix"
    TCP = "tcp"


class Balance(enum.Enum):
    """How a backend is chosen among several."""

    ROUND_ROBIN = "round-robin"
    LEAST_CONNECTIONS = "least-connections"
    RANDOM = "random"
    SOURCE_IP = "source-ip"


class TlsMode(enum.Enum):
    """What happens to a client's TLS."""

    OFF = "off"
    TERMINATE = "terminate"
    PASSTHROUGH = "passthrough"


class ProxyProtocol(enum.Enum):
    """Whether a backend's connections begin with a PROXY header."""

    OFF = "off"
    V1 = "v1"
    V2 = "v2"


@dataclass(frozen=True, slots=True)
class Check:
    """How backends are asked whether they are well; without a path: whether they take connections.

    `fall` failures in a row take a backend out, `rise` successes bring it back.
    """

    path: str | None = None
    interval_s: float = 3.0
    timeout_s: float = 1.0
    rise: int = 2
    fall: int = 5


@dataclass(frozen=True, slots=True)
class Backend:
    """One upstream server. `url` is how logs and status name it; weight 0 means: it is drained."""

    url: str
    scheme: Scheme
    host: str
    port: int
    path: str = ""
    weight: int = 1

    @property
    def is_carried(self) -> bool:
        """Whether a site with tls = "passthrough" sends TLS there; others serve plain requests."""
        return self.scheme in (Scheme.TCP, Scheme.HTTPS)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate with its chain, and its key, in two PEM files or twice the same."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class CertificatePem:
    """The same as text, for stores that hold it themselves."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Site:
    """A host name with its backends and settings."""

    host: str
    backends: tuple[Backend, ...]
    balance: Balance = Balance.ROUND_ROBIN
    sticky: bool = False
    host_header: str = "keep"
    backend_ca: str | None = None
    backend_verify: bool = True
    tls: TlsMode = TlsMode.OFF
    certificate: CertificateFiles | CertificatePem | None = None
    """With TERMINATE; None: the box gets one by itself."""
    redirect_http: bool = False
    hsts: bool = False
    proxy_protocol: ProxyProtocol = ProxyProtocol.OFF
    check: Check | None = None
    origin: str = ""

    @property
    def is_all_carried(self) -> bool:
        """Whether no backend is for plain requests, with tls = "passthrough"."""
        return all(backend.is_carried for backend in self.backends)


DEFAULT_PORTS = {Scheme.HTTP: 80, Scheme.HTTPS: 443}

# RFC 1123 2.1 and the underscores that real networks use; each label 63 bytes, a name 253.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NAME = re.compile(rf"{_LABEL.pattern}(?:\.{_LABEL.pattern})*")
MAX_NAME_LENGTH = 253
# sun_path holds 108 bytes with its closing zero: unix(7).
MAX_SOCKET_PATH = 107
# As ipaddress writes it; it takes its time, and a store may hold a hundred thousand.
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")
# IDNA 2003, which the standard library speaks, and the browsers' IDNA 2008 write these differently.
_DEVIATIONS = "\u00df\u03c2\u200c\u200d"
# RFC 3986 3.2.2 reg-name without percent-encoding, and what real Host values hold.
_HOST_VALUE = re.compile(
    rb"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,255}))(?::([0-9]{0,5}))?"
)


def parse_host(value: bytes) -> str:
    """A Host value as the name to look up: no port, lower case, no trailing dot.

    RFC 9110 7.2, RFC 3986 3.2.2. Raises ValueError when it is malformed.
    """
    match = _HOST_VALUE.fullmatch(value)
    if match is None:
        raise ValueError("not a host name")
    literal, name, port = match.groups()
    if port and int(port) > 65535:
        raise ValueError("the port is too large")
    if literal is not None:
        return f"[{IPv6Address(literal.decode())}]"
    text: str = name.decode().lower().removesuffix(".")
    if len(text) > MAX_NAME_LENGTH or _NAME.fullmatch(text) is None:
        raise ValueError("not a host name")
    return text


def canonical_host(text: str) -> str:
    """A site's host pattern in its one form. Raises ValueError in words."""
    if text == "*":
        return text
    wild = text.startswith("*.")
    name = text[2:] if wild else text
    if name.startswith("[") and name.endswith("]") and not wild:
        return f"[{_canonical_ipv6(name[1:-1])}]"
    return ("*." if wild else "") + _canonical_name(name)


def _canonical_ipv6(text: str) -> str:
    address = IPv6Address(text)
    if address.scope_id is not None:
        raise ValueError("an IPv6 address with a zone means something on this box only")
    return str(address)


def _canonical_name(name: str) -> str:
    if "://" in name or "/" in name:
        raise ValueError("a host is a name alone, without scheme and path")
    if ":" in name:
        raise ValueError("a host is a name alone, without a port")
    if "*" in name:
        raise ValueError('a wildcard stands alone ("*") or for the first label ("*.example.org")')
    name = name.lower().removesuffix(".")
    if not name.isascii():
        if any(character in _DEVIATIONS for character in name):
            raise ValueError("the name has a letter with two encodings: write its xn-- form")
        try:
            name = name.encode("idna").decode().lower().removesuffix(".")
        except UnicodeError as error:
            raise ValueError(f"the name cannot be written in ASCII ({error})") from None
    if not name or len(name) > MAX_NAME_LENGTH:
        raise ValueError("a host name has 1 to 253 characters")
    for label in name.split("."):
        if _LABEL.fullmatch(label) is None:
            raise ValueError(f'"{label}" is not a label of a host name')
    return name


@functools.lru_cache(maxsize=1024)
def parse_backend(url: str, weight: int = 1) -> Backend:
    """A backend from its URL. Raises ValueError in words."""
    # urlsplit drops tabs and line ends without a word.
    if not url.isprintable() or " " in url:
        raise ValueError("a backend's URL holds no space or control character")
    if url.startswith("unix:"):
        path = url.removeprefix("unix:").removeprefix("//")
        if not path.startswith("/") or "\0" in path:
            raise ValueError("a Unix socket is written unix:/path/to/socket")
        if len(path.encode()) > MAX_SOCKET_PATH:
            raise ValueError(f"a Unix socket's path has at most {MAX_SOCKET_PATH} bytes")
        return Backend(f"unix:{path}", Scheme.UNIX, "", 0, path, weight)
    scheme = _parse_scheme(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"not a URL: {error}") from None
    if parts.username is not None:
        raise ValueError("user names and passwords do not belong in a backend's URL")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f'a backend has no path: write "{scheme.value}://{parts.netloc}"')
    if port is None:
        port = DEFAULT_PORTS.get(scheme)
        if port is None:
            raise ValueError(f"{scheme.value}:// needs a port")
    if not 0 < port < 65536:
        raise ValueError("a port is a number from 1 to 65535")
    host = _parse_backend_host(parts.hostname or "")
    shown = f"[{host}]" if ":" in host else host
    usual = DEFAULT_PORTS.get(scheme) == port
    return Backend(
        f"{scheme.value}://{shown}" + ("" if usual else f":{port}"), scheme, host, port, "", weight
    )


def _parse_scheme(url: str) -> Scheme:
    name, colon, rest = url.partition("://")
    if not colon:
        raise ValueError(f'a backend is a URL: did you mean "http://{url}"?')
    try:
        return Scheme(name.lower())
    except ValueError:
        known = [scheme.value for scheme in Scheme]
        near = difflib.get_close_matches(name, known, 1)
        hint = f'; did you mean "{near[0]}://{rest}"?' if near else ""
        raise ValueError(f'unknown scheme "{name}"{hint}') from None


def _parse_backend_host(host: str) -> str:
    if ":" in host:
        return _canonical_ipv6(host)
    if _IPV4.fullmatch(host):
        return host
    if host and host.replace(".", "").isdigit():
        return str(ip_address(host))
    if "*" in host:
        raise ValueError("a backend's host is one name, without wildcards")
    return _canonical_name(host)

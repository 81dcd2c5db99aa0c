"""Keys in Redis: what each is, for which host, and what may stand under it (PURE)."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.routing.model import canonical_host

# What a list or a set may hold; more backends than this for one site are a mistake.
MAX_BACKENDS = 1000
# Settings as a person writes them, with room for a chain of certificates.
MAX_VALUE_BYTES = 64 * 1024


class Kind(enum.Enum):
    """What a key holds for its host; the value is the key, with {} for the host."""

    FRONTEND = "frontend:{}"
    """hipache: a list, an identifier first and then URLs."""
    DEAD = "dead:{}"
    """hipache: a set of indexes among those URLs, which expires."""
    TLS = "tls:{}"
    """planb: a hash with a certificate and its key."""
    HTTP_DEFAULT = "hostnames:httpDefault:backends"
    """The Go SNI proxy: a set of names for hosts that have none, asked on port 80."""
    HTTPS_DEFAULT = "hostnames:httpsDefault:backends"
    """The same for TLS, port 443."""
    HOSTNAMES = "hostnames:{}:backends"
    """The Go SNI proxy: a set of names, asked on port 80, and for TLS on 443."""
    OWN = "gatelight:site:{}"
    """Ours: the keys of a [[site]] table as JSON, on top of what the others say."""

    def key(self, host: str) -> str:
        """The key of a host, without the prefix of the database."""
        return self.value.replace("{}", host)


# What the keys begin with. The server takes these as prefixes to watch; none may hold another.
BEGINNINGS = ("frontend:", "dead:", "tls:", "hostnames:", "gatelight:site:")
ANY_HOST = "*"


class Malformed(str):
    """In the place of a value: why there is none, in words."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Lent:
    """In the place of a certificate: that of a wildcard, which is good for this host too."""

    lender: str
    value: "Value"


# As they come: a list or a set, a string, a hash's two fields, or nothing.
Value = Sequence[bytes | None] | bytes | Malformed | Lent | None
Values = Mapping[Kind, Value]
Fault = tuple[str, str]
"""A key, and what is wrong with it."""


def parse_key(key: bytes) -> tuple[Kind, str] | None:
    """What a key is and for which host; None for a key of no schema.

    Raises ValueError in words when it can be no host's.
    """
    text = key.decode("utf-8", "backslashreplace")
    for kind in Kind:
        beginning, has_host, end = str(kind.value).partition("{}")
        if not has_host and text == beginning:
            return kind, ANY_HOST
        if has_host and text.startswith(beginning) and text.endswith(end):
            return kind, _own_host(kind, text[len(beginning) : len(text) - len(end)])
    return None


def _own_host(kind: Kind, text: str) -> str:
    if kind is Kind.HOSTNAMES and "*" in text:
        raise ValueError(f'only names stand here: write "{Kind.FRONTEND.key(text)}"')
    host = canonical_host(text)
    if host != text:
        raise ValueError(f'no request leads to it: write "{kind.key(host)}"')
    return host


def shorten(item: bytes) -> str:
    """A value in an error, on one line of a bearable length."""
    text = item[:64].decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return f'"{shown}{"..." if len(item) > 64 else ""}"'

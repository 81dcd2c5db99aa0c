"""The address of a store: `[store] url` (PURE)."""

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from appliance.quantities import nearest

DEFAULT_PORT = 6379
MAX_DATABASE = 2**31 - 1
# As redis-py and redis-cli's relatives write them.
OPTIONS = ["db", "ssl_ca_certs", "ssl_cert_reqs"]


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A Redis server and a database in it; `prefix` goes before every key, channels excepted."""

    host: str = ""
    port: int = DEFAULT_PORT
    path: str = ""
    tls: bool = False
    ca: str | None = None
    verify: bool = True
    username: str | None = None
    password: str | None = None
    database: int = 0
    prefix: str = ""

    def __str__(self) -> str:
        """Without the password, for people."""
        prefix = f"#{self.prefix}" if self.prefix else ""
        if self.path:
            database = f"?db={self.database}" if self.database else ""
            return f"unix://{self.path}{database}{prefix}"
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' * self.tls}://{name}:{self.port}/{self.database}{prefix}"


def parse_store_url(text: str) -> StoreUrl:
    """redis://, rediss:// or unix://, as redis-py writes them. Raises ValueError in words."""
    if not text.isprintable() or " " in text:
        raise ValueError("a URL holds no space or control character")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"not a URL: {error}") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError(
            "a store's URL is redis://HOST[:PORT][/DATABASE][#PREFIX], rediss:// with TLS, "
            "or unix:///PATH[?db=DATABASE][#PREFIX]"
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in OPTIONS:
            raise ValueError(f'unknown option "{name}"{nearest(name, OPTIONS)}')
    is_unix = parts.scheme == "unix"
    if is_unix and not parts.path.startswith("/"):
        raise ValueError("a Unix socket is written unix:///path/to/redis.sock")
    if not is_unix and not parts.hostname:
        raise ValueError(f"no host: write {parts.scheme}://127.0.0.1:6379/0")
    database = options.get("db", "") if is_unix else parts.path.strip("/")
    tls = parts.scheme == "rediss"
    if not tls and options.keys() - {"db"}:
        raise ValueError("TLS's options go with rediss://")
    return StoreUrl(
        host="" if is_unix else parts.hostname or "",
        port=DEFAULT_PORT if port is None else port,
        path=unquote(parts.path) if is_unix else "",
        tls=tls,
        ca=options.get("ssl_ca_certs"),
        verify=_verifies(options.get("ssl_cert_reqs", "required")),
        username=_unquoted(parts.username),
        password=_password(parts),
        database=_database(database),
        prefix=unquote(parts.fragment),
    )


def _unquoted(text: str | None) -> str | None:
    return unquote(text) if text else None


def _password(parts: SplitResult) -> str | None:
    # hipache's own URLs end their password with the at sign; a colon belongs before it.
    if parts.username and parts.password is None:
        raise ValueError("a password comes after a colon: redis://:PASSWORD@HOST")
    return _unquoted(parts.password)


def _database(text: str) -> int:
    if not text:
        return 0
    if not text.isdecimal() or int(text) > MAX_DATABASE:
        raise ValueError(f'the database is a number, not "{text}"')
    return int(text)


def _verifies(text: str) -> bool:
    if text not in ("required", "none"):
        raise ValueError('ssl_cert_reqs is "required" or "none"')
    return text == "required"

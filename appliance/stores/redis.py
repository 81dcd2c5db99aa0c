"""A connection to Redis: questions in batches, and news of keys that have changed.

Two connections on redis-py: one asks, the other hears. What is heard is, in this order of
preference, invalidations by key prefix (CLIENT TRACKING with BCAST and REDIRECT, Redis 6 and later;
needs no setting of the server), keyspace notifications where the server has them switched on, or
nothing: then somebody has to look again and again.
"""

import asyncio
import enum
import os
import re
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from redis import exceptions
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)

from appliance.store_url import StoreUrl
from appliance.stores.base import StoreError
from appliance.stores.keys import BEGINNINGS

CONNECT_S = 3.0
# A server that takes longer for one answer hangs, or is out of memory.
ANSWER_S = 5.0
# A silent connection may be a dead one: both are asked whether they live this often.
PING_EVERY_S = 2.0
INVALIDATIONS = "__redis__:invalidate"
# What keyspace notifications need: K, and generic, string, list, set, hash and expired events.
NEEDED_EVENTS = set("g$lshx")

# A server that answers nonsense makes redis-py stumble over it in any of the latter ways.
FAILURES = (exceptions.RedisError, OSError, EOFError, ValueError, OverflowError, RecursionError)
Command = tuple[str | bytes | int, ...]


class ChangesBy(enum.Enum):
    """How changes arrive."""

    TRACKING = "tracking"
    NOTIFICATIONS = "notifications"
    POLLING = "polling"


class Link:
    """One session with the server. Every method raises StoreError when it is over."""

    def __init__(self, url: StoreUrl) -> None:
        self._url = url
        self._asking = _connection(url)
        self._hearing = _connection(url)
        self._lock = asyncio.Lock()
        self._unanswered = 0
        self.changes_by = ChangesBy.POLLING

    async def open(self) -> None:
        """Connects, and finds out how changes are to be heard of."""
        try:
            await self._asking.connect_check_health()
            await self._hearing.connect_check_health()
            await self._subscribe()
        except FAILURES as error:
            raise StoreError(words(error, self._url)) from error

    async def close(self) -> None:
        """Ends both connections."""
        for connection in (self._asking, self._hearing):
            try:
                await connection.disconnect(nowait=True)
            except (exceptions.RedisError, OSError):
                pass

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers in order; one that is an error is a ResponseError in its place."""
        async with self._lock:
            try:
                packed = self._asking.pack_commands(commands)
                await self._asking.send_packed_command(packed, check_health=False)
                return [await self._answer(self._asking) for _ in commands]
            except FAILURES as error:
                raise StoreError(words(error, self._url)) from error

    async def hear(self) -> list[bytes] | None:
        """Keys that have changed, maybe none; None when any may have."""
        try:
            message = await self._hearing.read_response(timeout=PING_EVERY_S)
            if message is not None:
                self._unanswered = 0
                return _keys_in(message)
            if self._unanswered * PING_EVERY_S > ANSWER_S:
                raise exceptions.TimeoutError
            self._unanswered += 1
            await self._hearing.send_command("PING", check_health=False)
        except FAILURES as error:
            raise StoreError(words(error, self._url)) from error
        await self.ask([("PING",)])
        return []

    async def _answer(self, connection: AbstractConnection) -> Any:
        try:
            return await connection.read_response()
        except exceptions.ResponseError as error:
            return error

    async def _command(self, connection: AbstractConnection, *command: str | bytes | int) -> Any:
        await connection.send_command(*command, check_health=False)
        return await self._answer(connection)

    async def _subscribe(self) -> None:
        prefixes = [f"{self._url.prefix}{beginning}" for beginning in BEGINNINGS]
        number = await self._command(self._hearing, "CLIENT", "ID")
        subscribed = await self._command(self._hearing, "SUBSCRIBE", INVALIDATIONS)
        if isinstance(number, int) and not isinstance(subscribed, Exception):
            tracking: list[str | int] = ["CLIENT", "TRACKING", "ON", "REDIRECT", number, "BCAST"]
            for prefix in prefixes:
                tracking += ["PREFIX", prefix]
            if not isinstance(await self._command(self._asking, *tracking), Exception):
                self.changes_by = ChangesBy.TRACKING
                return
        if has_events(await self._command(self._asking, "CONFIG", "GET", "notify-keyspace-events")):
            patterns = [f"__keyspace@{self._url.database}__:{escape(p)}*" for p in prefixes]
            await self._hearing.send_command("PSUBSCRIBE", *patterns, check_health=False)
            answers = [await self._answer(self._hearing) for _ in patterns]
            if not any(isinstance(answer, Exception) for answer in answers):
                self.changes_by = ChangesBy.NOTIFICATIONS


def _connection(url: StoreUrl) -> AbstractConnection:
    common: dict[str, Any] = {
        "db": url.database,
        "username": url.username,
        "password": url.password,
        "socket_timeout": ANSWER_S,
        "socket_connect_timeout": CONNECT_S,
        "client_name": "gatelight",
        "driver_info": None,
        # What is heard comes as messages then, whatever brings it.
        "protocol": 2,
    }
    if url.path:
        return UnixDomainSocketConnection(path=url.path, **common)
    common |= {"host": url.host, "port": url.port, "socket_keepalive": True}
    if not url.tls:
        return Connection(**common)
    return SSLConnection(
        ssl_cert_reqs="required" if url.verify else "none",
        ssl_check_hostname=url.verify,
        ssl_ca_certs=url.ca,
        # The usual home-made CA lacks what Python 3.13 began to ask for: see backend_context.
        ssl_exclude_verify_flags=[ssl.VerifyFlags.VERIFY_X509_STRICT],
        **common,
    )


def _keys_in(message: Any) -> list[bytes] | None:
    """The keys that a message speaks of; None: of all."""
    match message:
        case [b"message", _, None]:
            return None
        case [b"message", _, [*keys]]:
            return keys
        case [b"pmessage", _, bytes(channel), _]:
            return [channel.partition(b"__:")[2]]
    return []


def is_wrong_type(answer: Exception) -> bool:
    """Whether a key holds something of another kind than was asked for."""
    return "WRONGTYPE" in (str(answer) + str(getattr(answer, "status_code", "")))


def has_events(answer: Any) -> bool:
    """Whether CONFIG GET notify-keyspace-events names all that is needed (A: all of them)."""
    match answer:
        case [_, bytes(flags)]:
            given = set(flags.decode("latin-1"))
            return "K" in given and ("A" in given or given >= NEEDED_EVENTS)
    return False


def escape(text: str) -> str:
    """Text as a pattern that matches it alone."""
    return re.sub(r"([\\*?\[\]^-])", r"\\\1", text)


def words(error: BaseException, url: StoreUrl) -> str:
    """What went wrong, where, and the way out."""
    cause: BaseException | None = error
    while cause is not None:
        what = _what(cause, url)
        if what is not None:
            return f"{what} at {url}"
        cause = cause.__cause__ or cause.__context__
    return f"{' '.join(str(error).split())[:200]} at {url}"


def _what(error: BaseException, url: StoreUrl) -> str | None:
    """One of the causes in words; None when another says more."""
    text = " ".join(str(error).split())
    match error:
        case ssl.SSLCertVerificationError():
            return f"TLS refused: {error.verify_message} (ssl_ca_certs= names the CA to believe)"
        case ssl.SSLError():
            return f"TLS refused: {error.reason or text} (without TLS write redis://)"
        case socket.gaierror():
            return "the name of the server cannot be resolved"
        case exceptions.AuthenticationError() if "required" in text:
            return "a password is needed (redis://:PASSWORD@HOST)"
        case exceptions.AuthenticationError():
            return "the user name or password is wrong"
        case exceptions.BusyLoadingError():
            return "Redis is still loading its data"
        case exceptions.NoPermissionError():
            return f"the user may not do this ({text})"
        case exceptions.TimeoutError() | TimeoutError():
            return "no answer in time"
        case exceptions.RedisError() if "DB index" in text or "Invalid Database" in text:
            return f"there is no database {url.database}"
        case ConnectionResetError() | BrokenPipeError() | EOFError():
            return _closed(url)
        case exceptions.ConnectionError() if "closed" in text:
            return _closed(url)
        case exceptions.InvalidResponse() | exceptions.ResponseError():
            return f"the answer is not one that Redis gives ({text[:100]})"
        case ValueError() | OverflowError() | RecursionError():
            return f"the answer is not one that Redis gives ({text[:100]})"
        case OSError() if error.errno:
            return os.strerror(error.errno).lower()
    return None


def _closed(url: StoreUrl) -> str:
    hint = "" if url.tls or url.path else " (does it want TLS: rediss://?)"
    return f"the server has closed the connection{hint}"

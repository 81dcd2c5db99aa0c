"""What the keys of hosts hold in Redis: the questions, and the answers as values for schemas.

Questions are put for many hosts at once. None of them asks for more of a list, set or string than a
site may have, so that a key with a million members costs no more than any other.
"""

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.stores.base import StoreError
from appliance.stores.keys import (
    ANY_HOST,
    MAX_BACKENDS,
    MAX_VALUE_BYTES,
    Kind,
    Malformed,
    Value,
    Values,
)
from appliance.stores.redis import Command, Link, escape, is_wrong_type

PAGE_KEYS = 1000
# Raised when the same values come to another site than before: digests are kept on disk.
READING = 2
# The kinds of key that a host may have, and those of any other host besides.
KINDS = frozenset((Kind.FRONTEND, Kind.DEAD, Kind.TLS, Kind.HOSTNAMES, Kind.OWN))
DEFAULT_KINDS = KINDS | {Kind.HTTP_DEFAULT, Kind.HTTPS_DEFAULT}
_NOT = {
    Kind.FRONTEND: "is not a list",
    Kind.TLS: "is not a hash",
    Kind.OWN: "is not a string",
}
_NO_SET = "is not a set"


@dataclass(frozen=True, slots=True)
class HostValues:
    """The values of one host's keys; `dead_ttl_s`: how long its dead backends stay so."""

    values: Values
    dead_ttl_s: float | None

    @property
    def is_empty(self) -> bool:
        """Whether there is no key that could make a site."""
        return all(v is None for kind, v in self.values.items() if kind is not Kind.DEAD)


def kinds_of(host: str) -> frozenset[Kind]:
    """Every kind of key that `host` may have."""
    return DEFAULT_KINDS if host == ANY_HOST else KINDS


def commands_for(kind: Kind, key: str) -> list[Command]:
    """How a key is read."""
    match kind:
        case Kind.FRONTEND:
            return [("LRANGE", key, 0, MAX_BACKENDS + 1)]
        case Kind.TLS:
            return [("HMGET", key, "certificate", "key")]
        case Kind.OWN:
            return [("GETRANGE", key, 0, MAX_VALUE_BYTES)]
        case Kind.DEAD:
            return [("SRANDMEMBER", key, MAX_BACKENDS + 1), ("PTTL", key)]
        case _:
            # With a count above their number these are all members, each once.
            return [("SRANDMEMBER", key, MAX_BACKENDS + 1)]


def value_of(kind: Kind, answer: Any) -> Value:
    """An answer as a value. Raises StoreError when it is an error that is not the key's fault."""
    if isinstance(answer, Exception):
        if is_wrong_type(answer):
            return Malformed(_NOT.get(kind, _NO_SET))
        raise StoreError(f"the keys cannot be read ({answer})")
    if kind is Kind.OWN:
        return answer if isinstance(answer, bytes) and answer else None
    if not isinstance(answer, list) or not any(item is not None for item in answer):
        return None
    return answer if kind in (Kind.FRONTEND, Kind.TLS) else sorted(answer)


async def read_hosts(
    link: Link, prefix: str, wanted: Mapping[str, Iterable[Kind]]
) -> dict[str, HostValues]:
    """The values of hosts' keys, of the kinds given for each. Raises StoreError."""
    asked = [(host, kind) for host, kinds in wanted.items() for kind in kinds]
    commands = [commands_for(kind, prefix + kind.key(host)) for host, kind in asked]
    answers = iter(await link.ask([each for group in commands for each in group]))
    values: dict[str, dict[Kind, Value]] = {host: {} for host in wanted}
    ttl_s: dict[str, float] = {}
    for host, kind in asked:
        values[host][kind] = value_of(kind, next(answers))
        if kind is Kind.DEAD:
            left_ms = next(answers)
            if isinstance(left_ms, int) and left_ms >= 0:
                ttl_s[host] = left_ms / 1000
    return {host: HostValues(found, ttl_s.get(host)) for host, found in values.items()}


async def scan(link: Link, prefix: str) -> AsyncIterator[list[bytes]]:
    """Every key of the database with the prefix, without it, a page at a time."""
    cursor: Any = 0
    start = prefix.encode()
    pattern: Command = ("MATCH", f"{escape(prefix)}*") if prefix else ()
    while True:
        (answer,) = await link.ask([("SCAN", cursor, *pattern, "COUNT", PAGE_KEYS)])
        if isinstance(answer, Exception):
            raise StoreError(f"the keys cannot be listed ({answer})")
        cursor, keys = answer
        yield [key[len(start) :] for key in keys if key.startswith(start)]
        if cursor in (0, b"0"):
            return


def digest_of(values: Values) -> int:
    """A number that differs when anything does that makes a site."""
    parts = [(kind.value, value) for kind, value in values.items() if value is not None]
    parts = [part for part in parts if part[0] != Kind.DEAD.value]
    text = repr((READING, sorted(parts, key=lambda part: part[0]))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest())

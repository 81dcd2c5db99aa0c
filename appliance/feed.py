"""What the control process tells the workers, and how it gets there.

Control writes the routes on the board, which every process can read at any time, and then tells
each worker what has changed. A worker connects to a socket that the supervisor opened; the first
message says that anything may have changed. Both ends are forks of one image, so all of it is
pickles.
"""

import copyreg
import pickle
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, NamedTuple

from appliance.board import Board
from appliance.routing.health import Condition
from appliance.routing.model import Backend, Site
from appliance.routing.standing import Evidence, Key


def _reduce_by_fields(kind: type[Any]) -> None:
    """Pickles by fields in a third of the time that dataclasses' own way takes."""
    read = attrgetter(*(each.name for each in fields(kind)))
    copyreg.pickle(kind, lambda value: (kind, read(value)))


for _kind in (Site, Backend):
    _reduce_by_fields(_kind)

_LENGTH = struct.Struct("<I")
# A change of a hundred thousand sites at once names them in about 5 MB.
MAX_MESSAGE_BYTES = 1 << 26
_SITE = b"site:"
_NAME = b"name:"
_CERTIFICATE = b"certificate:"
_DEAD = b"dead:"
_CONDITION = b"condition:"
_HOOKS = b"hooks"


@dataclass(frozen=True, slots=True)
class Changed:
    """Hosts whose sites, certificates or marks, and names whose addresses, are not as they were.

    `anything`: maybe all of them.
    """

    hosts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    backends: tuple[Key, ...] = ()
    """Those whose checks have come to another verdict."""
    hooks: bool = False
    """The user's hooks are not as they were."""
    anything: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What a worker's traffic has shown of backends."""

    evidence: Mapping[Key, Evidence]
    failed: tuple[tuple[str, str], ...] = ()
    """Hosts that were asked for, and the URL of a backend that has failed them."""


@dataclass(frozen=True, slots=True)
class HookNews:
    """What the user's hooks have done in a worker: a "fault", or they are switched "off"."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Hooks:
    """The user's hooks; not in force while they are switched off."""

    path: str
    source: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class Noted:
    """Something in a worker that a person should know of for a while; `id` is the alert's."""

    id: str
    text: str


Message = Changed | Seen | HookNews | Noted


def encode(message: Message) -> bytes:
    """A message with its length. Raises ValueError when it is too large."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    if len(body) > MAX_MESSAGE_BYTES:
        raise ValueError("a message of the feed is too large")
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Messages from a stream of bytes."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages completed by `data`. Raises ValueError when one is too large."""
        self._held += data
        found: list[Message] = []
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            if length > MAX_MESSAGE_BYTES:
                raise ValueError("a message of the feed is too large")
            end = _LENGTH.size + length
            if len(self._held) < end:
                break
            found.append(pickle.loads(bytes(self._held[_LENGTH.size : end])))
            del self._held[:end]
        return found


class Adopted(NamedTuple):
    """What a control process finds."""

    sites: dict[str, Site]
    addresses: dict[str, tuple[str, ...]]
    dead: dict[str, frozenset[str]]


class Routes:
    """Every site in force with its certificate, what the backends' names stand for, and who is
    dead, on the board.

    A name with no address cannot be resolved; one that is not there has not been looked up yet.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    def site(self, host: str) -> Site | None:
        """The site of a host pattern."""
        found: Site | None = self._get(_SITE + host.encode())
        return found

    def addresses(self, name: str) -> tuple[str, ...] | None:
        """What a backend's name stands for."""
        found: tuple[str, ...] | None = self._get(_NAME + name.encode())
        return found

    def certificate(self, host: str) -> bytes | None:
        """Key and certificate chain for a site that ends TLS here, as PEM in one text."""
        return self._board.get(_CERTIFICATE + host.encode())

    def dead(self, host: str) -> frozenset[str]:
        """The URLs of the backends that are not to be asked for requests to a host."""
        found: frozenset[str] | None = self._get(_DEAD + host.encode())
        return found or frozenset()

    def _get(self, key: bytes) -> Any:
        value = self._board.get(key)
        return None if value is None else pickle.loads(value)

    def put_site(self, site: Site) -> None:
        """Puts a site in force. Raises BoardFullError."""
        self._board.put(_SITE + site.host.encode(), pickle.dumps(site, pickle.HIGHEST_PROTOCOL))

    def remove_site(self, host: str) -> None:
        """Takes a site away."""
        self._board.remove(_SITE + host.encode())

    def put_addresses(self, name: str, addresses: tuple[str, ...]) -> None:
        """Notes what a name stands for. Raises BoardFullError."""
        self._board.put(_NAME + name.encode(), pickle.dumps(addresses, pickle.HIGHEST_PROTOCOL))

    def remove_addresses(self, name: str) -> None:
        """Forgets a name."""
        self._board.remove(_NAME + name.encode())

    def put_certificate(self, host: str, pem: bytes) -> None:
        """Puts a site's certificate in force. Raises BoardFullError."""
        self._board.put(_CERTIFICATE + host.encode(), pem)

    def remove_certificate(self, host: str) -> None:
        """Takes a site's certificate away."""
        self._board.remove(_CERTIFICATE + host.encode())

    def certificates(self) -> dict[str, bytes]:
        """Every certificate in force."""
        found = self._board.items()
        return {
            key.removeprefix(_CERTIFICATE).decode(): value
            for key, value in found
            if key.startswith(_CERTIFICATE)
        }

    def put_dead(self, host: str, urls: frozenset[str]) -> None:
        """Marks backends as dead for a host; none takes the marks away. Raises BoardFullError."""
        key = _DEAD + host.encode()
        if urls:
            self._board.put(key, pickle.dumps(urls, pickle.HIGHEST_PROTOCOL))
        else:
            self._board.remove(key)

    def condition(self, key: Key) -> Condition:
        """What a backend's checks have found."""
        found: Condition | None = self._get(_condition_key(key))
        return found or Condition()

    def put_condition(self, key: Key, condition: Condition) -> None:
        """Notes what a backend's checks have found. Raises BoardFullError."""
        value = pickle.dumps(condition, pickle.HIGHEST_PROTOCOL)
        self._board.put(_condition_key(key), value)

    def remove_condition(self, key: Key) -> None:
        """Forgets what a backend's checks have found."""
        self._board.remove(_condition_key(key))

    def conditions(self) -> dict[Key, Condition]:
        """What every backend's checks have found."""
        found = {}
        for text, condition in self._all(_CONDITION):
            host, _, url = text.partition(" ")
            found[host, url] = condition
        return found

    def hooks(self) -> Hooks | None:
        """The user's hooks, where there are any."""
        found: Hooks | None = self._get(_HOOKS)
        return found

    def put_hooks(self, hooks: Hooks) -> None:
        """Puts the user's hooks in force. Raises BoardFullError."""
        self._board.put(_HOOKS, pickle.dumps(hooks, pickle.HIGHEST_PROTOCOL))

    def adopt(self) -> Adopted:
        """All there is, for a control process that goes on where another ended."""
        self._board.adopt()
        return Adopted(dict(self._all(_SITE)), dict(self._all(_NAME)), dict(self._all(_DEAD)))

    def _all(self, kind: bytes) -> Iterator[tuple[str, Any]]:
        for key, value in self._board.items():
            if key.startswith(kind):
                yield key.removeprefix(kind).decode(), pickle.loads(value)


def _condition_key(key: Key) -> bytes:
    """Neither a host nor a URL holds a space."""
    return _CONDITION + " ".join(key).encode()

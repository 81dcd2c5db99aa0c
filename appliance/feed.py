"""What the control process tells the workers, and how it gets there.

Each worker connects to a socket that the supervisor opened; control sends the state on accept and
every change after. The routes memory holds the last state for a worker that starts while control
is away. Both ends are forks of one image on a private socket, so messages are pickles.
"""

import mmap
import os
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.routing.model import Site

_LENGTH = struct.Struct("<I")
# 100,000 sites take about 30 MB.
MAX_MESSAGE_BYTES = 1 << 28
# Reading takes milliseconds, and control changes routes a few times a second at most.
LOAD_TRIES = 10


@dataclass(frozen=True, slots=True)
class Routes:
    """Every site in force."""

    version: int
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the backends' names stand for; a name with no address cannot be resolved."""

    by_name: Mapping[str, tuple[str, ...]]


Message = Routes | Addresses


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


class RoutesMemory:
    """The last routes and addresses, in memory that outlives any one process.

    Two files in memory take turns: the idle one is written, then the count of changes goes up by
    one and makes it the current one. A writer killed half-way leaves the other as it was.
    """

    def __init__(self) -> None:
        self._files = [os.memfd_create("gatelight-routes") for _ in range(2)]
        self._changes = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")

    def store(self, routes: Routes, addresses: Addresses) -> None:
        """Keeps both."""
        following = self._changes[0] + 1
        file = self._files[following % 2]
        content = encode(routes) + encode(addresses)
        os.ftruncate(file, 0)
        written = 0
        while written < len(content):
            written += os.pwrite(file, content[written:], written)
        self._changes[0] = following

    def load(self) -> tuple[Routes, Addresses] | None:
        """What was kept last; None before the first time, or when it changes too fast to read."""
        for _ in range(LOAD_TRIES):
            current = self._changes[0]
            if not current:
                return None
            content = _read_whole(self._files[current % 2])
            # The current file is only written again once the other one has become current.
            if self._changes[0] == current:
                match Decoder().feed(content):
                    case [Routes() as routes, Addresses() as addresses]:
                        return routes, addresses
                return None
        return None


def _read_whole(file: int) -> bytes:
    size = os.fstat(file).st_size
    content = bytearray()
    while len(content) < size and (data := os.pread(file, size - len(content), len(content))):
        content += data
    return bytes(content)

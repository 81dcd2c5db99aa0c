"""What the backends' names stand for, found out away from the request path.

The system's resolver can keep a caller for half a minute and cannot be told to stop. So each name
has one thread at most, nobody waits for it, and its answer counts whenever it comes.
"""

import asyncio
import heapq
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from appliance.routing.model import Scheme, Site

# Home networks hand out short leases, and most resolvers do not tell the time to live.
AGAIN_EVERY_S = 30.0
# While a name has no address at all: the network of a box that has just started may come any time.
UNKNOWN_AGAIN_S = 5.0
# Look-ups under way at once; the rest wait, new names before those looked up already.
THREADS = 32

Addresses = tuple[str, ...]
Resolve = Callable[[str], Addresses]


def names_of(site: Site) -> set[str]:
    """The backends' names that need looking up."""
    return {
        backend.host
        for backend in site.backends
        if backend.scheme is not Scheme.UNIX and not is_literal(backend.host)
    }


def is_literal(host: str) -> bool:
    """Whether a backend's host is an address already."""
    return ":" in host or host.replace(".", "").isdigit()


def resolve(name: str) -> Addresses:
    """The addresses of a name by the system's resolver; none when it fails."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(address[4][0]) for address in found))


@dataclass(slots=True, eq=False)
class _Followed:
    """One name: what it stands for, and when to look again (0: never looked yet)."""

    addresses: Addresses
    due_s: float = 0.0


class Names:
    """Follows names and tells what each stands for: once at first, then when it changes.

    A name that fails keeps what it stood for; one never found has no address.
    """

    def __init__(
        self,
        tell: Callable[[str, Addresses], None],
        resolve: Resolve = resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._resolve = resolve
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, "names")
        self._followed: dict[str, _Followed] = {}
        self._fresh: deque[str] = deque()
        self._due: list[tuple[float, str]] = []
        self._running: set[str] = set()
        self._unseen: set[str] = set()
        self._woken = asyncio.Event()
        self._settled = asyncio.Event()

    def follow(self, name: str, known: Addresses = ()) -> None:
        """From now on; `known` is what it stood for when somebody looked before."""
        if name not in self._followed:
            self._followed[name] = _Followed(known)
            self._fresh.append(name)
            self._unseen.add(name)
            self._woken.set()

    def forget(self, name: str) -> None:
        """No longer."""
        self._followed.pop(name, None)
        self._unseen.discard(name)
        self._woken.set()

    def look_again(self) -> None:
        """Looks every name up now: somebody says that they have changed."""
        self._fresh.extend(self._followed)
        self._woken.set()

    async def settle(self, limit_s: float) -> None:
        """Waits until every name has been looked up once, but not longer than `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                while self._unseen:
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            pass

    async def run(self) -> None:
        """Looks names up, for ever."""
        while True:
            self._woken.clear()
            self._start_due()
            if not self._unseen:
                self._settled.set()
            pause_s = max(0.0, self._due[0][0] - self._clock()) if self._due else AGAIN_EVERY_S
            busy = len(self._running) >= THREADS
            try:
                async with asyncio.timeout(None if busy else pause_s):
                    await self._woken.wait()
            except TimeoutError:
                pass

    def _start_due(self) -> None:
        while len(self._running) < THREADS:
            name = self._next()
            if name is None:
                return
            self._running.add(name)
            future = asyncio.wrap_future(self._threads.submit(self._resolve, name))
            future.add_done_callback(partial(self._take, name))

    def _next(self) -> str | None:
        """The next name to look up now."""
        while self._fresh:
            name = self._fresh.popleft()
            if name in self._followed and name not in self._running:
                return name
        while self._due and self._due[0][0] <= self._clock():
            due_s, name = heapq.heappop(self._due)
            followed = self._followed.get(name)
            if followed is not None and followed.due_s == due_s and name not in self._running:
                return name
        return None

    def _take(self, name: str, future: "asyncio.Future[Addresses]") -> None:
        self._running.discard(name)
        self._woken.set()
        followed = self._followed.get(name)
        if followed is None:
            return
        found = () if future.cancelled() or future.exception() else future.result()
        found = found or followed.addresses
        if name in self._unseen or found != followed.addresses:
            self._unseen.discard(name)
            followed.addresses = found
            self._tell(name, found)
        followed.due_s = self._clock() + (AGAIN_EVERY_S if found else UNKNOWN_AGAIN_S)
        heapq.heappush(self._due, (followed.due_s, name))

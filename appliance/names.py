"""What the backends' names stand for, found out away from the request path.

The system's resolver can keep a caller for half a minute and cannot be told to stop. So each name
has one thread at most, nobody waits for it longer than LOOKUP_S, and an answer that comes later is
taken at the next look.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from appliance.routing.model import Scheme, Site

# The resolver's own limits go up to 30 s; a name that takes this long is as good as unknown.
LOOKUP_S = 5.0
# Home networks hand out short leases, and most resolvers do not tell the time to live.
AGAIN_EVERY_S = 30.0
# While a name has no address at all: the network of a box that has just started may come any time.
UNKNOWN_AGAIN_S = 5.0
# Look-ups under way at once; the rest wait for a thread.
THREADS = 32

Resolve = Callable[[str], tuple[str, ...]]


def names_of(sites: Iterable[Site]) -> set[str]:
    """The backends' names that need looking up."""
    return {
        backend.host
        for site in sites
        for backend in site.backends
        if backend.scheme is not Scheme.UNIX and not is_literal(backend.host)
    }


def is_literal(host: str) -> bool:
    """Whether a backend's host is an address already."""
    return ":" in host or host.replace(".", "").isdigit()


def resolve(name: str) -> tuple[str, ...]:
    """The addresses of a name by the system's resolver; none when it fails."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(address[4][0]) for address in found))


class Names:
    """Looks names up in threads, each name in one."""

    def __init__(self, resolve: Resolve = resolve) -> None:
        self._resolve = resolve
        self._threads = ThreadPoolExecutor(THREADS, "names")
        self._running: dict[str, Future[tuple[str, ...]]] = {}

    async def look_up(
        self, names: Iterable[str], known: Mapping[str, tuple[str, ...]], timeout_s: float
    ) -> AsyncIterator[dict[str, tuple[str, ...]]]:
        """Addresses by name, again whenever more are found; for one caller at a time.

        A name that fails keeps what it stood for; one never found has no address.
        """
        found = {name: known.get(name, ()) for name in sorted(names)}
        yield dict(found)
        by_future = {asyncio.wrap_future(self._start(name)): name for name in found}
        clock = asyncio.get_running_loop().time
        until_s = clock() + timeout_s
        pending = set(by_future)
        while pending:
            done, pending = await asyncio.wait(
                pending, timeout=max(0.0, until_s - clock()), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                return
            for future in done:
                name = by_future[future]
                found[name] = self._take(name) or found[name]
            yield dict(found)

    def _start(self, name: str) -> Future[tuple[str, ...]]:
        if name not in self._running:
            self._running[name] = self._threads.submit(self._resolve, name)
        return self._running[name]

    def _take(self, name: str) -> tuple[str, ...]:
        future = self._running.pop(name)
        return () if future.exception() else future.result()


def choose_pause_s(addresses: Mapping[str, tuple[str, ...]]) -> float:
    """When to look again."""
    return AGAIN_EVERY_S if all(addresses.values()) else UNKNOWN_AGAIN_S

"""What the backends' names stand for, found out away from the request path."""

import asyncio
import socket
from collections.abc import Iterable, Mapping

from appliance.routing.model import Scheme, Site

# The resolver's own limits go up to 30 s; a name that takes this long is as good as unknown.
LOOKUP_S = 5.0
# Home networks hand out short leases, and most resolvers do not tell the time to live.
AGAIN_EVERY_S = 30.0
# Look-ups under way at once: threads of the default pool.
AT_ONCE = 16


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


async def look_up(
    names: Iterable[str], known: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Addresses by name. One that fails keeps what it stood for; one never found has none."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> tuple[str, tuple[str, ...]]:
        async with limit:
            return name, await _look_up_one(name) or known.get(name, ())

    return dict(await asyncio.gather(*(one(name) for name in sorted(names))))


async def _look_up_one(name: str) -> tuple[str, ...]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOKUP_S):
            found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return ()
    return tuple(dict.fromkeys(str(address[4][0]) for address in found))

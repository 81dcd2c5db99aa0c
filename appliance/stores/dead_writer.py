"""Marks backends as dead where hipache and its health checkers look: `dead:<host>`, for a while.

Their rules, and one of ours: the last backend that is alive is never marked by what traffic shows.
"""

from collections.abc import Iterable

from appliance.routing.model import parse_backend
from appliance.routing.table import patterns_of
from appliance.stores.keys import MAX_BACKENDS, Kind
from appliance.stores.redis import Command, Link
from appliance.stores.schemas import read_dead

# As hipache has it.
DEAD_S = 30
CHANNEL = "dead"
# What may wait while Redis is away: marks of half a minute are not worth more.
MAX_WAITING = 1000


class DeadWriter:
    """What is to be marked, and how; `prefix` goes before keys, not before the channel."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._waiting: dict[tuple[str, str], None] = {}

    def note(self, failed: Iterable[tuple[str, str]]) -> None:
        """Hosts that were asked for, and the URL of a backend that has failed them."""
        for each in failed:
            if len(self._waiting) < MAX_WAITING:
                self._waiting[each] = None

    def forget(self) -> None:
        """Redis is away, and what failed meanwhile is old news when it is back."""
        self._waiting.clear()

    async def write(self, link: Link) -> None:
        """Marks what waits. Raises StoreError."""
        while self._waiting:
            host, url = next(iter(self._waiting))
            del self._waiting[host, url]
            await self._mark(link, host, url)

    async def _mark(self, link: Link, host: str, url: str) -> None:
        patterns = list(patterns_of(host))
        keys = [self._prefix + Kind.FRONTEND.key(pattern) for pattern in patterns]
        dead_key = self._prefix + Kind.DEAD.key(host)
        *lists, marks = await link.ask(
            [*(("LRANGE", key, 0, MAX_BACKENDS) for key in keys), ("SMEMBERS", dead_key)]
        )
        frontend = next((each for each in lists if isinstance(each, list) and each), None)
        if frontend is None or not isinstance(marks, list):
            return
        commands = plan_marks(host, dead_key, frontend, marks, url)
        if commands:
            await link.ask(commands)


def plan_marks(
    host: str, key: str, frontend: list[bytes], marks: list[bytes], url: str
) -> list[Command]:
    """The commands that mark `url`; none where it is not listed, or no other is alive (PURE)."""
    urls = [_url_of(item) for item in frontend[1:]]
    places = [place for place, each in enumerate(urls) if each == url]
    alive = {each for each in urls if each} - read_dead(frontend, marks) - {url}
    if not places or not alive:
        return []
    said = [
        (
            "PUBLISH",
            CHANNEL,
            b"%b;%b;%d;%d" % (host.encode(), frontend[1 + place], place, len(urls)),
        )
        for place in places
    ]
    return [("SADD", key, *places), ("EXPIRE", key, DEAD_S), *said]


def _url_of(item: bytes) -> str | None:
    try:
        return parse_backend(item.decode()).url
    except ValueError:
        return None

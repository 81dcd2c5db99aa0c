"""Sites in Redis, as control follows them: one session with the server after another.

While Redis is away the sites stay as they are; they are on disk too, for a cold start.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from appliance.store_url import StoreUrl
from appliance.stores.base import Sites, StoreError, StoreState
from appliance.stores.dead_writer import DeadWriter
from appliance.stores.fault_book import FaultBook
from appliance.stores.last_good import LastGood
from appliance.stores.reader import Reader
from appliance.stores.redis import ChangesBy, Link

LAST_GOOD = "last-good-sites.jsonl"
# The first pause after a connection was lost, and the longest; each is drawn from its upper half.
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
# Where changes are not heard of: this long between two readings of everything, and at least so many
# times as long as one takes.
POLL_EVERY_S = 3.0
POLL_SHARE = 10
# Notifications do not tell of an emptied database.
NOTIFIED_POLL_EVERY_S = 30.0
# News for the disk is looked for this often, and written at most this often.
DISK_LOOK_S = 0.5
WRITE_EVERY_S = 5.0
EMPTY = "the database is empty and was not before: the sites stay until one is written"

Say = Callable[[str], None]


def choose_pause_s(failures: int, rng: random.Random) -> float:
    """How long to wait before the next try, after so many in a row that failed."""
    most_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures, 30))
    return most_s * rng.uniform(0.5, 1.0)


def choose_poll_s(changes_by: ChangesBy, took_s: float) -> float | None:
    """When to read everything again, after a reading that took so long; None: never."""
    match changes_by:
        case ChangesBy.TRACKING:
            return None
        case ChangesBy.NOTIFICATIONS:
            return max(NOTIFIED_POLL_EVERY_S, POLL_SHARE * took_s)
        case ChangesBy.POLLING:
            return max(POLL_EVERY_S, POLL_SHARE * took_s)


class RedisStore:
    """Follows one database."""

    def __init__(
        self, url: StoreUrl, folder: Path, say: Say, complain: Say, rng: random.Random
    ) -> None:
        """`say` tells what happens to the store; `complain`, which has a bound, of its entries."""
        self._url = url
        self._say = say
        self._rng = rng
        self._last_good = LastGood(folder / LAST_GOOD)
        self._faults = FaultBook(complain)
        self._woken = asyncio.Event()
        self._look_at_all = False
        self._dead = DeadWriter(url.prefix)
        self._trouble: str | None = "not connected yet"
        self._disk_trouble: str | None = None
        self.state = StoreState("redis", False, time.time(), self._trouble)
        self.ready = asyncio.Event()

    def look(self) -> None:
        """Everything anew, at once."""
        self._look_at_all = True
        self._woken.set()

    def hear(self, failed: Iterable[tuple[str, str]]) -> None:
        """Those in hipache's lists are marked there."""
        self._dead.note(failed)
        self._woken.set()

    async def follow(self, sites: Sites) -> None:
        """For ever; see the module's words."""
        reader = Reader(self._url.prefix, sites, self._last_good, self._faults)
        await reader.load()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_connected(reader))
            group.create_task(self._keep_on_disk(sites))

    async def _keep_connected(self, reader: Reader) -> None:
        failures = 0
        while True:
            link = Link(self._url)
            try:
                await self._live(link, reader)
            except* StoreError as errors:
                failures = 1 if self._trouble is None else failures + 1
                self._lose(str(errors.exceptions[0]))
            finally:
                await link.close()
            self.ready.set()
            await asyncio.sleep(choose_pause_s(failures, self._rng))

    async def _live(self, link: Link, reader: Reader) -> None:
        """One session; ends in StoreError."""
        await link.open()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear(link, reader))
            group.create_task(self._keep_up(link, reader))

    async def _hear(self, link: Link, reader: Reader) -> None:
        """Notes what has changed."""
        while True:
            keys = await link.hear()
            if keys is None:
                # Emptied while we looked on: that is meant.
                reader.in_doubt = False
                self.look()
            elif keys:
                reader.pend(keys)
                self._woken.set()

    async def _keep_up(self, link: Link, reader: Reader) -> None:
        """Reads everything, and then what has changed."""
        poll_s = await self._read_all(link, reader, is_return=True)
        while True:
            try:
                async with asyncio.timeout(poll_s):
                    await self._woken.wait()
            except TimeoutError:
                self._look_at_all = True
            self._woken.clear()
            if self._look_at_all:
                poll_s = await self._read_all(link, reader, is_return=False)
            await reader.read_pending(link)
            await self._dead.write(link)
            self._show(link, reader)

    async def _read_all(self, link: Link, reader: Reader, is_return: bool) -> float | None:
        self._look_at_all = False
        began_s = time.monotonic()
        await reader.read_all(link, is_return)
        self._trouble = None
        self._show(link, reader)
        self.ready.set()
        return choose_poll_s(link.changes_by, time.monotonic() - began_s)

    def _lose(self, what: str) -> None:
        """The session is over, or there was none."""
        if what != self._trouble:
            self._say(f"{what}: the sites stay as they are, and Redis is tried again and again")
        self._trouble = what
        self._dead.forget()
        self._set_state(what, None)

    def _show(self, link: Link, reader: Reader) -> None:
        """The session is well; the entries may not be."""
        error = EMPTY if reader.in_doubt else self._faults.summary() or self._disk_trouble
        self._set_state(error, link.changes_by.value)

    def _set_state(self, error: str | None, changes_by: str | None) -> None:
        before = self.state
        if changes_by is not None and before.changes_by is None:
            self._say(f"the sites come from {self._url}; changes arrive by {changes_by}")
        self.state = before.turned(error, changes_by, time.time())

    async def _keep_on_disk(self, sites: Sites) -> None:
        """Writes the last good sites down: soon after a change, and after many at intervals."""
        written_s = -WRITE_EVERY_S
        try:
            while True:
                await asyncio.sleep(DISK_LOOK_S)
                is_due = time.monotonic() - written_s >= WRITE_EVERY_S
                if self._last_good.has_news and is_due:
                    written_s = time.monotonic()
                    noted = self._last_good.take()
                    trouble = await asyncio.to_thread(self._write, noted, len(sites.sites))
                    if trouble is not None:
                        self._last_good.put_back(noted)
                    self._note_disk(trouble)
        finally:
            # The process is told to stop.
            if self._last_good.has_news:
                self._note_disk(self._write(self._last_good.take(), len(sites.sites)))

    def _write(self, noted: Mapping[str, str], sites: int) -> str | None:
        """What went wrong, or None."""
        try:
            self._last_good.write(noted, sites)
        except OSError as error:
            return f"the last good sites cannot be kept on disk ({error.strerror})"
        return None

    def _note_disk(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self._disk_trouble:
            self._say(f"{trouble}: make room in state_dir, or let this user write there")
        self._disk_trouble = trouble

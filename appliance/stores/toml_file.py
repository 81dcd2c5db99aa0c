"""Sites in a file's [[site]] tables: the configuration itself, or a file of their own."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable

from appliance.config import ConfigError, load_settings, parse_sites, read_text
from appliance.routing.model import Site
from appliance.stores.base import Sites, StoreState

# A changed file is noticed within this time.
WATCH_S = 0.2

Fingerprint = tuple[int, int, int] | None
UNREAD = "unread"


class TomlFileStore:
    """Follows one file. `embedded`: it is the whole configuration."""

    def __init__(self, path: str, embedded: bool, say: Callable[[str], None]) -> None:
        self.path = path
        self._embedded = embedded
        self._say = say
        self._seen: Fingerprint | str = UNREAD
        self._woken = asyncio.Event()
        self.state = StoreState("file", True, time.time(), changes_by="watching")
        self.ready = asyncio.Event()

    def look(self) -> None:
        """Reads the file, whether it seems changed or not."""
        self._seen = UNREAD
        self._woken.set()

    def hear(self, failed: Iterable[tuple[str, str]]) -> None:
        """Nobody else would look here."""

    async def follow(self, sites: Sites) -> None:
        """Puts every change in force, for ever; a faulty file is said once and changes nothing."""
        while True:
            self._woken.clear()
            seen = self._fingerprint()
            if seen != self._seen:
                self._seen = seen
                self._take(sites)
                self.ready.set()
            try:
                async with asyncio.timeout(WATCH_S):
                    await self._woken.wait()
            except TimeoutError:
                pass

    def _fingerprint(self) -> Fingerprint:
        """Changes whenever the file does; None while there is none."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _take(self, sites: Sites) -> None:
        try:
            found = self._read()
        except ConfigError as error:
            for fault in error.faults:
                self._say(str(fault))
            self._say("the sites stay as they were")
            self._set_state(str(error))
            return
        if not self.state.ok:
            self._say("the sites can be read again")
            self._set_state(None)
        sites.replace(found)

    def _set_state(self, error: str | None) -> None:
        self.state = self.state.turned(error, self.state.changes_by, time.time())

    def _read(self) -> tuple[Site, ...]:
        if self._embedded:
            return load_settings(self.path).sites
        return parse_sites(read_text(self.path), self.path)

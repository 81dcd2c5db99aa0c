"""The user's hooks, kept by control: read when saved, tried out, and handed to the workers.

A file that does not run is refused whole, and the hooks from before stay in force. It is tried in a
process of its own, so that whatever it does at its top ends there.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from appliance.board import BoardFullError
from appliance.console import say
from appliance.feed import Changed, HookNews, Hooks, Routes
from appliance.routing.standing import Severity, Trouble
from appliance.telemetry.snapshot import HookCounts

# A changed file is noticed within this time.
WATCH_S = 0.2
# Python itself takes most of it to start, on a busy Pi.
TRY_S = 15.0
MAX_SOURCE_BYTES = 1 << 20
# A fault is shown for this long after it last happened, or until the file is saved.
FAULT_SHOWN_S = 600.0
MAX_SAID_CHARS = 4000
_TRY = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='hooks')"

Fingerprint = tuple[int, int, int] | None


class HooksError(ValueError):
    """A file that cannot be hooks; `line` is 0 where it is no one line's fault."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.line = line


def read_hooks(path: str) -> str:
    """The file's source, if it is Python at all. Raises HooksError."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_SOURCE_BYTES + 1)
        if len(data) > MAX_SOURCE_BYTES:
            raise HooksError(f"larger than {MAX_SOURCE_BYTES >> 20} MiB")
        source = data.decode("utf-8-sig")
        compile(source, path, "exec")
    except OSError as error:
        raise HooksError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise HooksError(f"is not UTF-8 text (byte {error.start})") from None
    except SyntaxError as error:
        raise HooksError(error.msg, error.lineno or 0) from None
    except ValueError as error:
        # A NUL byte, which no source may hold.
        raise HooksError(str(error)) from None
    return source


class HooksKeeper:
    """Watches one file."""

    def __init__(self, path: str, routes: Routes, tell: Callable[[Changed], None]) -> None:
        self._path = path
        self._routes = routes
        self._tell = tell
        self._seen: Fingerprint = None
        self._fault: tuple[float, str] | None = None
        self._refused: str | None = None
        self._off: str | None = None
        self.hooks = routes.hooks()

    async def begin(self) -> None:
        """Puts the file in force as it is, for workers that start now; they tell its faults.

        What an earlier control process has left stays: also that it was switched off.
        """
        before = self.hooks
        if before is None:
            await self.look(is_tried=False)
            return
        self._seen = self._fingerprint()
        if not before.is_on:
            self._off = "as they were before control was started again"

    async def run(self) -> None:
        """Looks again and again whether the file has changed."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._fingerprint() != self._seen:
                await self.look()

    async def look(self, is_tried: bool = True) -> None:
        """Takes over the file as it is now, if it runs."""
        self._seen = self._fingerprint()
        try:
            source = read_hooks(self._path)
        except HooksError as error:
            self._refuse(f"line {error.line}: {error.what}" if error.line else error.what)
            return
        why = await self._try_out() if is_tried else None
        if why is None:
            self._fault = self._off = self._refused = None
            self._put(Hooks(self._path, source, is_on=True))
            say(f"the hooks in {self._path} are in force")
        else:
            self._refuse(why)

    def _fingerprint(self) -> Fingerprint:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _refuse(self, why: str) -> None:
        self._refused = why
        kept = "the hooks from before stay in force" if self.hooks else "there are no hooks"
        say(f"the hooks in {self._path} are refused: {why[-MAX_SAID_CHARS:]}\n{kept}")

    async def _try_out(self) -> str | None:
        """Runs the file's top in a process of its own; what went wrong, or None."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _TRY, self._path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(TRY_S):
                _, errors = await process.communicate()
        except TimeoutError:
            return f"its top has not come to an end within {TRY_S:g} s"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == 0:
            return None
        return errors.decode(errors="replace").strip() or f"it ended with {process.returncode}"

    def _put(self, hooks: Hooks) -> None:
        try:
            self._routes.put_hooks(hooks)
        except BoardFullError as error:
            self._refuse(f"{error}: remove sites")
            return
        self.hooks = hooks
        self._tell(Changed(hooks=True))

    def hear(self, news: HookNews) -> None:
        """What a worker says of the hooks."""
        if news.kind == "off":
            if self.hooks is not None and self.hooks.is_on:
                self._off = news.words
                say(f"the hooks in {self._path} are switched off: {news.words}")
                self._put(Hooks(self._path, self.hooks.source, is_on=False))
            return
        say(f"a hook in {self._path} is at fault: {news.words}")
        self._fault = (time.monotonic(), news.words.rpartition("\n")[2].strip())

    def trouble(self) -> Trouble | None:
        """What is wrong with the hooks now."""
        if self._off is not None:
            text = f"the hooks are switched off: {self._off}: make them quicker and save the file"
        elif self._refused is not None:
            last = self._refused.rpartition("\n")[2].strip()
            text = f"the hooks as saved are refused: {last}"
        elif self._fault is not None and time.monotonic() - self._fault[0] < FAULT_SHOWN_S:
            text = f"a hook is at fault: {self._fault[1]}"
        else:
            return None
        return Trouble("hooks", Severity.WARNING, text)

    def describe(self, counts: HookCounts) -> dict[str, Any]:
        """The hooks for the status."""
        state = "none" if self.hooks is None else "on" if self.hooks.is_on else "off"
        return {
            "file": self._path,
            "state": state,
            "calls_total": counts.calls,
            "mean_us": round(counts.us / counts.calls, 1) if counts.calls else None,
            "overruns_total": counts.overruns,
            "faults_total": counts.faults,
        }

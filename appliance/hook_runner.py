"""Runs the user's hooks in a worker: measured, watched, and never more than an opinion.

A fault in a hook is told and counts as no opinion. A call that does not come back is broken off,
and hooks that keep overrunning their budget are switched off until the file is saved again.
"""

import signal
import traceback
import types
from collections import deque
from collections.abc import Callable
from time import perf_counter
from types import FrameType
from typing import Any

from appliance.hooks import Answer, Request, Response
from appliance.telemetry.counters import HOOK_CALLS, HOOK_FAULTS, HOOK_OVERRUNS, HOOK_US

NAMES = ("on_request", "route", "on_response")
# What a call may take: as long as the slowest of requests should be held up by thinking.
BUDGET_S = 0.02
# So many calls over it in a minute, and hooks are switched off.
MAX_OVERRUNS = 10
OVERRUNS_WITHIN_S = 60.0
# A call is broken off after this long, and the loading of the file after that long.
CALL_LIMIT_S = 0.25
LOAD_LIMIT_S = 2.0
WATCH_S = 0.05
MAX_TRACEBACK_CHARS = 4000

Report = Callable[[str, str], None]
"""Takes what has happened, "fault" or "off", and the words for it."""


class BrokenOffError(BaseException):
    """A hook took too long. Not an Exception, so that no hook can catch it by accident."""


class Budget:
    """Counts the calls that overran (PURE; the clock is given)."""

    def __init__(self) -> None:
        self._at_s: deque[float] = deque(maxlen=MAX_OVERRUNS)

    def overrun(self, now_s: float) -> bool:
        """One more; True when there have been too many of late."""
        self._at_s.append(now_s)
        return len(self._at_s) == MAX_OVERRUNS and now_s - self._at_s[0] < OVERRUNS_WITHIN_S


class HookRunner:
    """One worker's. Without functions it costs a look at `is_on` for each request."""

    def __init__(self, cells: memoryview, report: Report) -> None:
        self._cells = cells
        self._report = report
        self._functions: dict[str, Callable[..., Any]] = {}
        self._budget = Budget()
        self._since_s = 0.0
        self._limit_s = CALL_LIMIT_S
        self._is_watching = False
        self.is_on = False
        self.changes_answers = False

    def load(self, source: str, path: str) -> None:
        """Takes over a file; where it cannot be run, what was there before stays."""
        module = types.ModuleType("hooks")
        module.__file__ = path
        self._watch(True)
        try:
            code = compile(source, path, "exec")
            self._run(LOAD_LIMIT_S, exec, code, module.__dict__)
        except BaseException:
            self._cells[HOOK_FAULTS] += 1
            self._report("fault", _last_words(path))
            self._watch(self.is_on)
            return
        found = {name: getattr(module, name, None) for name in NAMES}
        self._functions = {name: each for name, each in found.items() if callable(each)}
        self._budget = Budget()
        self._set_on(bool(self._functions))

    def unload(self) -> None:
        """Has no opinion any more."""
        self._functions = {}
        self._set_on(False)

    def _set_on(self, is_on: bool) -> None:
        self.is_on = is_on
        self.changes_answers = "on_response" in self._functions
        self._watch(is_on)

    def on_request(self, request: Request) -> Answer | None:
        """An answer in place of a backend's."""
        found = self._call("on_request", request)
        if found is None or isinstance(found, Answer):
            return found
        self._complain("on_request", f"returned {found!r}: return answer(...) or None")
        return None

    def route(self, request: Request) -> str | None:
        """The URL of the backend to ask."""
        found = self._call("route", request)
        if found is None or isinstance(found, str):
            return found
        self._complain("route", f"returned {found!r}: return a backend's URL or None")
        return None

    def on_response(self, request: Request, response: Response) -> None:
        """May change the answer's fields."""
        self._call("on_response", request, response)

    def complain_of_route(self, url: str, why: str) -> None:
        """The URL that route() gave cannot be used."""
        self._complain("route", f'returned "{url}": {why}')

    def _complain(self, name: str, what: str) -> None:
        self._cells[HOOK_FAULTS] += 1
        self._report("fault", f"{name}() {what}")

    def _call(self, name: str, *arguments: Any) -> Any:
        function = self._functions.get(name)
        if function is None:
            return None
        cells = self._cells
        begun_s = perf_counter()
        try:
            return self._run(CALL_LIMIT_S, function, *arguments)
        except BaseException:
            # sys.exit() in a hook ends nothing but the hook.
            cells[HOOK_FAULTS] += 1
            self._report("fault", _last_words(name))
            return None
        finally:
            took_s = perf_counter() - begun_s
            cells[HOOK_CALLS] += 1
            cells[HOOK_US] += int(took_s * 1e6)
            if took_s > BUDGET_S:
                self._on_overrun(name, took_s)

    def _on_overrun(self, name: str, took_s: float) -> None:
        self._cells[HOOK_OVERRUNS] += 1
        if self._budget.overrun(perf_counter()):
            self.unload()
            self._report(
                "off",
                f"{name}() took {took_s * 1000:.0f} ms, and hooks overran their "
                f"{BUDGET_S * 1000:.0f} ms {MAX_OVERRUNS} times within a minute",
            )

    def _run(self, limit_s: float, function: Callable[..., Any], *arguments: Any) -> Any:
        self._limit_s = limit_s
        self._since_s = perf_counter()
        try:
            return function(*arguments)
        finally:
            self._since_s = 0.0

    def _watch(self, is_needed: bool) -> None:
        """A timer that interrupts what runs; it costs nothing while there are no hooks."""
        if is_needed is not self._is_watching:
            self._is_watching = is_needed
            signal.signal(signal.SIGALRM, self._on_alarm if is_needed else signal.SIG_IGN)
            tick_s = WATCH_S if is_needed else 0.0
            signal.setitimer(signal.ITIMER_REAL, tick_s, tick_s)

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        since_s = self._since_s
        if since_s and perf_counter() - since_s > self._limit_s:
            self._since_s = 0.0
            raise BrokenOffError(f"it took longer than {self._limit_s:g} s")


def _last_words(where: str) -> str:
    """The traceback of what has just been raised, as much of it as fits."""
    return f"{where}: {traceback.format_exc()}"[-MAX_TRACEBACK_CHARS:].strip()

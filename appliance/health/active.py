"""Active checks: every backend of a site that asks for them, again and again, in control.

Each backend has a task of its own, so one that hangs delays no other. How to connect is given from
outside; what is made of the results is decided in routing/health.py.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from appliance.health.probe import Probe, encode_question
from appliance.routing.health import Condition, judge
from appliance.routing.model import Backend, Check, Site

# The first checks come within this time, spread so that a thousand do not come at once.
FIRST_WITHIN_S = 0.5

Key = tuple[str, str]
"""A site's host and a backend's URL."""
Connect = Callable[[Site, Backend, Probe, float, Callable[[OSError | None], None]], None]
"""Opens a connection for a probe within so many seconds; tells once how that went."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """Everything that a check depends on: when any of it changes, the check begins anew."""

    host: str
    backend: Backend
    check: Check
    question: bytes
    site: Site


def question_for(site: Site, backend: Backend, check: Check) -> bytes:
    """What is sent; nothing where taking the connection is enough."""
    if check.path is None:
        return b""
    host = site.host.removeprefix("*.")
    if site.host_header not in ("keep", "backend"):
        host = site.host_header
    elif site.host_header == "backend" or host == "*":
        host = backend.host or "localhost"
        host = f"[{host}]" if ":" in host else host
    return encode_question(check.path, host)


class ActiveChecks:
    """Runs the checks and keeps what they found; `on_change` hears of every new verdict."""

    def __init__(
        self,
        connect: Connect,
        clock: Callable[[], float],
        rng: random.Random,
        on_change: Callable[[Key, Condition], None],
        conditions: Mapping[Key, Condition],
    ) -> None:
        """`conditions`: as an earlier process left them; `clock`: the time of day in seconds."""
        self._connect = connect
        self._clock = clock
        self._rng = rng
        self._on_change = on_change
        self.conditions: dict[Key, Condition] = dict(conditions)
        self._tasks: dict[Key, tuple[_Subject, asyncio.Task[None]]] = {}

    def follow(self, sites: Iterable[Site]) -> None:
        """Checks the backends of these sites from now on; one that stays goes on as it was."""
        wanted = {(s.host, s.backend.url): s for s in _subjects(sites)}
        for key, (subject, task) in list(self._tasks.items()):
            if _differ(wanted.get(key), subject):
                task.cancel()
                del self._tasks[key]
        for key in set(self.conditions) - set(wanted):
            del self.conditions[key]
        for key, subject in wanted.items():
            if key not in self._tasks:
                task = asyncio.get_running_loop().create_task(self._repeat(key, subject))
                self._tasks[key] = (subject, task)

    async def _repeat(self, key: Key, subject: _Subject) -> None:
        clock = asyncio.get_running_loop().time
        interval_s = subject.check.interval_s
        await asyncio.sleep(self._rng.uniform(0, min(FIRST_WITHIN_S, interval_s)))
        while True:
            begun_s = clock()
            self._take(key, subject, await self._ask(subject))
            await asyncio.sleep(max(0.0, begun_s + interval_s - clock()))

    def _take(self, key: Key, subject: _Subject, error: str | None) -> None:
        before = self.conditions.get(key, Condition())
        after = judge(before, subject.check, error, self._clock())
        self.conditions[key] = after
        if after.verdict is not before.verdict:
            self._on_change(key, after)

    async def _ask(self, subject: _Subject) -> str | None:
        """One check; what went wrong, or None."""
        timeout_s = subject.check.timeout_s
        outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        def done(error: str | None) -> None:
            if not outcome.done():
                outcome.set_result(error)

        def on_connected(error: OSError | None) -> None:
            if error is not None:
                done(words_for(error, timeout_s))

        probe = Probe(subject.question, done)
        self._connect(subject.site, subject.backend, probe, timeout_s, on_connected)
        try:
            async with asyncio.timeout(timeout_s):
                return await outcome
        except TimeoutError:
            return f"no answer within {timeout_s:g} s"
        finally:
            probe.end(None)


def words_for(error: OSError, timeout_s: float) -> str:
    """A failed connection in words."""
    if isinstance(error, TimeoutError):
        return f"no connection within {timeout_s:g} s"
    text = error.strerror or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]


def _subjects(sites: Iterable[Site]) -> Iterable[_Subject]:
    for site in sites:
        check = site.check
        if check is None:
            continue
        for backend in site.backends:
            yield _Subject(site.host, backend, check, question_for(site, backend, check), site)


def _differ(one: _Subject | None, other: _Subject) -> bool:
    if one is None:
        return True
    return (
        (one.backend, one.check, one.question) != (other.backend, other.check, other.question)
        or one.site.proxy_protocol is not other.site.proxy_protocol
        or one.site.backend_ca != other.site.backend_ca
        or one.site.backend_verify != other.site.backend_verify
    )

"""Active checks: every backend of a site that asks for them, again and again, in control.

Each backend has a task of its own, so one that hangs delays no other. How to connect is given from
outside; what is made of the results is decided in routing/health.py.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from appliance.health.probe import Probe, encode_question
from appliance.routing.health import Condition, judge
from appliance.routing.model import Backend, Check, Site
from appliance.routing.standing import Key

# The first checks come within this time, spread so that a thousand do not come at once.
FIRST_WITHIN_S = 0.5

Connect = Callable[[Site, Backend, Probe, float, Callable[[OSError | None], None]], None]
"""Opens a connection for a probe within so many seconds; tells once how that went."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """Everything that a check depends on: when any of it changes, the check begins anew."""

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


class Heard(Protocol):
    """Who is told what the checks find."""

    def on_verdict(self, key: Key, condition: Condition | None) -> None:
        """A backend's verdict is another one, or it is checked no more."""

    def on_passed(self, key: Key) -> None:
        """A check has been passed."""


class ActiveChecks:
    """Runs the checks of every site that is put here, and keeps what they found."""

    def __init__(
        self,
        connect: Connect,
        clock: Callable[[], float],
        rng: random.Random,
        heard: Heard,
        conditions: Mapping[Key, Condition],
    ) -> None:
        """`conditions`: as an earlier process left them; `clock`: the time of day in seconds."""
        self._connect = connect
        self._clock = clock
        self._rng = rng
        self._heard = heard
        self.conditions: dict[Key, Condition] = dict(conditions)
        self._tasks: dict[str, dict[str, tuple[_Subject, asyncio.Task[None]]]] = {}

    def put(self, site: Site) -> None:
        """Checks a site's backends from now on; one that stays as it was goes on."""
        wanted = {subject.backend.url: subject for subject in _subjects(site)}
        running = self._tasks.pop(site.host, {})
        for url, (subject, task) in list(running.items()):
            if url not in wanted:
                self._forget((site.host, url), task)
                del running[url]
            elif _differ(wanted[url], subject):
                task.cancel()
                del running[url]
        loop = asyncio.get_running_loop()
        for url, subject in wanted.items():
            if url not in running:
                running[url] = (subject, loop.create_task(self._repeat((site.host, url), subject)))
        if running:
            self._tasks[site.host] = running

    def remove(self, host: str) -> None:
        """Checks a site no more."""
        for url, (_, task) in self._tasks.pop(host, {}).items():
            self._forget((host, url), task)

    def _forget(self, key: Key, task: asyncio.Task[None]) -> None:
        task.cancel()
        if self.conditions.pop(key, None) is not None:
            self._heard.on_verdict(key, None)

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
            self._heard.on_verdict(key, after)
        if error is None:
            self._heard.on_passed(key)

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


def _subjects(site: Site) -> Iterator[_Subject]:
    if site.check is not None:
        for backend in site.backends:
            question = question_for(site, backend, site.check)
            yield _Subject(backend, site.check, question, site)


def _differ(one: _Subject, other: _Subject) -> bool:
    """Whether what is checked, or how, is not the same."""
    return (
        (one.backend, one.check, one.question) != (other.backend, other.check, other.question)
        or one.site.proxy_protocol is not other.site.proxy_protocol
        or one.site.backend_ca != other.site.backend_ca
        or one.site.backend_verify != other.site.backend_verify
    )

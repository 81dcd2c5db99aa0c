"""Looking backends' names up, with resolvers that fail, hang and change their minds."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from appliance.names import (
    AGAIN_EVERY_S,
    THREADS,
    UNKNOWN_AGAIN_S,
    Addresses,
    Names,
    Resolve,
    is_literal,
    names_of,
    resolve,
)
from appliance.routing.model import Site, parse_backend

PATIENCE_S = 10.0


class Clock:
    """Moves when told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Looking:
    """Names at work, and what they have told."""

    def __init__(self, resolve: Resolve) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, Addresses]] = []
        self.names = Names(self._note, resolve, self.clock)
        self._noted = asyncio.Event()

    def _note(self, name: str, addresses: Addresses) -> None:
        self.told.append((name, addresses))
        self._noted.set()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Waits for something told, or done by a thread, that makes `condition` true."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                try:
                    async with asyncio.timeout(0.01):
                        await self._noted.wait()
                except TimeoutError:
                    pass
                self._noted.clear()

    def pass_time(self, seconds: float) -> None:
        """Lets time pass, and the names notice."""
        self.clock.now_s += seconds
        self.names.forget("nothing")


def run(resolve: Resolve, script: Callable[[Looking], Coroutine[Any, Any, None]]) -> None:
    """Runs a script beside names that are looked up."""

    async def both() -> None:
        looking = Looking(resolve)
        duty = asyncio.create_task(looking.names.run())
        await script(looking)
        assert not duty.done()
        duty.cancel()

    asyncio.run(both())


class Resolver:
    """Answers from a table; names in `held` hang until released."""

    def __init__(self, **table: tuple[str, ...]) -> None:
        self.table = table
        self.released = threading.Event()
        self.held: set[str] = set()
        self.asked: list[str] = []

    def __call__(self, name: str) -> tuple[str, ...]:
        self.asked.append(name)
        if name in self.held:
            self.released.wait(20)
        return self.table.get(name, ())


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    started = Resolver(nas=("10.0.0.1", "fd00::1"), slow=("10.0.0.2",))
    yield started
    started.released.set()


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({}, {"nas": ("10.0.0.1", "fd00::1"), "gone": ()}),
        (
            {"gone": ("10.9.9.9",), "nas": ("10.8.8.8",)},
            {"nas": ("10.0.0.1", "fd00::1"), "gone": ("10.9.9.9",)},
        ),
    ],
    ids=["at first", "known from before, when one fails"],
)
def test_each_name_is_told_once_and_keeps_what_it_stood_for(
    resolver: Resolver, known: dict[str, Addresses], told: dict[str, Addresses]
) -> None:
    async def script(looking: Looking) -> None:
        for name in ("nas", "gone", "nas"):
            looking.names.follow(name, known.get(name, ()))
        await looking.names.settle(PATIENCE_S)
        assert dict(looking.told) == told
        assert len(looking.told) == 2

    run(resolver, script)


def test_ones_that_hang_hold_up_neither_another_nor_the_caller(resolver: Resolver) -> None:
    resolver.held = {f"slow{number}" for number in range(THREADS - 1)}

    async def script(looking: Looking) -> None:
        for name in (*resolver.held, "nas"):
            looking.names.follow(name)
        await looking.names.settle(0.05)
        await looking.until(lambda: looking.told == [("nas", ("10.0.0.1", "fd00::1"))])

    run(resolver, script)


def test_a_late_answer_counts_and_is_asked_for_once(resolver: Resolver) -> None:
    resolver.held = {"slow"}

    async def script(looking: Looking) -> None:
        looking.names.follow("slow")
        await looking.until(lambda: resolver.asked)
        looking.names.forget("slow")
        looking.names.follow("slow")
        looking.pass_time(AGAIN_EVERY_S)
        resolver.released.set()
        await looking.until(lambda: looking.told == [("slow", ("10.0.0.2",))])

    run(resolver, script)
    assert resolver.asked == ["slow"]


@pytest.mark.parametrize(
    ("name", "pause_s"),
    [("nas", AGAIN_EVERY_S), ("gone", UNKNOWN_AGAIN_S)],
    ids=["known", "unknown"],
)
def test_a_name_is_looked_up_again_in_its_time_and_told_when_it_moved(
    resolver: Resolver, name: str, pause_s: float
) -> None:
    async def script(looking: Looking) -> None:
        looking.names.follow(name)
        await looking.names.settle(PATIENCE_S)
        looking.pass_time(pause_s - 1)
        looking.names.follow("slow")
        await looking.names.settle(PATIENCE_S)
        assert resolver.asked.count(name) == 1
        looking.pass_time(1)
        await looking.until(lambda: resolver.asked.count(name) == 2)
        resolver.table[name] = ("10.0.0.9",)
        looking.pass_time(AGAIN_EVERY_S)
        await looking.until(lambda: looking.told[-1] == (name, ("10.0.0.9",)))

    run(resolver, script)


def test_a_forgotten_name_is_not_looked_up_again(resolver: Resolver) -> None:
    async def script(looking: Looking) -> None:
        looking.names.follow("nas")
        await looking.names.settle(PATIENCE_S)
        looking.names.forget("nas")
        looking.pass_time(AGAIN_EVERY_S)
        looking.names.follow("slow")
        await looking.names.settle(PATIENCE_S)

    run(resolver, script)
    assert resolver.asked == ["nas", "slow"]


def test_a_resolver_that_breaks_is_a_name_without_an_address() -> None:
    def broken(name: str) -> Addresses:
        raise MemoryError

    async def script(looking: Looking) -> None:
        looking.names.follow("nas")
        await looking.until(lambda: looking.told == [("nas", ())])

    run(broken, script)


def test_no_names_are_settled_at_once(resolver: Resolver) -> None:
    async def script(looking: Looking) -> None:
        await looking.names.settle(PATIENCE_S)

    run(resolver, script)


def test_the_system_resolves_localhost_and_not_what_cannot_be() -> None:
    assert {"127.0.0.1", "::1"} & set(resolve("localhost"))
    assert resolve("nowhere.invalid") == ()
    assert resolve("a" * 64 + ".invalid") == ()


def test_only_names_need_looking_up() -> None:
    urls = (
        "http://nas",
        "http://10.0.0.1",
        "https://[fd00::1]:8443",
        "unix:/run/app",
        "http://b:81",
    )
    assert names_of(Site("a.test", tuple(map(parse_backend, urls)))) == {"nas", "b"}


@pytest.mark.parametrize(
    ("host", "literal"),
    [("10.0.0.1", True), ("fd00::1", True), ("nas", False), ("1.pool.test", False)],
)
def test_addresses_are_told_from_names(host: str, literal: bool) -> None:
    assert is_literal(host) is literal

"""Looking backends' names up, with resolvers that fail, hang and change their minds."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from appliance.names import (
    AGAIN_EVERY_S,
    UNKNOWN_AGAIN_S,
    Names,
    Resolve,
    choose_pause_s,
    is_literal,
    names_of,
    resolve,
)
from appliance.routing.model import Site, parse_backend

Found = dict[str, tuple[str, ...]]


async def look_up(names: Names, wanted: set[str], known: Found, timeout_s: float = 10) -> Found:
    found: Found = {}
    async for found in names.look_up(wanted, known, timeout_s):  # noqa: B007
        pass
    return found


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
    ("known", "found"),
    [
        ({}, {"nas": ("10.0.0.1", "fd00::1"), "gone": ()}),
        (
            {"gone": ("10.9.9.9",), "nas": ("10.8.8.8",), "other": ("10.7.7.7",)},
            {"nas": ("10.0.0.1", "fd00::1"), "gone": ("10.9.9.9",)},
        ),
    ],
    ids=["at first", "later, when one fails"],
)
def test_a_name_that_fails_keeps_what_it_stood_for(
    resolver: Resolver, known: Found, found: Found
) -> None:
    assert asyncio.run(look_up(Names(resolver), {"nas", "gone"}, known)) == found


def test_one_that_hangs_holds_up_neither_the_others_nor_the_caller(resolver: Resolver) -> None:
    resolver.held = {"slow"}
    names = Names(resolver)
    assert asyncio.run(look_up(names, {"nas", "slow"}, {}, timeout_s=0.05)) == {
        "nas": ("10.0.0.1", "fd00::1"),
        "slow": (),
    }


def test_what_is_found_is_told_while_others_hang(resolver: Resolver) -> None:
    resolver.held = {"slow"}

    async def first_found() -> Found:
        async for found in Names(resolver).look_up({"nas", "slow"}, {}, 20):
            if any(found.values()):
                return found
        raise AssertionError("nothing was told")

    assert asyncio.run(asyncio.wait_for(first_found(), 10)) == {
        "nas": ("10.0.0.1", "fd00::1"),
        "slow": (),
    }


def test_a_late_answer_is_taken_at_the_next_look_and_asked_for_once(resolver: Resolver) -> None:
    resolver.held = {"slow"}
    names = Names(resolver)

    async def looks() -> Found:
        await look_up(names, {"slow"}, {}, timeout_s=0.01)
        await look_up(names, {"slow"}, {}, timeout_s=0.01)
        resolver.released.set()
        return await look_up(names, {"slow"}, {})

    assert asyncio.run(looks()) == {"slow": ("10.0.0.2",)}
    assert resolver.asked == ["slow"]


def test_a_resolver_that_breaks_is_a_name_without_an_address() -> None:
    def broken(name: str) -> tuple[str, ...]:
        raise MemoryError

    typed: Resolve = broken
    assert asyncio.run(look_up(Names(typed), {"nas"}, {})) == {"nas": ()}


def test_no_names_are_found_at_once() -> None:
    assert asyncio.run(look_up(Names(), set(), {"old": ("10.0.0.1",)})) == {}


def test_the_system_resolves_localhost_and_not_what_cannot_be() -> None:
    assert {"127.0.0.1", "::1"} & set(resolve("localhost"))
    assert resolve("nowhere.invalid") == ()
    assert resolve("a" * 64 + ".invalid") == ()


@pytest.mark.parametrize(
    ("addresses", "pause_s"),
    [
        ({}, AGAIN_EVERY_S),
        ({"a": ("10.0.0.1",)}, AGAIN_EVERY_S),
        ({"a": ("10.0.0.1",), "b": ()}, UNKNOWN_AGAIN_S),
    ],
    ids=["no names", "all known", "one unknown"],
)
def test_unknown_names_are_looked_up_sooner(addresses: Found, pause_s: float) -> None:
    assert choose_pause_s(addresses) == pause_s


def test_only_names_need_looking_up() -> None:
    urls = (
        "http://nas",
        "http://10.0.0.1",
        "https://[fd00::1]:8443",
        "unix:/run/app",
        "http://b:81",
    )
    assert names_of([Site("a.test", tuple(map(parse_backend, urls)))]) == {"nas", "b"}


@pytest.mark.parametrize(
    ("host", "literal"),
    [("10.0.0.1", True), ("fd00::1", True), ("nas", False), ("1.pool.test", False)],
)
def test_addresses_are_told_from_names(host: str, literal: bool) -> None:
    assert is_literal(host) is literal

"""The sites in force: what is put on the board, told to the workers and looked up."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from appliance import board as board_module
from appliance.board import Board
from appliance.feed import Changed, Routes
from appliance.names import Addresses
from appliance.roster import MAX_CHANGES_A_MESSAGE, Roster
from appliance.routing.model import Site, TlsMode, parse_backend

TABLE: dict[str, Addresses] = {"nas": ("10.0.0.1",), "other": ("10.0.0.2",)}


def site(host: str, backend: str = "http://10.0.0.9") -> Site:
    return Site(host, (parse_backend(backend),))


def run(
    script: Callable[[Roster, Routes, list[Changed]], None], board: Board | None = None
) -> None:
    async def inside() -> None:
        told: list[Changed] = []
        routes = Routes(board or Board())
        roster = Roster(routes, told.append, lambda name: TABLE.get(name, ()))
        duty = asyncio.create_task(roster.names.run())
        script(roster, routes, told)
        await settle(roster)
        duty.cancel()

    asyncio.run(inside())


async def settle(roster: Roster) -> None:
    await roster.names.settle(10)
    await asyncio.sleep(0)


def test_changes_of_one_turn_are_told_together_and_only_they() -> None:
    told: list[Changed] = []

    def script(roster: Roster, routes: Routes, noted: list[Changed]) -> None:
        nonlocal told
        told = noted
        roster.change([site("a"), site("b")])
        roster.change([site("a"), site("c", "http://10.0.0.8")], ["b", "never there"])
        assert set(roster.sites) == {"a", "c"}
        assert routes.site("c") == site("c", "http://10.0.0.8")
        assert routes.site("b") is None

    run(script)
    assert told == [Changed(("a", "b", "c"))]


def test_a_replacement_tells_the_difference_and_keeps_the_order() -> None:
    board = Board()
    run(lambda roster, routes, told: roster.replace([site("a"), site("b"), site("c")]), board)
    told: list[Changed] = []

    def script(roster: Roster, routes: Routes, noted: list[Changed]) -> None:
        nonlocal told
        told = noted
        roster.replace([site("d"), site("c", "http://10.0.0.8"), site("a")])
        assert list(roster.sites) == ["d", "c", "a"]

    run(script, board)
    (change,) = told
    assert set(change.hosts) == {"b", "c", "d"}


def test_those_that_end_tls_are_known_without_a_look_at_all() -> None:
    board = Board()

    def first(roster: Roster, routes: Routes, told: list[Changed]) -> None:
        roster.change([site("a"), replace(site("b"), tls=TlsMode.TERMINATE)])
        assert list(roster.secure) == ["b"]

    def second(roster: Roster, routes: Routes, told: list[Changed]) -> None:
        assert list(roster.secure) == ["b"]
        roster.change([replace(site("a"), tls=TlsMode.TERMINATE), site("b")])
        assert list(roster.secure) == ["a"]
        roster.change([], ["a"])
        assert not roster.secure

    run(first, board)
    run(second, board)


def test_many_changes_come_in_messages_of_a_bounded_size() -> None:
    told: list[Changed] = []

    def script(roster: Roster, routes: Routes, noted: list[Changed]) -> None:
        nonlocal told
        told = noted
        roster.change(site(f"s{number}") for number in range(2 * MAX_CHANGES_A_MESSAGE + 1))

    run(script)
    assert [len(change.hosts) for change in told] == [MAX_CHANGES_A_MESSAGE] * 2 + [1]


def test_names_are_looked_up_while_a_site_uses_them() -> None:
    async def script() -> None:
        told: list[Changed] = []
        routes = Routes(Board())
        roster = Roster(routes, told.append, lambda name: TABLE.get(name, ()))
        duty = asyncio.create_task(roster.names.run())
        roster.change([site("a", "http://nas"), site("b", "http://nas"), site("c", "http://gone")])
        await settle(roster)
        assert roster.addresses == {"nas": ("10.0.0.1",), "gone": ()}
        assert {name for change in told for name in change.names} == {"nas", "gone"}
        roster.change([site("a", "http://other")], ["c"])
        await settle(roster)
        assert roster.addresses == {"nas": ("10.0.0.1",), "other": ("10.0.0.2",)}
        assert routes.addresses("gone") is None
        roster.change([], ["b"])
        assert routes.addresses("nas") is None
        duty.cancel()

    asyncio.run(script())


def test_a_successor_goes_on_with_what_is_on_the_board() -> None:
    board = Board()
    run(lambda roster, routes, told: roster.change([site("a", "http://nas")]), board)
    Routes(board).put_addresses("nobody uses", ("10.0.0.7",))

    def script(roster: Roster, routes: Routes, told: list[Changed]) -> None:
        assert roster.sites == {"a": site("a", "http://nas")}
        assert roster.addresses == {"nas": ("10.0.0.1",)}

    run(script, board)


def test_a_site_without_room_leaves_the_others_in_force(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(board_module, "BOARD_BYTES", board_module._FIRST_BLOCK + 4096)

    def script(roster: Roster, routes: Routes, told: list[Changed]) -> None:
        roster.change([site("a"), site("b", "unix:/" + "x" * 100)])
        huge = Site("b", tuple(parse_backend(f"http://h{n}") for n in range(200)))
        roster.change([huge, site("c")])
        assert set(roster.sites) == {"a", "b", "c"}
        assert routes.site("b") == site("b", "unix:/" + "x" * 100)

    run(script)
    assert "b stays as it was: the memory for sites is full" in capsys.readouterr().err

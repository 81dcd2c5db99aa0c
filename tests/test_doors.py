"""Doors that shut before open files run out, and open again."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from appliance.doors import MAX_RESERVE, Doors, choose_reserve


@pytest.mark.parametrize(
    ("limit", "reserve"), [(100, 25), (1024, 256), (2048, MAX_RESERVE), (1 << 20, MAX_RESERVE)]
)
def test_the_reserve_is_a_quarter_of_little_and_enough_of_much(limit: int, reserve: int) -> None:
    assert choose_reserve(limit) == reserve


class House:
    """Doors whose open files are what the test says."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.open_files = 0
        self.arrived = 0
        self.let_go = 0
        self.said: list[str] = []
        self.doors = Doors(loop, self.let_idle_go, self.said.append, lambda: self.open_files, 100)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()

    def let_idle_go(self) -> None:
        self.let_go += 1

    def receive(self) -> asyncio.Protocol:
        self.arrived += 1
        return asyncio.Protocol()

    async def knock(self) -> None:
        await asyncio.open_connection(*self.address)
        await asyncio.sleep(0.05)


def run(script: Callable[[House], Awaitable[None]]) -> None:
    async def main() -> None:
        house = House(asyncio.get_running_loop())
        await house.doors.add(house.listener, house.receive)
        await script(house)
        house.doors.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            house.listener.getsockname()

    asyncio.run(main())


def test_who_comes_while_the_doors_are_shut_is_let_in_later() -> None:
    async def script(house: House) -> None:
        house.open_files = 70
        await house.knock()
        house.open_files = 80
        await house.knock()
        assert house.arrived == 2
        assert "nearly all of 100 files are open" in house.said[0]
        assert house.let_go == 1
        await house.knock()
        assert house.arrived == 2, "it waits in the kernel's queue"
        house.open_files = 60
        await house.doors.look_again()
        assert house.arrived == 2, "there is not yet room enough"
        assert house.let_go == 2
        house.open_files = 40
        await house.doors.look_again()
        await asyncio.sleep(0.05)
        assert house.arrived == 3
        assert house.said[1] == "there is room for open files: connections are taken again"

    run(script)


def test_with_room_enough_files_are_seldom_counted() -> None:
    async def script(house: House) -> None:
        counted = 0

        def count() -> int:
            nonlocal counted
            counted += 1
            return 3

        house.doors._count_open = count
        for _ in range(8):
            await house.knock()
        assert counted == 1

    run(script)

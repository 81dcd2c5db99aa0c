"""A worker's listening sockets as event-loop servers, closed for a while when open files run out.

Out of files, accept(2) would fail again and again with EMFILE, and libuv then takes connections
only to drop them. So the doors are shut before that: connections wait in the kernel's queues, idle
ones are let go, and when there is room again the doors open. Nobody is refused.
"""

import asyncio
import os
import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# uvloop's own default of 100 would shrink the queue that the supervisor opened.
BACKLOG = 4096
# Kept free for what those who are inside need: each may yet ask for a backend's connection, and a
# spliced one for four ends of pipes.
MAX_RESERVE = 512
RESERVE_SHARE = 4
# Open files are counted again after this part of the room left has been taken.
RECOUNT_SHARE = 8

NewReceiver = Callable[[], Any]


def choose_reserve(limit: int) -> int:
    """How many files to keep free of `limit`."""
    return min(MAX_RESERVE, limit // RESERVE_SHARE)


def count_open_files() -> int:
    """Those of this process."""
    return len(os.listdir("/proc/self/fd"))


@dataclass(slots=True)
class _Door:
    listener: socket.socket
    new_receiver: NewReceiver
    server: asyncio.Server | None = None


class Doors:
    """Opens, shuts and opens again; `on_shut` lets idle connections go, `say` tells a person."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_shut: Callable[[], None],
        say: Callable[[str], None],
        count_open: Callable[[], int] = count_open_files,
        limit: int | None = None,
    ) -> None:
        self._loop = loop
        self._on_shut = on_shut
        self._say = say
        self._count_open = count_open
        self._limit = limit or resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._reserve = choose_reserve(self._limit)
        self._doors: list[_Door] = []
        self._until_count = 0
        self._is_shut = False

    async def add(self, listener: socket.socket, new_receiver: NewReceiver) -> None:
        """Takes the connections of one more listening socket."""
        listener.setblocking(False)
        door = _Door(listener, new_receiver)
        self._doors.append(door)
        await self._open(door)

    async def _open(self, door: _Door) -> None:
        def receive() -> Any:
            self._until_count -= 1
            if self._until_count <= 0:
                self._loop.call_soon(self._look)
            return door.new_receiver()

        # A copy of the descriptor: shutting the door closes it, and the socket stays.
        copy = door.listener.dup()
        try:
            door.server = await self._loop.create_server(receive, sock=copy, backlog=BACKLOG)
        except OSError:
            copy.close()
            raise

    def _look(self) -> None:
        room = self._limit - self._count_open() - self._reserve
        self._until_count = max(1, room // RECOUNT_SHARE)
        if room <= 0:
            self.shut()

    def shut(self) -> None:
        """No more connections for now."""
        if self._is_shut:
            return
        self._is_shut = True
        self._close_servers()
        self._say(
            f"nearly all of {self._limit} files are open: connections wait; raise LimitNOFILE"
        )
        self._on_shut()

    async def look_again(self) -> None:
        """Opens the doors when there is room; to be called now and then."""
        if not self._is_shut:
            return
        # More room than it takes to shut them, so that they do not swing.
        if self._count_open() > self._limit - 2 * self._reserve:
            self._on_shut()
            return
        self._is_shut = False
        for door in self._doors:
            if door.server is None:
                await self._open(door)
        self._say("there is room for open files: connections are taken again")

    def close(self) -> None:
        """For good: nothing listens here any more."""
        self._close_servers()
        for door in self._doors:
            door.listener.close()
        self._doors.clear()

    def _close_servers(self) -> None:
        for door in self._doors:
            server, door.server = door.server, None
            if server is not None:
                server.close()

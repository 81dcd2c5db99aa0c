"""Two sockets joined, over real TCP."""

import asyncio
import contextlib
import fcntl
import hashlib
import random
import socket
import struct
import termios
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from appliance.upstream import link as linking
from appliance.upstream.link import LONG_BYTES, PIPE_BYTES, READ_BYTES, Link

LIMIT_S = 20.0
MB = 1 << 20


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        two, _ = server.accept()
    for sock in (one, two):
        sock.setblocking(False)
    return one, two


class Joined:
    """A client and a backend with a link between them."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.client, near_client = tcp_pair()
        self.backend, self.near_backend = tcp_pair()
        self.closed = asyncio.Event()
        self.link = Link(self.loop, near_client, self.near_backend, self.closed.set)

    async def until_closed(self) -> None:
        async with asyncio.timeout(LIMIT_S):
            await self.closed.wait()
        assert not linking._pipes

    def end(self) -> None:
        self.client.close()
        self.backend.close()


def run(scenario: Callable[[Joined], Awaitable[None]]) -> None:
    """Runs a scenario on the loop that workers have."""

    async def main() -> None:
        joined = Joined()
        async with asyncio.timeout(LIMIT_S):
            await scenario(joined)
        joined.end()
        await joined.until_closed()

    uvloop.run(main())


async def send(sock: socket.socket, data: bytes, piece: int = 1 << 18) -> None:
    """All of it, then an end of stream."""
    loop = asyncio.get_running_loop()
    for start in range(0, len(data), piece):
        await loop.sock_sendall(sock, data[start : start + piece])
    sock.shutdown(socket.SHUT_WR)


async def receive(sock: socket.socket, piece: int = 1 << 18) -> bytes:
    """Everything up to the end of stream."""
    loop = asyncio.get_running_loop()
    found = bytearray()
    while data := await loop.sock_recv(sock, piece):
        found += data
    return bytes(found)


@pytest.mark.parametrize(
    ("up", "down"),
    [
        pytest.param(0, 0, id="nothing"),
        pytest.param(1, 300_000, id="a request and an answer"),
        pytest.param(5 * MB, 20 * MB, id="long both ways"),
        pytest.param(9 * MB + 1, 0, id="an upload"),
    ],
)
def test_what_goes_in_comes_out(up: int, down: int) -> None:
    async def scenario(joined: Joined) -> None:
        sent, answered = random.Random(up).randbytes(up), random.Random(down).randbytes(down)
        _, _, arrived, came_back = await asyncio.gather(
            send(joined.client, sent),
            send(joined.backend, answered, 70_000),
            receive(joined.backend, 50_000),
            receive(joined.client),
        )
        assert hashlib.sha256(arrived).digest() == hashlib.sha256(sent).digest()
        assert hashlib.sha256(came_back).digest() == hashlib.sha256(answered).digest()
        assert (joined.link.bytes_in, joined.link.bytes_out) == (up, down)
        await joined.until_closed()

    run(scenario)


@pytest.mark.parametrize("is_long", [False, True], ids=["read and written", "spliced"])
def test_a_reader_that_stops_stops_the_writer_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, is_long: bool
) -> None:
    monkeypatch.setattr(linking, "MAX_PIPES", int(is_long))

    async def scenario(joined: Joined) -> None:
        loop = joined.loop
        before = LONG_BYTES + MB if is_long else 0
        if before:
            sending = loop.create_task(loop.sock_sendall(joined.client, bytes(before)))
            left = before
            while left:
                left -= len(await loop.sock_recv(joined.backend, left))
            await sending
            assert linking._pipes
        taken = 0
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.5):
                    await loop.sock_sendall(joined.client, bytes(4096))
                taken += 4096
        held = joined.link.bytes_in - before - waiting(joined.backend, termios.FIONREAD)
        held -= waiting(joined.near_backend, termios.TIOCOUTQ)
        assert 0 <= held <= (PIPE_BYTES if is_long else READ_BYTES)
        joined.client.shutdown(socket.SHUT_WR)
        assert taken <= len(await receive(joined.backend)) <= taken + 4096

    run(scenario)


def waiting(sock: socket.socket, which: int) -> int:
    """What lies unread in a socket, or unsent (tcp(7), SIOCINQ and SIOCOUTQ)."""
    return int(struct.unpack("i", fcntl.ioctl(sock, which, bytes(4)))[0])


def test_a_transfer_that_begins_to_trickle_or_rests_gives_its_pipe_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linking, "PIPE_IDLE_S", 0.05)

    async def pass_on(joined: Joined, size: int) -> None:
        await joined.loop.sock_sendall(joined.client, bytes(size))
        while size:
            size -= len(await joined.loop.sock_recv(joined.backend, size))

    async def scenario(joined: Joined) -> None:
        for size in (10, 1 << 16):
            await asyncio.gather(pass_on(joined, 4 * MB))
            await pass_on(joined, size)
            while linking._pipes:
                await asyncio.sleep(0.01)
        assert joined.link.bytes_in == 8 * MB + 10 + (1 << 16)

    run(scenario)


def test_past_so_many_pipes_bytes_go_the_plain_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "MAX_PIPES", 0)

    async def scenario(joined: Joined) -> None:
        data = random.Random(1).randbytes(4 * MB)
        _, arrived = await asyncio.gather(send(joined.client, data), receive(joined.backend))
        assert arrived == data
        joined.backend.close()

    run(scenario)


def test_an_end_goes_one_way_and_the_answer_the_other() -> None:
    async def scenario(joined: Joined) -> None:
        await send(joined.client, b"that is all")
        assert await receive(joined.backend) == b"that is all"
        await send(joined.backend, b"and this the answer")
        assert await receive(joined.client) == b"and this the answer"
        await joined.until_closed()

    run(scenario)


def test_a_reset_is_handed_on() -> None:
    async def scenario(joined: Joined) -> None:
        joined.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        joined.client.close()
        with pytest.raises(ConnectionResetError):
            await receive(joined.backend)
        await joined.until_closed()

    run(scenario)


def test_an_answer_arrives_though_the_backend_takes_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An upload that is refused half-way: the answer must not be lost to a reset."""
    monkeypatch.setattr(linking, "LINGER_S", 0.2)

    async def scenario(joined: Joined) -> None:
        loop = joined.loop
        await loop.sock_sendall(joined.client, b"an upload begins")
        assert await loop.sock_recv(joined.backend, 100) == b"an upload begins"
        await loop.sock_sendall(joined.backend, b"too large")
        joined.backend.close()
        async with asyncio.timeout(LIMIT_S):
            for _ in range(50):
                await loop.sock_sendall(joined.client, bytes(100_000))
            assert await receive(joined.client) == b"too large"
        await joined.until_closed()

    run(scenario)

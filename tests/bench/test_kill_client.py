"""How a request's end is judged, and which failures a kill explains."""

import asyncio
import time

import pytest

from bench.kill_client import (
    Failure,
    Outcome,
    ask_once,
    count_unexplained,
    judge,
    kill_under_load,
)
from bench.running import free_port

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(GOOD, Outcome.OK, id="whole"),
        pytest.param(GOOD[:-1], Outcome.CUT, id="body short"),
        pytest.param(GOOD[:20], Outcome.CUT, id="head short"),
        pytest.param(b"", Outcome.CUT, id="nothing"),
        pytest.param(GOOD.replace(b"200", b"502"), Outcome.STATUS, id="502"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Outcome.OK, id="chunked"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n5\r\nhello\r\n", Outcome.CUT, id="chunked, short"),
    ],
)
def test_an_answer_is_judged_by_what_came(answer: bytes, outcome: Outcome) -> None:
    assert judge(answer) is outcome


@pytest.mark.parametrize(
    ("began", "ended", "unexplained"),
    [
        pytest.param(1.0, 3.0, 0, id="in flight at the kill"),
        pytest.param(0.5, 1.5, 1, id="over before it"),
        pytest.param(2.5, 3.0, 1, id="begun after it"),
    ],
)
def test_a_kill_explains_only_what_was_in_flight(
    began: float, ended: float, unexplained: int
) -> None:
    failures = [Failure(Outcome.RESET, began, ended)]
    assert count_unexplained(failures, [2.0]) == unexplained


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(GOOD)
    writer.close()


def test_every_request_is_made_and_kills_fall_within_the_load() -> None:
    seen: list[int] = []

    async def kill_one(number: int) -> float:
        seen.append(number)
        return time.monotonic()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            tally = await kill_under_load(port, 200, 5, 2, kill_one)
        assert (tally.done, tally.failures, len(tally.kills)) == (200, [], 2)

    asyncio.run(run())
    assert seen == [0, 1]


def test_a_closed_port_is_refused() -> None:
    assert asyncio.run(ask_once(free_port())) is Outcome.REFUSED

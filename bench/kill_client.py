"""A small client that counts how requests fail while workers are killed."""

import asyncio
import enum
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

ANSWER_S = 20.0
REQUEST = b"GET / HTTP/1.1\r\nHost: photos.home.arpa\r\nConnection: close\r\n\r\n"
HEAD_END = b"\r\n\r\n"


class Outcome(enum.Enum):
    OK = "ok"
    REFUSED = "refused"
    RESET = "reset"
    CUT = "cut short"
    STATUS = "not a 200"
    TIMEOUT = "timeout"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Failure:
    outcome: Outcome
    began_s: float
    ended_s: float


@dataclass(slots=True)
class Tally:
    """Counts of all, details of failures only; kills as moments of the same clock."""

    done: int = 0
    failures: list[Failure] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)

    def counts(self) -> Counter[Outcome]:
        return Counter(failure.outcome for failure in self.failures)


def count_unexplained(failures: Sequence[Failure], kills: Sequence[float]) -> int:
    """Failures of requests that no kill fell into: these were not in flight in that worker."""
    return sum(
        not any(failure.began_s <= kill <= failure.ended_s for kill in kills)
        for failure in failures
    )


def judge(answer: bytes) -> Outcome:
    """Of an answer read to the end of the connection."""
    head, end, body = answer.partition(HEAD_END)
    if not end:
        return Outcome.CUT
    if b" 200" not in head[:13]:
        return Outcome.STATUS
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return Outcome.OK if len(body) == int(value) else Outcome.CUT
    return Outcome.OK if body.endswith(b"0\r\n\r\n") else Outcome.CUT


async def exchange(port: int) -> Outcome:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(REQUEST)
        return judge(await reader.read())
    finally:
        writer.close()


async def ask_once(port: int) -> Outcome:
    """Every way a request can fail, by name."""
    try:
        return await asyncio.wait_for(exchange(port), ANSWER_S)
    except ConnectionRefusedError:
        return Outcome.REFUSED
    except (ConnectionResetError, BrokenPipeError):
        return Outcome.RESET
    except TimeoutError:
        return Outcome.TIMEOUT
    except OSError:
        return Outcome.OTHER


async def ask_many(port: int, tally: Tally, requests: int, concurrency: int) -> None:
    """This many in all, this many at a time, a new connection for each."""
    begun = 0

    async def one_place() -> None:
        nonlocal begun
        while begun < requests:
            begun += 1
            began_s = time.monotonic()
            outcome = await ask_once(port)
            tally.done += 1
            if outcome is not Outcome.OK:
                tally.failures.append(Failure(outcome, began_s, time.monotonic()))

    await asyncio.gather(*(one_place() for _ in range(concurrency)))


async def kill_under_load(
    port: int,
    requests: int,
    concurrency: int,
    kills: int,
    kill_one: Callable[[int], Awaitable[float]],
) -> Tally:
    """Kill evenly over the load; kill_one says when it did."""
    tally = Tally()
    load = asyncio.ensure_future(ask_many(port, tally, requests, concurrency))
    try:
        for number in range(kills):
            while tally.done < requests * (number + 1) // (kills + 1) and not load.done():
                await asyncio.sleep(0.005)
            if load.done():
                break
            tally.kills.append(await kill_one(number))
        await load
    finally:
        load.cancel()
    return tally

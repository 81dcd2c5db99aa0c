"""Requests without end from many clients at once, each on a connection of its own, and counted."""

import asyncio
import threading
from collections import Counter
from types import TracebackType
from typing import Self

from bench.kill_client import Outcome, ask_once
from tests.support.box import wait_until

# A client that was refused would else ask again thousands of times a second.
PAUSE_S = 0.005


class Load:
    """Runs from the beginning of the block to its end; every request is waited for."""

    def __init__(self, port: int, clients: int = 20) -> None:
        self._port = port
        self._clients = clients
        self._is_over = False
        self.outcomes: Counter[Outcome] = Counter()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        self.go_on(self._clients)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over = True
        self._thread.join(60)
        assert not self._thread.is_alive(), "a request has not come to an end"

    async def _run(self) -> None:
        await asyncio.gather(*(self._ask() for _ in range(self._clients)))

    async def _ask(self) -> None:
        while not self._is_over:
            self.outcomes[await ask_once(self._port)] += 1
            await asyncio.sleep(PAUSE_S)

    def go_on(self, requests: int) -> None:
        """Waits for so many more good answers."""
        wanted = self.outcomes[Outcome.OK] + requests
        wait_until(lambda: self.outcomes[Outcome.OK] >= wanted, f"{requests} more good answers")

    @property
    def failed(self) -> int:
        """All that were not answered with a 200, whole."""
        return self.outcomes.total() - self.outcomes[Outcome.OK]

"""Kept connections to one backend (PURE: it decides, the caller closes).

Last in, first out: the busiest connection stays warm and the others grow old and are closed.
"""

from typing import Generic, TypeVar

# As many as a burst leaves behind; more would only sit on the backend's worker slots.
MAX_IDLE = 128
# Below the usual keep-alive limits of 75 s and 60 s, so that it is us who closes first.
MAX_IDLE_S = 55.0
# A request that must not be sent twice takes only a connection used this recently: no server closes
# a connection that soon, so it cannot meet one that is just being closed.
FRESH_S = 1.0

ConnectionT = TypeVar("ConnectionT")


class IdlePool(Generic[ConnectionT]):
    """The idle connections of one backend with the time each came back."""

    __slots__ = ("_idle",)

    def __init__(self) -> None:
        self._idle: list[tuple[ConnectionT, float]] = []

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, now_s: float, replayable: bool) -> ConnectionT | None:
        """The connection used last, or None when there is none young enough."""
        if not self._idle:
            return None
        connection, since_s = self._idle[-1]
        if now_s - since_s > (MAX_IDLE_S if replayable else FRESH_S):
            return None
        self._idle.pop()
        return connection

    def put(self, connection: ConnectionT, now_s: float) -> ConnectionT | None:
        """Keeps `connection`; gives back the oldest for closing when there are too many."""
        self._idle.append((connection, now_s))
        return self._idle.pop(0)[0] if len(self._idle) > MAX_IDLE else None

    def discard(self, connection: ConnectionT) -> None:
        """Forgets a connection that closed by itself."""
        self._idle = [entry for entry in self._idle if entry[0] is not connection]

    def take_expired(self, now_s: float) -> list[ConnectionT]:
        """Removes and returns the connections idle for too long."""
        expired = [c for c, since_s in self._idle if now_s - since_s > MAX_IDLE_S]
        if expired:
            self._idle = [(c, s) for c, s in self._idle if now_s - s <= MAX_IDLE_S]
        return expired

    def take_all(self) -> list[ConnectionT]:
        """Removes and returns every connection."""
        connections = [c for c, _ in self._idle]
        self._idle = []
        return connections

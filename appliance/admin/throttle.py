"""How often a password or a code may be guessed: by one client, and by all together (PURE)."""

from collections import deque
from ipaddress import IPv6Address

WINDOW_S = 300.0
A_CLIENT = 5
IN_ALL = 40
# Beyond, the longest silent are forgotten: the limit in all holds anyway.
MAX_CLIENTS = 1000


class Throttle:
    """Counts tries; one that turned out right is taken back."""

    def __init__(self) -> None:
        self._tries: dict[str, deque[float]] = {}
        self._all: deque[float] = deque()

    def wait_s(self, ip: str, now_s: float) -> float:
        """How long this client has to wait before its next try; 0: it may."""
        own = self._tries.get(key_of(ip), deque())
        return max(_wait_s(own, A_CLIENT, now_s), _wait_s(self._all, IN_ALL, now_s))

    def note(self, ip: str, now_s: float) -> None:
        """A try begins: those that run at once count too."""
        key = key_of(ip)
        own = self._tries.pop(key, deque(maxlen=A_CLIENT))
        own.append(now_s)
        self._tries[key] = own
        self._all.append(now_s)
        while len(self._all) > IN_ALL:
            self._all.popleft()
        if len(self._tries) > MAX_CLIENTS:
            del self._tries[next(iter(self._tries))]

    def take_back(self, ip: str) -> None:
        """The last try was right: the client's earlier slips are forgotten."""
        self._tries.pop(key_of(ip), None)
        if self._all:
            self._all.pop()


def _wait_s(tries: deque[float], most: int, now_s: float) -> float:
    if len(tries) < most:
        return 0.0
    # A clock that was set back must not lock anybody out for long.
    return min(WINDOW_S, max(0.0, tries[-most] + WINDOW_S - now_s))


def key_of(ip: str) -> str:
    """An IPv6 customer has a /64 of addresses."""
    return str(IPv6Address(int(IPv6Address(ip)) >> 64 << 64)) if ":" in ip else ip

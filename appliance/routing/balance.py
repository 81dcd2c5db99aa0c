"""Which backend is asked first, and which next when it fails (PURE; randomness is given)."""

import hashlib
import math
import random
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from appliance.routing.model import Backend, Balance


class Target:
    """A backend as a balancer sees it."""

    __slots__ = ("_credit", "active", "backend", "up", "weight")

    def __init__(
        self, backend: Backend, weight: float = 1, up: bool = True, active: int = 0
    ) -> None:
        self.backend = backend
        self.weight = weight
        self.up = up
        self.active = active
        self._credit = 0.0


class Balancer(Protocol):
    """Yields the first choice, then the others in the order in which to try them; only those up."""

    def candidates(self, targets: Sequence[Any], client_ip: str) -> Iterator[Any]: ...


def _living(targets: Sequence[Target]) -> list[Target]:
    return [target for target in targets if target.up]


class RoundRobin:
    """Smooth weighted round-robin.

    Each turn every target earns its weight; the richest is chosen and pays what all earned. Over a
    cycle each is chosen as often as its weight says, and never in a long run.
    """

    def candidates(self, targets: Sequence[Target], client_ip: str) -> Iterator[Target]:
        living = targets if len(targets) == 1 and targets[0].up else _living(targets)
        if len(living) <= 1:
            return iter(living)
        for target in living:
            target._credit += target.weight
        first = max(living, key=lambda target: target._credit)
        first._credit -= sum(target.weight for target in living)
        others = [target for target in living if target is not first]
        others.sort(key=lambda target: -target._credit)
        return iter([first, *others])


class LeastConnections:
    """The fewest requests for its weight, with the one to come; ties go round."""

    def __init__(self) -> None:
        self._turn = 0

    def candidates(self, targets: Sequence[Target], client_ip: str) -> Iterator[Target]:
        living = _living(targets)
        if len(living) > 1:
            self._turn = (self._turn + 1) % len(living)
            living = living[self._turn :] + living[: self._turn]
            living.sort(key=lambda target: (target.active + 1) / target.weight)
        return iter(living)


class RandomOfTwo:
    """The less busy of two drawn at random by weight (power of two choices)."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def candidates(self, targets: Sequence[Target], client_ip: str) -> Iterator[Target]:
        living = _living(targets)
        if len(living) > 1:
            # Ordered so, each is first as often as its weight says (Efraimidis and Spirakis 2006).
            draw = self._rng.random
            living.sort(key=lambda target: draw() ** (1 / target.weight), reverse=True)
            if living[1].active * living[0].weight < living[0].active * living[1].weight:
                living[0], living[1] = living[1], living[0]
        return iter(living)


class SourceIp:
    """The same client to the same backend, by weighted rendezvous hashing.

    Each target draws a number from the client's address and its own URL; the highest wins. When a
    target goes, only its own clients move.
    """

    def candidates(self, targets: Sequence[Target], client_ip: str) -> Iterator[Target]:
        living = _living(targets)
        if len(living) > 1:
            living.sort(key=lambda target: _score(target, client_ip), reverse=True)
        return iter(living)


def _score(target: Target, client_ip: str) -> float:
    text = f"{client_ip} {target.backend.url}".encode()
    drawn = int.from_bytes(hashlib.blake2b(text, digest_size=7).digest()) + 1
    return -target.weight / math.log(drawn / (2**56 + 1))


def make_balancer(balance: Balance, rng: random.Random) -> Balancer:
    """The balancer a site asks for."""
    match balance:
        case Balance.ROUND_ROBIN:
            return RoundRobin()
        case Balance.LEAST_CONNECTIONS:
            return LeastConnections()
        case Balance.RANDOM:
            return RandomOfTwo(rng)
        case Balance.SOURCE_IP:
            return SourceIp()


def cookie_for(backend: Backend) -> str:
    """The sticky cookie's value: names the backend without telling its address."""
    return hashlib.blake2b(backend.url.encode(), digest_size=8, person=b"gl-sticky").hexdigest()

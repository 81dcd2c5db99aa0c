"""What is made of a backend's checks and of its failures under traffic (PURE; the clock is given).

Checks decide: `fall` failures in a row take a backend out, and `rise` successes bring it back.
Traffic only advises: a backend that fails is avoided for a while, as long as there is another.
"""

import enum
from dataclasses import dataclass

from appliance.routing.model import Check

# How long a backend that failed under traffic is avoided: the first time, and at most. A request
# that finds it still broken goes on to another backend, so looking again early harms nobody.
FIRST_PAUSE_S = 2.0
MAX_PAUSE_S = 30.0
# A backend that takes connections and then fails may only dislike one kind of request.
FAILURES_BEFORE_PAUSE = 3
# A backend that comes back gets its full share after this long, in steps: its caches are cold.
EASE_IN_S = 10.0
FIRST_SHARE = 0.1


class Verdict(enum.Enum):
    """What a backend's checks say."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Condition:
    """A backend as its checks have found it; `against`: results in a row that say otherwise."""

    verdict: Verdict = Verdict.UNKNOWN
    against: int = 0
    since_s: float | None = None
    last_error: str | None = None


# What a verdict turns into when results speak against it; a missing pair leaves it as it is.
_TURNS = {
    (Verdict.UNKNOWN, True): Verdict.UP,
    (Verdict.UNKNOWN, False): Verdict.DOWN,
    (Verdict.UP, False): Verdict.DOWN,
    (Verdict.DOWN, True): Verdict.UP,
}


def judge(before: Condition, check: Check, error: str | None, now_s: float) -> Condition:
    """The condition after one more result; `error`: what went wrong, None for a success."""
    last_error = error or before.last_error
    turned = _TURNS.get((before.verdict, error is None))
    if turned is None:
        return Condition(before.verdict, 0, before.since_s, last_error)
    against = before.against + 1
    if against < _needed(before.verdict, turned, check):
        return Condition(before.verdict, against, before.since_s, last_error)
    return Condition(turned, 0, now_s, last_error if turned is Verdict.DOWN else None)


def _needed(before: Verdict, turned: Verdict, check: Check) -> int:
    """How many results in a row turn a verdict; the first success of all settles it."""
    if turned is Verdict.DOWN:
        return check.fall
    return check.rise if before is Verdict.DOWN else 1


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What traffic has to say against a backend: failures in a row, and how long to avoid it."""

    failures: int = 0
    pause_s: float = 0.0
    until_s: float = 0.0

    def is_active(self, now_s: float) -> bool:
        """Whether the backend is avoided."""
        return now_s < self.until_s


def suspect(before: Suspicion, is_unreachable: bool, now_s: float) -> Suspicion:
    """After one more failure: a pause at once if it cannot be reached, else after some in a row."""
    if before.is_active(now_s):
        # Requests that were under way when it failed say nothing new.
        return before
    failures = before.failures + 1
    if not is_unreachable and failures < FAILURES_BEFORE_PAUSE:
        return Suspicion(failures, before.pause_s, before.until_s)
    again = now_s < before.until_s + MAX_PAUSE_S
    pause_s = min(before.pause_s * 2, MAX_PAUSE_S) if again and before.pause_s else FIRST_PAUSE_S
    return Suspicion(0, pause_s, now_s + pause_s)


def acquit(before: Suspicion, now_s: float) -> Suspicion:
    """After a good answer: no longer avoided, but a pause that comes soon is a longer one."""
    return Suspicion(0, before.pause_s, min(before.until_s, now_s))


def share_of(back_for_s: float) -> float:
    """The part of its weight that a backend has which came back so long ago."""
    if back_for_s >= EASE_IN_S:
        return 1.0
    return FIRST_SHARE + (1 - FIRST_SHARE) * max(0.0, back_for_s) / EASE_IN_S

"""What a worker makes of its backends' failures and answers (decided in routing/health.py).

A backend that fails is avoided for a while, and eased in when it comes back; control hears of it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from appliance.proxy.retry import Failure
from appliance.routing.health import acquit, suspect
from appliance.routing.model import parse_host
from appliance.routing.standing import Evidence, Key

if TYPE_CHECKING:
    from appliance.proxy.live import LiveBackend, LiveSite

# Noted between two tellings, a quarter of a second; clients can invent hosts under a wildcard.
MAX_FAILED = 1000
_UNREACHABLE = frozenset((Failure.CONNECT, Failure.CONNECT_TIMEOUT))


class Trust:
    """One worker's; `untold` is what control has not heard of yet."""

    def __init__(
        self,
        restless: set["LiveSite"],
        clock: Callable[[], float],
        time_of_day: Callable[[], float],
        marks_dead: bool = False,
    ) -> None:
        """`marks_dead`: others are to hear of backends that fail, by the host asked for."""
        self._restless = restless
        self._clock = clock
        self._time_of_day = time_of_day
        self.evidence: dict[Key, Evidence] = {}
        self.untold: set[Key] = set()
        self._marks_dead = marks_dead
        self._failed: dict[tuple[str, str], None] = {}

    def on_failed(
        self,
        site: "LiveSite",
        backend: "LiveBackend",
        failure: Failure,
        detail: str,
        host: bytes,
    ) -> None:
        """A backend has failed a request for `host`."""
        if failure is Failure.STALE:
            return
        now_s = self._clock()
        before = backend.suspicion
        backend.is_proven = False
        backend.suspicion = suspect(before, failure in _UNREACHABLE, now_s)
        if backend.suspicion.is_active(now_s) and not before.is_active(now_s):
            error = f"{failure.value} ({detail})" if detail else failure.value
            self._note(backend, error)
            self._note_failed(site, backend, host)
            site.settle(now_s)
            self._restless.add(site)

    def on_answered(self, site: "LiveSite", backend: "LiveBackend") -> None:
        """A backend that was not proven has answered."""
        now_s = self._clock()
        was_avoided = backend.suspicion.is_active(now_s)
        backend.is_proven = True
        backend.suspicion = acquit(backend.suspicion, now_s)
        self._note(backend, None)
        if was_avoided:
            site.settle(now_s)

    def on_error_answer(self, site: "LiveSite", backend: "LiveBackend", host: bytes) -> None:
        """A backend has answered in a way that hipache takes for its death."""
        self._note_failed(site, backend, host)

    def _note_failed(self, site: "LiveSite", backend: "LiveBackend", host: bytes) -> None:
        """As hipache does it: only where there is another backend to go to."""
        whole = site.base or site
        if self._marks_dead and len(whole.backends) > 1 and len(self._failed) < MAX_FAILED:
            name = parse_host(host) if host else ""
            self._failed[name, backend.backend.url] = None

    def take_failed(self) -> tuple[tuple[str, str], ...]:
        """The hosts and URLs of backends that have failed them since the last time."""
        taken, self._failed = tuple(self._failed), {}
        return taken

    def _note(self, backend: "LiveBackend", error: str | None) -> None:
        self.evidence[backend.key] = Evidence(error, self._time_of_day())
        self.untold.add(backend.key)

    def forget(self, backend: "LiveBackend") -> None:
        """A backend is not used any more."""
        self.evidence.pop(backend.key, None)
        self.untold.discard(backend.key)

    def take_untold(self, everything: bool) -> dict[Key, Evidence]:
        """What control has not heard of yet, or all there is for one that has just begun."""
        keys, self.untold = set(self.evidence) if everything else self.untold, set()
        return {key: self.evidence[key] for key in keys}

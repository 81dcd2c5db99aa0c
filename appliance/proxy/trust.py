"""What a worker makes of its backends' failures and answers (decided in routing/health.py).

A backend that fails is avoided for a while, and eased in when it comes back; control hears of it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from appliance.proxy.retry import Failure
from appliance.routing.health import acquit, suspect
from appliance.routing.standing import Evidence, Key

if TYPE_CHECKING:
    from appliance.proxy.live import LiveBackend, LiveSite

_UNREACHABLE = frozenset((Failure.CONNECT, Failure.CONNECT_TIMEOUT))


class Trust:
    """One worker's; `untold` is what control has not heard of yet."""

    def __init__(
        self,
        restless: set["LiveSite"],
        clock: Callable[[], float],
        time_of_day: Callable[[], float],
    ) -> None:
        self._restless = restless
        self._clock = clock
        self._time_of_day = time_of_day
        self.evidence: dict[Key, Evidence] = {}
        self.untold: set[Key] = set()

    def on_failed(
        self, site: "LiveSite", backend: "LiveBackend", failure: Failure, detail: str
    ) -> None:
        """A backend has failed a request."""
        if failure is Failure.STALE:
            return
        now_s = self._clock()
        before = backend.suspicion
        backend.is_proven = False
        backend.suspicion = suspect(before, failure in _UNREACHABLE, now_s)
        if backend.suspicion.is_active(now_s) and not before.is_active(now_s):
            error = f"{failure.value} ({detail})" if detail else failure.value
            self._note(backend, error)
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

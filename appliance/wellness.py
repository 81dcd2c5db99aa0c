"""How everything is doing, joined in control: checks, what traffic shows, and the alerts of both.

Every verdict of the checks is put on the board, where workers find it, also those that start while
control is away.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from appliance.board import BoardFullError
from appliance.clock import SystemClock
from appliance.console import say
from appliance.feed import Changed, Routes
from appliance.health.active import ActiveChecks
from appliance.health.book import HealthBook
from appliance.health.probe import Probe
from appliance.routing.health import Condition, Verdict
from appliance.routing.model import Backend, ProxyProtocol, Scheme, Site, TlsMode
from appliance.routing.standing import Evidence, Key, Severity, Standing, Trouble
from appliance.telemetry.alerts import Alerts, Events, find_box_troubles
from appliance.telemetry.snapshot import Reading, StoreState
from appliance.upstream.dial import Dialer, backend_context
from appliance.wire.proxy_header import encode_local_v2, encode_v1

# Of the sites'; whoever has more than this has one trouble behind them all.
MAX_TROUBLES = 200


class Wellness:
    """Control's view; it follows the roster."""

    def __init__(
        self,
        routes: Routes,
        dialer: Dialer,
        tell: Callable[[Changed], None],
        reading: Reading,
    ) -> None:
        """`reading`: the counters at the start."""
        self._routes = routes
        self._dialer = dialer
        self._tell = tell
        conditions = routes.conditions()
        self._checks = ActiveChecks(self._connect, time.time, random.Random(), self, conditions)
        self._book = HealthBook(routes.addresses, self._checks.conditions, routes.dead)
        self.alerts = Alerts()
        self.events = Events()
        self._before = reading

    # What the roster says.

    def put(self, site: Site) -> None:
        """A site is new, or not as it was."""
        self._checks.put(site)
        if site.check is None:
            for backend in site.backends:
                self._forget((site.host, backend.url))
        self._book.put(site)

    def remove(self, host: str) -> None:
        """A site is gone."""
        self._checks.remove(host)
        self._book.remove(host)

    def on_addresses(self, name: str) -> None:
        """A name stands for something else."""
        self._book.on_addresses(name)

    def on_marked(self, host: str) -> None:
        """Other backends of a site are marked as dead in the store."""
        self._book.on_marked(host)

    # What checks and traffic say.

    def on_verdict(self, key: Key, condition: Condition | None) -> None:
        """Checks have come to another verdict on a backend, or check it no more."""
        if condition is None:
            self._routes.remove_condition(key)
        else:
            try:
                self._routes.put_condition(key, condition)
            except BoardFullError as error:
                say(f"the check of {key[1]} counts for nothing: {error}: remove sites")
            if condition.verdict is Verdict.DOWN:
                say(f"{key[0]}: {key[1]} is down: {condition.last_error}")
            else:
                say(f"{key[0]}: {key[1]} is up")
        self._tell(Changed(backends=(key,)))
        self._book.on_verdict(key)

    def on_passed(self, key: Key) -> None:
        """A check has been passed."""
        self._book.on_passed(key)

    def hear(self, evidence: Mapping[Key, Evidence]) -> None:
        """What a worker's traffic has shown."""
        self._book.hear(evidence)

    def _forget(self, key: Key) -> None:
        """An earlier control process may have left a verdict on what is not checked any more."""
        if self._checks.conditions.pop(key, None) is not None:
            self.on_verdict(key, None)

    def _connect(
        self,
        site: Site,
        backend: Backend,
        probe: Probe,
        timeout_s: float,
        done: Callable[[OSError | None], None],
    ) -> None:
        preface = encode_preface(site.proxy_protocol)
        if backend.scheme is Scheme.UNIX:
            self._dialer.connect_unix(backend.path, preface, probe, timeout_s, done)
            return
        tls = None
        addresses = self._routes.addresses(backend.host)
        if addresses == ():
            done(OSError(f"the name {backend.host} cannot be resolved"))
            return
        if backend.scheme is Scheme.HTTPS and site.tls is not TlsMode.PASSTHROUGH:
            try:
                tls = backend_context(site.backend_ca, site.backend_verify)
            except OSError as error:
                done(OSError(f"its CA file {site.backend_ca} cannot be read: {error.strerror}"))
                return
        address = addresses[0] if addresses else backend.host
        self._dialer.connect_tcp(
            address, backend.port, tls, backend.host, preface, probe, timeout_s, done
        )

    # For the status.

    def troubled_hosts(self) -> Iterable[str]:
        """The sites that something is wrong with."""
        return self._book.troubled_hosts()

    def standing(self, host: str) -> tuple[Standing, ...]:
        """Each backend of a site."""
        return self._book.standings.get(host, ())

    def update(
        self,
        reading: Reading,
        box: Mapping[str, Any],
        store: StoreState,
        others: Iterable[Trouble] = (),
    ) -> None:
        """Brings the alerts up to date; each second."""
        now_s = time.time()
        self._note_events(reading, now_s)
        troubles = [
            *islice(self._book.troubles(), MAX_TROUBLES),
            *find_box_troubles(box, SystemClock().is_set()),
            *others,
        ]
        if not store.ok:
            text = f"the sites cannot be taken over: {store.error}"
            troubles.append(Trouble("store", Severity.WARNING, text, store.since_s))
        self.alerts.update([*troubles, *self.events.troubles(now_s)], now_s)

    def _note_events(self, reading: Reading, now_s: float) -> None:
        before, self._before = self._before, reading
        restarts = [worker.restarts for worker in reading.workers]
        again = sum(restarts) - sum(worker.restarts for worker in before.workers)
        if again > 0:
            text = f"a worker ended and was started again ({sum(restarts)} times so far)"
            self.events.note("worker", Severity.WARNING, text, now_s)
        if reading.log_lines_lost > before.log_lines_lost:
            text = f"{reading.log_lines_lost} lines of the access log are lost: is its disk full?"
            self.events.note("log", Severity.WARNING, text, now_s)


def encode_preface(version: ProxyProtocol) -> bytes:
    """The PROXY header of a check: on the proxy's own account."""
    match version:
        case ProxyProtocol.OFF:
            return b""
        case ProxyProtocol.V1:
            return encode_v1(None)
        case ProxyProtocol.V2:
            return encode_local_v2()

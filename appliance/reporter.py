"""What the box tells of itself: status, history, metrics, log lines. Control keeps it up to date.

A status of thousands of sites takes a while to put together, so one serves everybody who asks
within a multiple of that time.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from appliance import __version__
from appliance.admin.overview import describe_overview
from appliance.routing.model import Site
from appliance.telemetry.alerts import Alert
from appliance.telemetry.counters import Counters
from appliance.telemetry.history import History
from appliance.telemetry.log_tail import LogTails
from appliance.telemetry.log_view import Wanted, choose
from appliance.telemetry.prometheus import encode_metrics
from appliance.telemetry.snapshot import (
    HookCounts,
    Reading,
    Readings,
    Standings,
    StoreState,
    build_site,
    build_status,
    choose_shown,
    read_counters,
)

# Rates in the status are over one sample, latencies over the last minute: six kept readings.
SAMPLES_A_KEPT_ONE = 10
KEPT = 6
# A status is put together again after so many times as long as that takes; a second at most.
SHARE = 10
LONGEST_KEPT_S = 0.9
# Lines of the access log that can be looked through.
LOG_LINES = 3000

Describe = Callable[[], Mapping[str, Any] | None]
T = TypeVar("T")


class Brief(Generic[T]):
    """Something that takes a while to make, kept for a multiple of that time."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._kept: tuple[T, float] | None = None

    def get(self) -> T:
        """As it was made a moment ago at most."""
        began_s = time.monotonic()
        if self._kept is None or began_s >= self._kept[1]:
            value = self._make()
            took_s = time.monotonic() - began_s
            self._kept = value, began_s + min(SHARE * took_s, LONGEST_KEPT_S)
        return self._kept[0]

    def forget(self) -> None:
        """It is made anew next time."""
        self._kept = None


class Reporter:
    """Reads the shared counters and joins them with what control knows."""

    def __init__(
        self,
        counters: Counters,
        tails: LogTails,
        read_sites: Callable[[], Mapping[str, Site]],
        standing: Standings,
        troubled_hosts: Callable[[], Iterable[str]],
        read_alerts: Callable[[], Sequence[Alert]],
        read_store: Callable[[], StoreState],
        certificate_of: Callable[[str], Mapping[str, str] | None],
        parts: Mapping[str, Describe],
        is_log_on: bool,
    ) -> None:
        """`parts` are further keys of the status."""
        self._counters = counters
        self._rings = tails.rings
        self._seen = [0] * len(tails.rings)
        self._read_sites = read_sites
        self._standing = standing
        self._troubled_hosts = troubled_hosts
        self._read_alerts = read_alerts
        self._read_store = read_store
        self._certificate_of = certificate_of
        self._parts = parts
        self._is_log_on = is_log_on
        self.later = self._earlier = read_counters(counters)
        self._kept = deque([self.later], KEPT)
        self._samples = 0
        self._history = History()
        self.box: Mapping[str, Any] = {}
        self.hooks: Callable[[HookCounts], Mapping[str, Any]] | None = None
        self._log: deque[tuple[int, bytes]] = deque(maxlen=LOG_LINES)
        self._log_end = 0
        self._status = Brief(self._build)
        self._json = Brief(lambda: json.dumps(self.status()).encode())
        self._overview = Brief(lambda: json.dumps(describe_overview(self.status())).encode())

    def sample(self) -> Reading:
        """Reads the counters and the logs; each second."""
        self._earlier, self.later = self.later, read_counters(self._counters)
        self._history.add(self._earlier, self.later, time.time())
        self._samples += 1
        if self._samples % SAMPLES_A_KEPT_ONE == 0:
            self._kept.append(self.later)
        for index, ring in enumerate(self._rings):
            tail = ring.read(self._seen[index])
            self._seen[index] = tail.at
            for line in tail.lines:
                self._log_end += 1
                self._log.append((self._log_end, line))
        return self.later

    def _readings(self) -> Readings:
        current = read_counters(self._counters)
        return Readings(self._kept[0], self._earlier, self.later, current)

    def _build(self) -> dict[str, Any]:
        readings, sites = self._readings(), self._read_sites()
        parts = {name: describe() for name, describe in self._parts.items()}
        return (
            build_status(
                now_s=time.time(),
                box=self.box,
                readings=readings,
                store=self._read_store(),
                sites=choose_shown(sites, self._troubled_hosts(), readings.current),
                sites_total=len(sites),
                standing=self._standing,
                certificate_of=self._certificate_of,
                alerts=self._read_alerts(),
                hooks=self.hooks(readings.current.hooks) if self.hooks is not None else None,
            )
            | parts
        )

    def status(self) -> dict[str, Any]:
        """The status, a moment old at most; not to be changed."""
        return self._status.get()

    def status_json(self) -> bytes:
        """The same as JSON on one line."""
        return self._json.get()

    def overview_json(self) -> bytes:
        """The same in short, for dashboards."""
        return self._overview.get()

    def forget(self) -> None:
        """Something was changed by somebody who wants to see it: the next status is made anew."""
        for brief in (self._status, self._json, self._overview):
            brief.forget()

    def find_site(self, host: str) -> Site | None:
        """A site in force."""
        return self._read_sites().get(host)

    def sites(self, contains: str, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """How many hosts contain something, and some of them as the status has them, by name."""
        sites, readings = self._read_sites(), self._readings()
        hosts = sorted(host for host in sites if contains in host)
        shown = [self._describe(sites[host], readings) for host in hosts[offset : offset + limit]]
        return len(hosts), shown

    def _describe(self, site: Site, readings: Readings) -> dict[str, Any]:
        host = site.host
        return build_site(site, readings, self._standing(host), self._certificate_of(host))

    def site(self, host: str) -> dict[str, Any] | None:
        """One of the status's sites."""
        site = self._read_sites().get(host)
        return None if site is None else self._describe(site, self._readings())

    def history(self) -> dict[str, Any]:
        """The last minutes."""
        return self._history.describe()

    def metrics(self) -> str:
        """For Prometheus, which is told every site."""
        status = self.status()
        if status["sites_total"] > len(status["sites"]):
            status = {**status, "sites": self.sites("", 0, status["sites_total"])[1]}
        return encode_metrics(status, read_counters(self._counters), __version__)

    # The access log.

    def has_log(self) -> bool:
        """Whether there are any lines to look at."""
        return self._is_log_on

    def log_end(self) -> int:
        """How many lines there have been so far."""
        return self._log_end

    def log(
        self, since: int, site: str, status: str, contains: str, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """The newest lines after the first `since`, the newest first."""
        fresh = (line for number, line in reversed(self._log) if number > since)
        return choose(fresh, Wanted(site, status, contains), limit)

"""Whether all is well, in one word, and what is not (PURE)."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from display.status import words
from display.status.model import Site, State, Status

# From here on the firmware of a Raspberry Pi slows the processor down.
HOT_C = 80.0
FULL_PERCENT = 95.0
CERTIFICATE_DAYS = 14.0
CERTIFICATE_DAYS_CRITICAL = 3.0


class Link(enum.Enum):
    """Whether the box speaks to its screen."""

    STARTING = "starting"
    LIVE = "live"
    GONE = "gone"


class Kind(enum.Enum):
    """What can be wrong: for one of them, for several."""

    SITE = ("Site down", "sites down")
    BACKEND = ("Backend down", "backends down")
    NETWORK = ("No network", "")
    DNS = ("DNS fails", "")
    STORE = ("Sites unreadable", "")
    WORKER = ("Worker down", "workers down")
    HOT = ("Too hot", "")
    POWER = ("Low voltage", "")
    SLOWED = ("Slowed down", "")
    DISK = ("Disk full", "")
    CERTIFICATE = ("Certificate", "certificates")
    ALERT = ("Alert", "alerts")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: with what, why, since when."""

    kind: Kind
    state: State
    what: str
    why: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of everything, in a word or two; the worst troubles first."""

    state: State
    word: str
    detail: str
    troubles: tuple[Trouble, ...] = ()


def judge(status: Status | None, link: Link) -> Verdict:
    """The verdict on what is known now."""
    if link is Link.STARTING or (status is None and link is Link.LIVE):
        return Verdict(State.UNKNOWN, "Starting", "the proxy has not answered yet")
    if status is None or link is Link.GONE:
        return Verdict(State.DOWN, "Proxy gone", "gatelight does not answer")
    if status.proxy.state == "starting":
        return Verdict(State.UNKNOWN, "Starting", "the proxy begins to serve")
    if status.proxy.state == "draining":
        return Verdict(State.DRAINING, "Draining", "the proxy ends its last requests")
    troubles = find_troubles(status)
    if troubles:
        return Verdict(troubles[0].state, _headline(troubles), troubles[0].what, troubles)
    return _judge_calm(status)


def find_troubles(status: Status) -> tuple[Trouble, ...]:
    """All that is wrong, the worst first."""
    found = [*_network(status), *_sites(status), *_workers(status), *_store(status)]
    found += [*_box(status), *_certificates(status)]
    named = [trouble.what.lower() for trouble in found]
    # An alert about what was found here already says the same again.
    found += [a for a in _alerts(status) if not any(name in a.what.lower() for name in named)]
    return tuple(sorted(found, key=lambda trouble: trouble.state is not State.DOWN))


def sort_sites(sites: tuple[Site, ...]) -> tuple[Site, ...]:
    """The broken ones first, then by name."""
    order = [State.DOWN, State.WARNING, State.DRAINING, State.UNKNOWN, State.UP]
    first = order[:3]
    return tuple(
        sorted(
            sites,
            key=lambda site: (
                first.index(site.state) if site.state in first else len(first),
                site.host,
            ),
        )
    )


def busiest_site(status: Status) -> Site | None:
    """The site with the most requests now; none when nothing is asked."""
    busiest = max(status.sites, key=lambda site: site.requests_per_s or 0, default=None)
    return busiest if busiest and busiest.requests_per_s else None


def certificate_state(left_days: float | None) -> State:
    """By the days that are left."""
    if left_days is None:
        return State.UNKNOWN
    if left_days < CERTIFICATE_DAYS_CRITICAL:
        return State.DOWN
    return State.WARNING if left_days < CERTIFICATE_DAYS else State.UP


def _headline(troubles: tuple[Trouble, ...]) -> str:
    worst = [trouble for trouble in troubles if trouble.state is troubles[0].state]
    if len({trouble.kind for trouble in worst}) > 1:
        return f"{len(worst)} problems"
    one, many = worst[0].kind.value
    return one if len(worst) == 1 or not many else f"{len(worst)} {many}"


def _judge_calm(status: Status) -> Verdict:
    backends = [backend for site in status.sites for backend in site.backends]
    if not status.sites:
        return Verdict(State.UP, "Ready", "no sites yet")
    sites = words.counted(len(status.sites), "site")
    if all(backend.state is State.UNKNOWN for backend in backends):
        return Verdict(State.UNKNOWN, "Serving", f"{sites}, not checked yet")
    up = sum(backend.state is State.UP for backend in backends)
    return Verdict(State.UP, "All well", f"{sites}, {words.counted(up, 'backend')} up")


def _network(status: Status) -> Iterator[Trouble]:
    if status.box.addresses == ():
        yield Trouble(Kind.NETWORK, State.DOWN, "This box", "it has no address: is the cable in?")
    elif status.box.network.dns_ok is False:
        yield Trouble(Kind.DNS, State.WARNING, "DNS", "names cannot be resolved")


def _sites(status: Status) -> Iterator[Trouble]:
    for site in sort_sites(status.sites):
        down = [backend for backend in site.backends if backend.state is State.DOWN]
        if not down:
            continue
        name = words.host_name(site.host)
        since = max((b.since for b in down if b.since), default=None)
        if site.state is State.DOWN:
            why = down[0].last_error or "no backend answers"
            yield Trouble(Kind.SITE, State.DOWN, name, why, since)
        else:
            why = f"{len(down)} of {len(site.backends)} backends down"
            yield Trouble(Kind.BACKEND, State.WARNING, name, why, since)


def _workers(status: Status) -> Iterator[Trouble]:
    for number, state in enumerate(status.proxy.worker_states, 1):
        if state in ("down", "hanging"):
            yield Trouble(Kind.WORKER, State.WARNING, f"Worker {number}", f"is {state}")


def _store(status: Status) -> Iterator[Trouble]:
    store = status.store
    if store.ok is False:
        where = "Redis" if store.kind == "redis" else "The file of sites"
        why = store.error or "cannot be read"
        yield Trouble(Kind.STORE, State.WARNING, where, why, store.since)


def _box(status: Status) -> Iterator[Trouble]:
    box = status.box
    if box.power.undervoltage:
        yield Trouble(Kind.POWER, State.WARNING, "Power supply", "its voltage is too low")
    if box.temperature_c is not None and box.temperature_c >= HOT_C:
        degrees = words.degrees(box.temperature_c)
        yield Trouble(Kind.HOT, State.WARNING, "Processor", f"{degrees}: it needs air")
    elif box.power.throttled:
        yield Trouble(Kind.SLOWED, State.WARNING, "Processor", "it is slowed down")
    if box.disk is not None and box.disk.percent >= FULL_PERCENT:
        yield Trouble(Kind.DISK, State.WARNING, "Disk", f"{words.percent(box.disk.percent)} full")


def _certificates(status: Status) -> Iterator[Trouble]:
    for site in status.sites:
        if site.certificate is None:
            continue
        left = words.days_left(site.certificate.expires, status.time)
        state = certificate_state(left)
        if state in (State.WARNING, State.DOWN):
            ends = "has expired" if left and left < 0 else f"ends in {words.days(left)}"
            yield Trouble(
                Kind.CERTIFICATE, state, words.host_name(site.host), f"its certificate {ends}"
            )


def _alerts(status: Status) -> Iterator[Trouble]:
    for alert in status.alerts:
        yield Trouble(Kind.ALERT, alert.severity, alert.text, "", alert.since)

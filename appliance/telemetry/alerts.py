"""Alerts: what is wrong with the box or its sites, since when, and whether somebody knows (PURE).

Some troubles last until they are mended, such as a full disk. Others are events, such as a worker
that died: they are shown for a while.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.routing.standing import Severity, Trouble

# An event is shown for this long after it last happened.
EVENT_SHOWN_S = 600.0
# A screen and a person take in no more; of hundreds of sites that are down, these stand for all.
MAX_ALERTS = 100
# A disk is nearly full when it is as full as this, or has as little left as this.
FULL_SHARE = 0.95
FULL_LEFT_BYTES = 64 << 20
# raspberrypi.com, "Frequency management and thermal control": it slows down from here on.
HOT_C = 80.0


@dataclass(frozen=True, slots=True)
class Alert:
    """One of them; times are of the day."""

    trouble: Trouble
    since_s: float
    acknowledged: bool


class Alerts:
    """Those in force."""

    def __init__(self) -> None:
        self._by_id: dict[str, Alert] = {}

    def update(self, troubles: Iterable[Trouble], now_s: float) -> None:
        """These are all the troubles there are now; critical ones are kept first."""
        wanted = sorted(troubles, key=lambda each: each.severity is not Severity.CRITICAL)
        before, self._by_id = self._by_id, {}
        for trouble in wanted[:MAX_ALERTS]:
            known = before.get(trouble.id)
            since_s = known.since_s if known else trouble.since_s or now_s
            self._by_id[trouble.id] = Alert(trouble, since_s, bool(known and known.acknowledged))

    def acknowledge(self, id: str) -> bool:
        """Somebody knows of it. False when there is no such alert."""
        alert = self._by_id.get(id)
        if alert is not None:
            self._by_id[id] = Alert(alert.trouble, alert.since_s, True)
        return alert is not None

    def all(self) -> list[Alert]:
        """Critical ones first."""
        return list(self._by_id.values())


class Events:
    """Troubles that happen rather than last."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, Trouble]] = {}

    def note(self, id: str, severity: Severity, text: str, now_s: float) -> None:
        """It has happened, perhaps again."""
        before = self._last.get(id)
        since_s = before[1].since_s if before else now_s
        self._last[id] = (now_s, Trouble(id, severity, text, since_s))

    def troubles(self, now_s: float) -> list[Trouble]:
        """Those of late. A clock that was set back counts as late too."""
        self._last = {
            id: (at_s, trouble)
            for id, (at_s, trouble) in self._last.items()
            if abs(now_s - at_s) < EVENT_SHOWN_S
        }
        return [trouble for _, trouble in self._last.values()]


def find_box_troubles(box: Mapping[str, Any], is_clock_set: bool) -> list[Trouble]:
    """What the box's own readings say; what it does not know is no trouble."""
    found = []

    def warn(id: str, text: str) -> None:
        found.append(Trouble(id, Severity.WARNING, text))

    disk, power = box.get("disk"), box.get("power") or {}
    if disk is not None and is_nearly_full(disk["used_bytes"], disk["total_bytes"]):
        left_mib = (disk["total_bytes"] - disk["used_bytes"]) >> 20
        warn("disk", f"the disk is nearly full: {left_mib} MiB left")
    if not is_clock_set:
        warn("clock", "the clock is not set: certificates wait until it is")
    if power.get("undervoltage"):
        warn("power", "the power supply is too weak: use one made for this Pi")
    temperature_c = box.get("temperature_c")
    if temperature_c is not None and temperature_c >= HOT_C:
        warn("temperature", f"the processor is at {temperature_c:.0f} C and slows down: cool it")
    return found


def is_nearly_full(used_bytes: int, total_bytes: int) -> bool:
    """Whether a disk needs a person's attention; a tiny one only by its share."""
    left = total_bytes - used_bytes
    is_large = total_bytes > 4 * FULL_LEFT_BYTES
    return used_bytes >= total_bytes * FULL_SHARE or (is_large and left < FULL_LEFT_BYTES)

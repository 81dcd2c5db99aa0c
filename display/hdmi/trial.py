"""A new mode on trial: what happens when, whatever happens (PURE).

Two methods. TRYBOOT: the firmware reads tryboot.txt for one boot; the files of the next boot are
not touched before somebody has confirmed. DEAD_MAN, where the kernel cannot arm that: the new files
are put in place, the old ones kept, and unless somebody confirms in time the old ones go back and
the box restarts. The phase is one small file in the boot folder, replaced in one step.

The promise, held by TABLE and tested by cutting the power after every single step: after at most
one automatic restart there is a picture, and the files are the old ones or the new ones together.
"""

import enum
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from display.hdmi.steps import Change, Entry, Found, parse_changes, parse_table

DEFAULT_SECONDS = 60
MIN_SECONDS = 10
MAX_SECONDS = 3600


class Method(enum.Enum):
    TRYBOOT = "tryboot"
    DEAD_MAN = "dead-man"


class Phase(enum.Enum):
    """What the boot folder says. IDLE: nothing."""

    IDLE = "idle"
    ARMED = "armed"
    RUNNING = "running"
    CONFIRMED = "confirmed"


class Event(enum.Enum):
    """BOOT_* say which files were found after a start: the old, the new, some of both, others.

    BOOT_TRY: the firmware has read tryboot.txt. SAME_BOOT: there was no restart in between.
    """

    SET = "set"
    SAME_BOOT = "same boot"
    BOOT_OLD = "booted, old files"
    BOOT_NEW = "booted, new files"
    BOOT_MIXED = "booted, some old and some new"
    BOOT_OTHER = "booted, no new files, settings somebody else has changed"
    BOOT_TRY = "booted from tryboot.txt"
    CONFIRM = "confirm"
    GIVE_UP = "time is over, or undo"


class Action(enum.Enum):
    MARK_ARMED = "mark armed"
    MARK_RUNNING = "mark running"
    MARK_CONFIRMED = "mark confirmed"
    PUT_NEW = "put the new files"
    PUT_OLD = "put the old files"
    PUT_TRYBOOT = "put tryboot.txt"
    DROP_TRYBOOT = "take tryboot.txt away"
    RECORD = "write the history"
    CLEAR = "end the trial"
    COUNT_DOWN = "count down"
    REBOOT = "restart"
    REBOOT_TRYBOOT = "restart once from tryboot.txt"


_A = Action
_REVERT = (_A.PUT_OLD, _A.CLEAR, _A.REBOOT)
_FORGET = (_A.DROP_TRYBOOT, _A.CLEAR)
_KEEP = (_A.PUT_NEW, _A.RECORD, _A.CLEAR)
_KEEP_TRIED = (_A.PUT_NEW, _A.RECORD, _A.DROP_TRYBOOT, _A.CLEAR)

TABLE: dict[Method, dict[Phase, dict[Event, tuple[Action, ...]]]] = {
    Method.DEAD_MAN: {
        Phase.IDLE: {Event.SET: (_A.MARK_ARMED, _A.PUT_NEW, _A.REBOOT)},
        Phase.ARMED: {
            Event.SAME_BOOT: (),
            Event.BOOT_OLD: (_A.CLEAR,),
            Event.BOOT_NEW: (_A.MARK_RUNNING, _A.COUNT_DOWN),
            Event.BOOT_MIXED: _REVERT,
            Event.BOOT_OTHER: (_A.CLEAR,),
            Event.GIVE_UP: (_A.PUT_OLD, _A.CLEAR),
        },
        Phase.RUNNING: {
            Event.SAME_BOOT: (_A.COUNT_DOWN,),
            Event.BOOT_OLD: (_A.CLEAR,),
            Event.BOOT_NEW: _REVERT,
            Event.BOOT_MIXED: _REVERT,
            Event.BOOT_OTHER: (_A.CLEAR,),
            Event.CONFIRM: (_A.MARK_CONFIRMED, _A.RECORD, _A.CLEAR),
            Event.GIVE_UP: _REVERT,
        },
        Phase.CONFIRMED: {
            Event.SAME_BOOT: _KEEP,
            Event.BOOT_OLD: (*_KEEP, _A.REBOOT),
            Event.BOOT_NEW: _KEEP,
            Event.BOOT_MIXED: (*_KEEP, _A.REBOOT),
            Event.BOOT_OTHER: (_A.CLEAR,),
        },
    },
    Method.TRYBOOT: {
        Phase.IDLE: {Event.SET: (_A.MARK_ARMED, _A.PUT_TRYBOOT, _A.REBOOT_TRYBOOT)},
        Phase.ARMED: {
            Event.SAME_BOOT: (),
            Event.BOOT_OLD: _FORGET,
            Event.BOOT_NEW: _FORGET,
            Event.BOOT_MIXED: _FORGET,
            Event.BOOT_OTHER: _FORGET,
            Event.BOOT_TRY: (_A.MARK_RUNNING, _A.COUNT_DOWN),
            Event.GIVE_UP: _FORGET,
        },
        Phase.RUNNING: {
            Event.SAME_BOOT: (_A.COUNT_DOWN,),
            Event.BOOT_OLD: _FORGET,
            Event.BOOT_NEW: _FORGET,
            Event.BOOT_MIXED: _FORGET,
            Event.BOOT_OTHER: _FORGET,
            Event.BOOT_TRY: (*_FORGET, _A.REBOOT),
            Event.CONFIRM: (_A.MARK_CONFIRMED, *_KEEP_TRIED),
            Event.GIVE_UP: (*_FORGET, _A.REBOOT),
        },
        Phase.CONFIRMED: {
            Event.SAME_BOOT: _KEEP_TRIED,
            Event.BOOT_OLD: (*_KEEP_TRIED, _A.REBOOT),
            Event.BOOT_NEW: _KEEP_TRIED,
            Event.BOOT_MIXED: (*_KEEP_TRIED, _A.REBOOT),
            Event.BOOT_OTHER: _FORGET,
            Event.BOOT_TRY: _KEEP_TRIED,
        },
    },
}
MARKS = {
    Action.MARK_ARMED: Phase.ARMED,
    Action.MARK_RUNNING: Phase.RUNNING,
    Action.MARK_CONFIRMED: Phase.CONFIRMED,
}


@dataclass(frozen=True, slots=True)
class Trial:
    """The phase file. `tryboot` are the files of a tryboot, which there were not before.

    `boot_id` is the kernel's random id of the boot in which the phase was written.
    """

    method: Method
    phase: Phase
    entry: Entry
    port: int
    mode: str
    seconds: int
    boot_id: str
    tryboot: tuple[Change, ...] = ()


# Writing around our part changes nothing for a trial.
_WHOLE = {Found.OLD_PART: Found.OLD, Found.NEW_PART: Found.NEW}


def choose_actions(trial: Trial, event: Event) -> tuple[Action, ...] | None:
    """What to do; None when the event has no meaning in this phase."""
    return TABLE[trial.method][trial.phase].get(event)


def boot_event(trial: Trial, boot_id: str, is_tryboot: bool, found: Iterable[Found]) -> Event:
    """What a start of the trial's service means."""
    kinds = {_WHOLE.get(kind, kind) for kind in found}
    if boot_id == trial.boot_id:
        return Event.SAME_BOOT
    if is_tryboot and trial.method is Method.TRYBOOT:
        return Event.BOOT_TRY
    if kinds <= {Found.OLD}:
        return Event.BOOT_OLD
    if kinds == {Found.NEW}:
        return Event.BOOT_NEW
    return Event.BOOT_OTHER if kinds <= {Found.OLD, Found.OTHER} else Event.BOOT_MIXED


def encode_trial(trial: Trial) -> bytes:
    """The phase file's content."""
    table = asdict(trial) | {"method": trial.method.value, "phase": trial.phase.value}
    return json.dumps(table, indent=1).encode() + b"\n"


def parse_trial(data: bytes) -> Trial:
    """The other way round. Raises ValueError, KeyError or TypeError."""
    table: dict[str, Any] = json.loads(data)
    return Trial(
        Method(table["method"]),
        Phase(table["phase"]),
        parse_table(table["entry"]),
        int(table["port"]),
        str(table["mode"]),
        int(table["seconds"]),
        str(table["boot_id"]),
        parse_changes(table["tryboot"]),
    )

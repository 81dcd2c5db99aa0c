"""The steps of the history: what each changed, and how to go back (PURE)."""

import enum
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from display.hdmi.errors import HdmiError


@dataclass(frozen=True, slots=True)
class Change:
    """One file: the checksums of its content before and after; None when there is no file."""

    path: str
    before: str | None
    after: str | None


_SECTOR_BYTES = 512


class Found(enum.Enum):
    """What is in the place of a change. *_PART: others have written around our part since.

    TORN: an interrupted writing, or no file. OTHER: our part itself was changed.
    """

    OLD = "old"
    NEW = "new"
    OLD_PART = "old, with changes around it"
    NEW_PART = "new, with changes around it"
    TORN = "torn"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of the history. `undoes` are the numbers of the steps it took back."""

    number: int
    action: str
    time: str | None
    changes: tuple[Change, ...]
    undoes: tuple[int, ...] = ()


def undoable(entries: Sequence[Entry]) -> list[Entry]:
    """The steps that are in force, the newest last."""
    stack: list[Entry] = []
    for entry in entries:
        if entry.undoes:
            stack = [step for step in stack if step.number not in entry.undoes]
        else:
            stack.append(entry)
    return stack


def plan_undo(entries: Sequence[Entry], steps: int) -> tuple[tuple[int, ...], tuple[Change, ...]]:
    """The numbers taken back, and each file's checksums now and then. Raises HdmiError."""
    stack = undoable(entries)
    if steps > len(stack):
        count = f"{len(stack)} step{'s' * (len(stack) != 1)}" if stack else "nothing"
        raise HdmiError("there is no such step in", "the history", f"{count} can be undone")
    taken = list(reversed(stack))[:steps]
    now: dict[str, str | None] = {}
    then: dict[str, str | None] = {}
    for entry in taken:
        for change in entry.changes:
            now.setdefault(change.path, change.after)
            then[change.path] = change.before
    changes = tuple(Change(path, now[path], then[path]) for path in now)
    return tuple(entry.number for entry in taken), changes


def parse_entry(data: bytes) -> Entry:
    """An entry as `encode_entry` wrote it. Raises ValueError, KeyError or TypeError."""
    return parse_table(json.loads(data))


def parse_table(table: dict[str, Any]) -> Entry:
    """An entry from decoded JSON. Raises ValueError, KeyError or TypeError."""
    undoes = tuple(int(number) for number in table["undoes"])
    changes = parse_changes(table["changes"])
    return Entry(int(table["number"]), str(table["action"]), table["time"], changes, undoes)


def parse_changes(tables: list[dict[str, Any]]) -> tuple[Change, ...]:
    """Changes from decoded JSON. Raises KeyError or TypeError."""
    return tuple(Change(**table) for table in tables)


def encode_entry(entry: Entry) -> bytes:
    """An entry as JSON."""
    return json.dumps(asdict(entry), indent=1).encode() + b"\n"


def is_torn(found: bytes | None, wanted: bytes | None) -> bool:
    """Whether a file looks like an interrupted writing, not like somebody's edit.

    What FAT leaves of one: nothing, zeros, or the whole sectors that came as far as the card.
    """
    if found is None or not wanted or found == wanted:
        return False
    is_cut = wanted.startswith(found) and len(found) % _SECTOR_BYTES == 0
    return is_cut or (b"\0" in found and b"\0" not in wanted)

"""What was changed, with checked copies of every file before and after.

The folder `gatelight-history` beside config.txt holds NNNN.json (one entry a change), `copies/`
(contents by their SHA-256) and, while a change is under way, `pending.json`: after a power cut the
files go back to what they were before it. A damaged copy is found by its name.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from display.hdmi.errors import HdmiError, error_of
from display.hdmi.files import (
    checksum,
    make_folder,
    put_file,
    read_file,
    remove_file,
    sweep,
    sync_folder,
    write_file,
)
from display.hdmi.parts import part_of, put_part
from display.hdmi.steps import (
    Change,
    Entry,
    Found,
    encode_entry,
    is_torn,
    parse_entry,
    plan_undo,
)

FOLDER = "gatelight-history"
# Older entries go, with the copies only they need: some 6 MB at 31 KB a file.
MAX_ENTRIES = 100
# A Pi has no clock battery: an earlier time than this program's is no time.
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Places:
    """Where paths lead: names are in `boot`, absolute paths below `root` (None: not at hand)."""

    boot: Path
    root: Path | None = None

    def find(self, path: str) -> Path:
        """The file a change is about."""
        if not path.startswith("/"):
            return self.boot / path
        if self.root is None:
            raise HdmiError("this folder alone does not hold", path, "run it on the box itself")
        return self.root / path.lstrip("/")


class History:
    """The history of one boot folder. Every method raises HdmiError."""

    def __init__(self, places: Places, now: Callable[[], datetime] | None = None) -> None:
        self.places = places
        self.folder = places.boot / FOLDER
        self.copies = self.folder / "copies"
        self.pending = self.folder / "pending.json"
        self.trial = self.folder / "trial.json"
        self.now = now or (lambda: datetime.now(UTC))

    @contextlib.contextmanager
    def locked(self, mended: list[str] | None = None) -> Iterator[None]:
        """One writer at a time; what an earlier one left half-done is put right first.

        The files that were put right are added to `mended`.
        """
        make_folder(self.folder)
        make_folder(self.copies)
        descriptor = self._open()
        try:
            self._lock(descriptor)
            found = self.repair()
            if mended is not None:
                mended += found
            yield
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        try:
            return os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise error_of(error, self.folder) from error

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = str(self.places.boot)
            raise HdmiError("another change is under way in", where, "try again") from None
        except OSError as error:
            raise error_of(error, self.folder) from error

    def entries(self) -> tuple[Entry, ...]:
        """All entries, the oldest first; one that cannot be read is left out."""
        found = []
        for path in sorted(self.folder.glob("[0-9]*.json")):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                found.append(parse_entry(read_file(path) or b""))
        return tuple(found)

    def keep(self, contents: Mapping[str, bytes | None]) -> tuple[Change, ...]:
        """Copies of the files as they are and as they will be; says what really changes."""
        changes = []
        for path, after in contents.items():
            before = read_file(self.places.find(path))
            if before != after:
                changes.append(Change(path, self._copy(before), self._copy(after)))
        return tuple(changes)

    def content(self, name: str | None) -> bytes | None:
        """A kept content by its checksum."""
        if name is None:
            return None
        data = read_file(self.copies / name)
        if data is None or checksum(data) != name:
            where = str(self.copies / name)
            raise HdmiError("a kept copy is missing or damaged:", where, "the file stays as it is")
        return data

    def put(self, changes: Sequence[Change], *, after: bool, force: bool = False) -> list[str]:
        """The files as they are to be after the change, or as they were before it; says which.

        What others have written since stays: of such a file only our part is put. Where they have
        changed our part itself the file is left alone, unless `force`.
        """
        put = []
        for change in changes:
            wanted = self.content(change.after if after else change.before)
            data, kind = read_file(self.places.find(change.path)), self.found(change)
            if not force and kind is Found.OTHER:
                continue
            if not force and kind in (Found.OLD_PART, Found.NEW_PART):
                wanted = put_part(change.path, data, wanted)
            if wanted != data:
                put_file(self.places.find(change.path), wanted)
                put.append(change.path)
        return put

    def found(self, change: Change) -> Found:
        """What there is now in the place of a change."""
        data = read_file(self.places.find(change.path))
        if _name(data) in (change.before, change.after):
            return Found.OLD if _name(data) == change.before else Found.NEW
        old, new = self.content(change.before), self.content(change.after)
        if data is None or is_torn(data, old) or is_torn(data, new):
            return Found.TORN
        parts = [part_of(change.path, content) for content in (data, old, new)]
        if parts[1] == parts[2] or parts[0] not in parts[1:]:
            return Found.OTHER
        return Found.OLD_PART if parts[0] == parts[1] else Found.NEW_PART

    def apply(
        self, action: str, contents: Mapping[str, bytes | None], undoes: tuple[int, ...] = ()
    ) -> Entry | None:
        """Writes the files as one step; None when all are as wanted already."""
        changes = self.keep(contents)
        if not changes:
            return None
        entry = self.entry(action, changes, undoes)
        write_file(self.pending, encode_entry(entry))
        try:
            self.put(changes, after=True)
        except HdmiError:
            with contextlib.suppress(HdmiError):
                self._take_back_pending()
            raise
        self.commit(self.pending, entry.number)
        return entry

    def entry(
        self, action: str, changes: tuple[Change, ...], undoes: tuple[int, ...] = ()
    ) -> Entry:
        """The next entry."""
        now = self.now()
        time = now.isoformat(timespec="seconds") if now >= _EARLIEST else None
        last = max((entry.number for entry in self.entries()), default=0)
        return Entry(last + 1, action, time, changes, undoes)

    def record(self, entry: Entry) -> None:
        """Adds an entry whose files are in place; again is as once."""
        write_file(self.folder / f"{entry.number:04}.json", encode_entry(entry))

    def commit(self, path: Path, number: int) -> None:
        """Makes the file of an entry part of the history, in one step."""
        try:
            os.rename(path, self.folder / f"{number:04}.json")
            sync_folder(self.folder)
        except OSError as error:
            raise error_of(error, path) from error
        self._forget()

    def undo(self, steps: int, *, force: bool = False) -> Entry | None:
        """Takes steps back, around what others have written since.

        Where they have changed our part itself, that is refused unless `force`.
        """
        numbers, changes = plan_undo(self.entries(), steps)
        contents: dict[str, bytes | None] = {}
        for change in changes:
            # Of such a change, what there is now is the newer side.
            back = Change(change.path, change.after, change.before)
            path, kind = self.places.find(change.path), self.found(back)
            if kind is Found.OTHER and not force:
                way_out = "undo --force puts the old file back (this one stays in the history)"
                raise HdmiError("somebody has changed these settings since in", str(path), way_out)
            then = self.content(change.after)
            is_part = kind in (Found.OLD_PART, Found.NEW_PART) and not force
            contents[change.path] = (
                put_part(change.path, read_file(path), then) if is_part else then
            )
        return self.apply(f"undo {steps}", contents, numbers)

    def repair(self) -> list[str]:
        """Ends what a power cut interrupted; says which files were put right."""
        for folder in (self.places.boot, self.folder, self.copies):
            sweep(folder)
        mended = self._take_back_pending() + self._mend_torn()
        return sorted(set(mended))

    def _take_back_pending(self) -> list[str]:
        data = read_file(self.pending)
        if data is None:
            return []
        mended = []
        with contextlib.suppress(ValueError, KeyError, TypeError):
            mended = self.put(parse_entry(data).changes, after=False)
        remove_file(self.pending)
        return mended

    def _mend_torn(self) -> list[str]:
        """Files that begin like our last writing of them, or hold zeros in its place."""
        last = {change.path: change.after for entry in self.entries() for change in entry.changes}
        mended = []
        for path, name in last.items():
            with contextlib.suppress(HdmiError):
                place, wanted = self.places.find(path), self.content(name)
                if is_torn(read_file(place), wanted):
                    put_file(place, wanted)
                    mended.append(path)
        return mended

    def _copy(self, data: bytes | None) -> str | None:
        if data is None:
            return None
        name = checksum(data)
        put_file(self.copies / name, data)
        return name

    def _forget(self) -> None:
        if self.trial.exists():
            return
        entries = self.entries()
        for entry in entries[:-MAX_ENTRIES]:
            remove_file(self.folder / f"{entry.number:04}.json")
        kept = {
            name
            for entry in entries[-MAX_ENTRIES:]
            for change in entry.changes
            for name in (change.before, change.after)
        }
        for path in self.copies.iterdir():
            if path.name not in kept:
                remove_file(path)


def _name(data: bytes | None) -> str | None:
    return None if data is None else checksum(data)

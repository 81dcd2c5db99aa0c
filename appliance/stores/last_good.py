"""The last good sites of a store that may be away, on disk for the next cold start.

One file of JSON lines: what a host's site was last told to be. New lines are added at the end, some
seconds' worth at a time, so that an SD card has little to do; when most lines are outdated the file
is written anew beside itself and put in its place. The last line of a host counts, and a line that
a power cut has torn counts for nothing.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.stores.base import Table

# Outdated lines are put up with until they are as many as the others, and so many more.
SPARE_LINES = 1000


@dataclass(frozen=True, slots=True)
class LastSite:
    """One host's line. `digest` stands for the values it was read from; none: read them anew."""

    host: str
    table: Table
    origin: str
    own: Table | None = None
    digest: int | None = None


class LastGood:
    """The file. `note` costs no I/O; `write` may take a while and belongs in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted: dict[str, str] = {}
        self._lines = 0

    def load(self) -> dict[str, LastSite]:
        """The sites on disk. A file that is not there, or none of ours, holds none."""
        found: dict[str, LastSite] = {}
        for line in self._read():
            self._lines += 1
            entry = _parse(line)
            match entry:
                case {"host": str(host), "table": dict(table), "origin": str(origin)}:
                    own, digest = entry.get("own"), entry.get("digest")
                    found[host] = LastSite(host, table, origin, own, digest)
                case {"host": str(host)}:
                    found.pop(host, None)
        return found

    def note(self, site: LastSite) -> None:
        """To be written: what a site is now."""
        entry: dict[str, Any] = {"host": site.host, "table": site.table, "origin": site.origin}
        if site.own is not None:
            entry["own"] = site.own
        if site.digest is not None:
            entry["digest"] = site.digest
        self._noted[site.host] = json.dumps(entry, ensure_ascii=False)

    def note_removed(self, host: str) -> None:
        """To be written: there is no such site any more."""
        self._noted[host] = json.dumps({"host": host})

    @property
    def has_news(self) -> bool:
        """Whether anything is to be written."""
        return bool(self._noted)

    def take(self) -> Mapping[str, str]:
        """What is to be written now, for `write`."""
        taken, self._noted = self._noted, {}
        return taken

    def put_back(self, noted: Mapping[str, str]) -> None:
        """What could not be written is noted still."""
        self._noted = {**noted, **self._noted}

    def write(self, noted: Mapping[str, str], sites: int) -> None:
        """Writes what was taken; `sites` is how many there are in all. Raises OSError."""
        self._append("".join(f"{line}\n" for line in noted.values()))
        self._lines += len(noted)
        if self._lines > 2 * sites + SPARE_LINES:
            self._write_anew()

    def _append(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                text = "\n" + text
            data = text.encode()
            while data:
                data = data[os.write(file, data) :]
            os.fdatasync(file)
        finally:
            os.close(file)

    def _write_anew(self) -> None:
        """Leaves out the outdated lines; two readings, so that no more than a number is kept."""
        last = {_host_of(line): number for number, line in enumerate(self._read())}
        numbers = set(last.values())
        fresh = self._path.with_suffix(".new")
        kept = 0
        with open(fresh, "wb", opener=_private) as file:
            for number, line in enumerate(self._read()):
                if number in numbers and _is_wanted(line):
                    file.write(line.rstrip(b"\n") + b"\n")
                    kept += 1
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._lines = kept

    def _read(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                yield from file
        except FileNotFoundError:
            return


def _private(path: str, flags: int) -> int:
    """Certificates' keys may stand in a site."""
    return os.open(path, flags, 0o600)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _host_of(line: bytes) -> str:
    return str(_parse(line).get("host", ""))


def _is_wanted(line: bytes) -> bool:
    return "table" in _parse(line)

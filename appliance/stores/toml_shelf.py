"""Sites in a file, as the command works on them: changed where they stand, all else kept."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from appliance.atomic_file import replace_file
from appliance.config import parse_settings, parse_sites, read_text
from appliance.stores.base import StoreError, Table, pick
from appliance.toml_edit import EditError, edit_sites, sites_in

NEW_FILE_MODE = 0o640
# A site may hold a certificate's key as text: then a new file is for its owner alone.
SECRET_FILE_MODE = 0o600
SECRET = "PRIVATE KEY-----"


class TomlShelf:
    """One file. `embedded`: it is the whole configuration."""

    def __init__(self, path: str, embedded: bool) -> None:
        # Behind a link stands the file that is to be replaced.
        self._path = Path(os.path.realpath(path))
        self._embedded = embedded

    async def read(self, hosts: Collection[str] | None = None) -> dict[str, Table]:
        """The tables of these sites, or of all in their order. Raises ConfigError."""
        return pick(sites_in(self._read()), hosts)

    async def put(self, tables: Mapping[str, Table]) -> None:
        """Adds sites or replaces them by host. Raises StoreError or ConfigError."""
        with self._change():
            self._write(tables, ())

    async def remove(self, hosts: Iterable[str]) -> None:
        """Takes sites away. Raises StoreError or ConfigError."""
        with self._change():
            self._write({}, hosts)

    async def replace(self, tables: Mapping[str, Table]) -> None:
        """These are all the sites there are. Raises StoreError or ConfigError."""
        with self._change():
            text = self._read() if self._path.exists() else ""
            self._write(tables, sites_in(text).keys() - tables.keys())

    def _read(self) -> str:
        text = read_text(str(self._path))
        (parse_settings if self._embedded else parse_sites)(text, str(self._path))
        return text

    def _write(self, put: Mapping[str, Table], removed: Iterable[str]) -> None:
        text = self._read() if self._embedded or self._path.exists() else ""
        try:
            edited = edit_sites(text, put, removed)
        except EditError as error:
            raise StoreError(f"{self._path}: {error}") from None
        if edited == text:
            return
        # Nobody is served by a file that our own reader would refuse.
        (parse_settings if self._embedded else parse_sites)(edited, str(self._path))
        found = os.stat(self._path) if self._path.exists() else None
        new_mode = SECRET_FILE_MODE if SECRET in edited else NEW_FILE_MODE
        mode = stat.S_IMODE(found.st_mode) if found else new_mode
        replace_file(self._path, edited.encode(), mode)

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """One change at a time: whoever reads and writes holds the folder's lock (flock(2))."""
        try:
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                yield
            finally:
                os.close(folder)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error.strerror}") from None

"""Boot files written so that a power cut leaves the old one or the new one, whole.

FAT knows no atomic change of content, and its rename is not kept on the card until the folder is
flushed. So: a temporary file, flushed; renamed over the old one; the folder flushed; read back.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from display.hdmi.config_txt import MAX_FILE_BYTES
from display.hdmi.errors import HdmiError, error_of

TEMPORARY = ".gatelight-new-"
_NEW_FILE_MODE = 0o644


def checksum(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_file(path: Path) -> bytes | None:
    """The content, None when there is no such file. Raises HdmiError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise error_of(error, path) from error
    if len(data) > MAX_FILE_BYTES:
        raise HdmiError("more than 1 MiB is in", str(path), "is this really a text file?")
    return data


def write_file(path: Path, data: bytes) -> None:
    """Replaces or makes the file in its folder. Raises HdmiError; the old file is whole.

    A link is followed: the file it leads to is replaced. What was written is read back from the
    card, not from memory.
    """
    path = Path(os.path.realpath(path))
    temporary = path.with_name(TEMPORARY + path.name)
    try:
        _write_new(temporary, data, _mode_of(path))
        os.rename(temporary, path)
        sync_folder(path.parent)
        _with_descriptor(path, os.O_RDONLY, _forget_cached)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise error_of(error, path) from error
    if read_file(path) != data:
        raise HdmiError("what was written is not what is read from", str(path), "replace the card")


def remove_file(path: Path) -> None:
    """Takes the file away, if it is there. Raises HdmiError."""
    try:
        os.unlink(path)
        sync_folder(path.parent)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise error_of(error, path) from error


def put_file(path: Path, data: bytes | None) -> None:
    """Writes the content, or takes the file away for None. Raises HdmiError."""
    if data is None:
        remove_file(path)
    elif read_file(path) != data:
        write_file(path, data)


def make_folder(path: Path) -> None:
    """A folder inside one that is there. Raises HdmiError."""
    try:
        if not path.is_dir():
            os.mkdir(path, 0o755)
            sync_folder(path.parent)
    except OSError as error:
        raise error_of(error, path) from error


def sweep(folder: Path) -> None:
    """Takes away temporary files that an interrupted write left. Raises HdmiError."""
    try:
        left = [path for path in folder.iterdir() if path.name.startswith(TEMPORARY)]
    except OSError:
        return
    for path in left:
        remove_file(path)


def sync_folder(folder: Path) -> None:
    """Has the folder's names on the card before it returns."""
    _with_descriptor(folder, os.O_RDONLY | os.O_DIRECTORY, os.fsync)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW

    def fill(descriptor: int) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)

    _with_descriptor(path, flags, fill, mode)


def _forget_cached(descriptor: int) -> None:
    """Has the next reading come from the card."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _with_descriptor(path: Path, flags: int, use: Callable[[int], None], mode: int = 0) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC, mode)
    try:
        use(descriptor)
    finally:
        os.close(descriptor)


def _mode_of(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return _NEW_FILE_MODE

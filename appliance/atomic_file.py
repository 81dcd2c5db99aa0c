"""Files that are there whole or not at all, whatever happens on the way."""

import contextlib
import os
from pathlib import Path


def replace_file(
    path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None
) -> None:
    """Puts `content` in the place of what was there. Raises OSError, and then all is as it was.

    A file of its own is written and synced, renamed over the old one, and the folder synced: that
    is what outlives a power cut at any moment (rename(2), fsync(2)). Where root does it, the new
    file belongs to `owner` (user and group by number) or to whom the old one belonged, from before
    it has its name: its user can read it at every moment.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write_synced(temporary, content, mode, _owner_of(path) if owner is None else owner)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def _owner_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_uid, found.st_gid


def _write_synced(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    # Whoever else may write in the folder puts nothing in the way, a link to another file least.
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, mode), "wb") as file:
        # The mode at opening is cut by the umask.
        os.fchmod(file.fileno(), mode)
        me = os.geteuid(), os.getegid()
        # A FAT file system knows no owners: nothing is asked of it that is so already.
        if owner is not None and me[0] == 0 and owner != me:
            os.fchown(file.fileno(), *owner)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder last. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

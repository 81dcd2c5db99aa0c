"""A box's own data as one file, and back again.

All of it stands in a few folders of the data partition. A backup holds keys and passwords: it is
readable for its owner only.
"""

import io
import json
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.atomic_file import replace_file, sync_folder
from appliance.box.next_start import ask_for, begin, give_up

# The proxy's state with sites and local CA, the box's settings, SSH host keys, Valkey's data.
FOLDERS = ("box", "gatelight", "ssh", "valkey")
SETTINGS = "box/settings.json"
# Of the settings, what is said of the card and not of the box (appliance/box/apply.py).
OF_THE_CARD = ("mark", "mode")
MANIFEST = "gatelight-backup.json"
FORMAT = 1
# Far beyond any home's data; a file that claims more is not unpacked.
MAX_BYTES = 1 << 30
MAX_MEMBERS = 100_000


class BackupError(Exception):
    """What cannot be done, in words."""


def write_backup(data: Path, path: Path) -> int:
    """Writes the file, whole or not at all; how many files are in it. Raises BackupError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    manifest = json.dumps({"format": FORMAT, "version": __version__}).encode()
    count = 0
    try:
        opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(opened, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            head = tarfile.TarInfo(MANIFEST)
            head.size = len(manifest)
            archive.addfile(head, io.BytesIO(manifest))
            for found in _files(data):
                archive.add(found, str(found.relative_to(data)), recursive=False)
                count += found.is_file()
            archive.close()
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BackupError(f"{path} cannot be written: {error.strerror}") from None
    return count


def restore_backup(path: Path, data: Path) -> int:
    """Has the next start put the backup's folders in the place of those there are.

    Not now: what runs would write its own state over them. It wins over the gatelight.toml that the
    card has now. A file that is not a whole backup changes nothing. Returns how many files are in
    it. Raises BackupError.
    """
    try:
        fresh = begin(data)
        with tarfile.open(path, "r:gz") as archive:
            members = _checked(archive, path)
            for member in members:
                _unpack(archive, member, fresh)
        if not members:
            raise ValueError("nothing is in it")
        _adapt(fresh / SETTINGS, data / SETTINGS)
        ask_for(data)
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BackupError(f"{path} cannot be restored ({reason}): is it a whole backup?") from None
    finally:
        give_up(data)
    return sum(member.isfile() for member in members)


def _adapt(fresh: Path, present: Path) -> None:
    """The backup's settings come to a card that may have another inbox, and other boot files."""
    if not fresh.exists():
        return
    table = _read_table(fresh)
    try:
        of_card = _read_table(present)
    except (OSError, ValueError):
        of_card = {}
    table |= {name: str(of_card.get(name, "")) for name in OF_THE_CARD}
    replace_file(fresh, json.dumps(table).encode(), 0o600)


def _read_table(path: Path) -> dict[str, Any]:
    table = json.loads(path.read_bytes())
    if not isinstance(table, dict):
        raise ValueError(f"{SETTINGS} holds no settings")
    return table


def _files(data: Path) -> Iterator[Path]:
    """Folders before what is in them; sockets and the like are no data."""
    for folder in FOLDERS:
        if (data / folder).is_dir():
            yield data / folder
            for found in sorted((data / folder).rglob("*")):
                mode = found.lstat().st_mode
                if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                    yield found


def _checked(archive: tarfile.TarFile, path: Path) -> list[tarfile.TarInfo]:
    """Its members, none of which may lie elsewhere. Raises ValueError."""
    members: list[tarfile.TarInfo] = []
    size = 0
    for member in archive:
        size += member.size
        if len(members) >= MAX_MEMBERS or size > MAX_BYTES:
            raise ValueError("it is larger than any backup")
        parts = Path(member.name).parts
        if member.name == MANIFEST:
            _check_manifest(archive, member)
        elif parts[:1] and parts[0] in FOLDERS and ".." not in parts:
            if not (member.isfile() or member.isdir()):
                raise ValueError(f"{member.name} is neither a file nor a folder")
            members.append(member)
        else:
            raise ValueError(f"{member.name} does not belong there")
    if MANIFEST not in archive.getnames():
        raise ValueError(f"{path.name} was not written by gatelight-box")
    return members


def _check_manifest(archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    file = archive.extractfile(member)
    table = json.loads(file.read(4096)) if file else {}
    if table.get("format") != FORMAT:
        raise ValueError(f"it is of a newer version ({table.get('version')})")


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """One member with its owner by name and its mode, without set-id bits."""
    target = folder / member.name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        source = archive.extractfile(member)
        with target.open("wb") as file:
            if source is not None:
                shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
    if os.geteuid() == 0:
        _give(target, member)
    target.chmod(stat.S_IMODE(member.mode) & 0o777)


def _give(target: Path, member: tarfile.TarInfo) -> None:
    try:
        shutil.chown(target, member.uname or member.uid, member.gname or member.gid)
    except LookupError:
        os.chown(target, member.uid, member.gid)

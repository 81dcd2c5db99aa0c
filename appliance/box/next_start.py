"""What the next start is to do with the box's data: put a backup in its place, or forget all of it.

It is done at the start, before anything uses the data: what runs now would write its own state over
it.
"""

import os
import shutil
from pathlib import Path

from appliance.atomic_file import sync_folder

# On the data partition: a wish being made, the one that is to be done (an empty one: all is to go),
# what is on its way to its place, and a wish that another took the place of.
MAKING, ASKED, MOVING, DROPPED = ".making", ".asked", ".moving", ".dropped"
MACHINE_ID = "machine-id"


def begin(data: Path) -> Path:
    """An empty folder for what is to be there. Raises OSError."""
    fresh = data / MAKING
    give_up(data)
    fresh.mkdir(mode=0o700)
    return fresh


def give_up(data: Path) -> None:
    """A wish that was not made to its end."""
    shutil.rmtree(data / MAKING, ignore_errors=True)


def ask_for(data: Path) -> None:
    """What was begun is to be done; the last wish counts.

    A power cut in here leaves one wish whole, or none. Raises OSError.
    """
    dropped = data / DROPPED
    shutil.rmtree(dropped, ignore_errors=True)
    if (data / ASKED).exists():
        (data / ASKED).rename(dropped)
    (data / MAKING).rename(data / ASKED)
    sync_folder(data)
    shutil.rmtree(dropped, ignore_errors=True)


def reset(data: Path) -> None:
    """Has the next start find an empty data partition. Raises OSError."""
    begin(data)
    # The initramfs gives it to the next start, and nothing that runs writes it (image-build/base).
    (data / MACHINE_ID).unlink(missing_ok=True)
    ask_for(data)


def settle(data: Path) -> bool:
    """At the start, before anything uses the data: does what restore or reset asked for.

    Whether there was anything to do. Cut off at any moment, the next start goes on with it: first
    the old goes, then the wish gets its second name, then what is in it is moved. Raises OSError.
    """
    asked, moving = data / ASKED, data / MOVING
    for left in (MAKING, DROPPED):
        shutil.rmtree(data / left, ignore_errors=True)
    if asked.is_dir():
        shutil.rmtree(moving, ignore_errors=True)
        names = [entry.name for entry in asked.iterdir()]
        for name in names:
            (data / name).mkdir(exist_ok=True)
            _empty(data / name)
        if not names:
            _forget(data)
        asked.rename(moving)
        sync_folder(data)
    if not moving.is_dir():
        return False
    for folder in moving.iterdir():
        _move(folder, data / folder.name)
    sync_folder(data)
    shutil.rmtree(moving)
    return True


def _forget(data: Path) -> None:
    """Everything but the folders themselves, for some are mounted elsewhere."""
    for entry in data.iterdir():
        if entry.name == ASKED:
            continue
        if entry.is_dir() and not entry.is_symlink():
            _empty(entry)
        else:
            entry.unlink()


def _move(fresh: Path, folder: Path) -> None:
    """The folder itself stays, and gets the owner and the mode of the fresh one."""
    for entry in sorted(fresh.iterdir()):
        target = folder / entry.name
        # Where an earlier start was not allowed to end this, services have begun anew.
        if target.is_dir():
            shutil.rmtree(target)
        entry.rename(target)
    sync_folder(folder)
    shutil.copystat(fresh, folder)
    if os.geteuid() == 0:
        os.chown(folder, fresh.stat().st_uid, fresh.stat().st_gid)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()

"""Grows the card's last partition, its root, to the end of the card; once, at the first start."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT_LABEL = "gatelight-root"
ROOT_MOUNT = "run/overlay/root"
SECTOR_BYTES = 512
# Less at the end of a card is not worth a write.
SLACK_SECTORS = (8 << 20) // SECTOR_BYTES
_PARTITION = re.compile(r"([a-z].*\d)p(\d+)|([sv]d[a-z]+)(\d+)")

Run = Callable[[Sequence[str], str], bool]


def split_partition(name: str) -> tuple[str, int]:
    """The disk and the number of a partition by its kernel name. Raises ValueError."""
    match = _PARTITION.fullmatch(name)
    if match is None:
        raise ValueError(f"{name} is no partition of a card")
    return (match[1], int(match[2])) if match[1] else (match[3], int(match[4]))


def is_to_grow(disk_sectors: int, start: int, sectors: int) -> bool:
    """Whether there is room worth having behind a partition that begins at `start`."""
    return disk_sectors - (start + sectors) > SLACK_SECTORS


def grow_root(root: Path, run: Run) -> bool:
    """Grows partition and file system. False: something failed, and everything works as before."""
    device = (root / "dev/disk/by-label" / ROOT_LABEL).resolve()
    disk, number = split_partition(device.name)
    block = root / "sys/class/block"
    total = _read_number(block / disk / "size")
    start = _read_number(block / device.name / "start")
    sectors = _read_number(block / device.name / "size")
    if not is_to_grow(total, start, sectors):
        return True
    mount = str(root / ROOT_MOUNT)
    # The kernel is told by partx, for the disk is in use (sfdisk(8), --no-reread).
    commands = [
        (["sfdisk", "--no-reread", "--force", "-N", str(number), f"/dev/{disk}"], ", +\n"),
        (["partx", "--update", "--nr", str(number), f"/dev/{disk}"], ""),
        (["mount", "-o", "remount,rw", mount], ""),
        (["resize2fs", str(device)], ""),
    ]
    is_done = all(run(command, content) for command, content in commands)
    run(["mount", "-o", "remount,ro", mount], "")
    return is_done


def _read_number(path: Path) -> int:
    return int(path.read_text())

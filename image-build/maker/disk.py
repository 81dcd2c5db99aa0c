"""From a root in a folder to the image of a card, with genimage(1): no mounts, no loop devices."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from maker.errors import BuildError
from maker.options import Options
from maker.running import run, say

BOOT_BYTES = 320 << 20
DATA_BYTES = 512 << 20
# What stands before the first partition and between them.
ALIGNED_BYTES = 4 << 20
# Room for updates on a card that has not grown yet.
SPARE_BYTES = 160 << 20
# Where ext4 begins: the boot files' partition is the first, and they follow one another.
DATA_OFFSET = ALIGNED_BYTES + BOOT_BYTES
ROOT_OFFSET = DATA_OFFSET + DATA_BYTES
# Always the same, so that the same source gives the same image.
DISK_SIGNATURE = 0x6A7E0001
BOOT_ID = "6A7E0002"
DATA_UUID = "6a7e0003-0000-4000-8000-000000000003"
ROOT_UUID = "6a7e0004-0000-4000-8000-000000000004"
_EXT4 = """\
image {name}.ext4 {{
    ext4 {{
        label = "gatelight-{name}"
        use-mke2fs = true
        extraargs = "-q -U {uuid} -E hash_seed={uuid},lazy_itable_init=1 -m 1"
    }}
    mountpoint = "{mountpoint}"
    size = {size}
}}
"""


def root_bytes(used: int, whole: int | None) -> int:
    """The size of root's partition: what the card leaves, or what root needs (PURE)."""
    if whole is not None:
        left = (
            (whole - BOOT_BYTES - DATA_BYTES - 2 * ALIGNED_BYTES) // ALIGNED_BYTES * ALIGNED_BYTES
        )
        if left < used + SPARE_BYTES // 2:
            need = (used + SPARE_BYTES // 2 + BOOT_BYTES + DATA_BYTES + 2 * ALIGNED_BYTES) >> 20
            raise BuildError(f"--size is too small for what is to go in: {need + 1}M at least")
        return left
    # ext4's own tables take some 3 %.
    needed = used * 105 // 100 + SPARE_BYTES
    return (needed + ALIGNED_BYTES - 1) // ALIGNED_BYTES * ALIGNED_BYTES


def genimage_config(root_size: int) -> str:
    """Boot files, the box's data, and root last, so that it can grow (PURE)."""
    boot = f"""\
image boot.vfat {{
    vfat {{
        label = "GATELIGHT"
        extraargs = "-i {BOOT_ID} --invariant"
    }}
    mountpoint = "/boot/firmware"
    size = {BOOT_BYTES}
}}
"""
    data = _EXT4.format(name="data", uuid=DATA_UUID, mountpoint="/data", size=DATA_BYTES)
    root = _EXT4.format(name="root", uuid=ROOT_UUID, mountpoint="/", size=root_size)
    card = f"""\
image card.img {{
    hdimage {{
        partition-table-type = "mbr"
        disk-signature = {DISK_SIGNATURE:#x}
        align = {ALIGNED_BYTES}
    }}
    partition boot {{ partition-type = 0xC bootable = "true" image = "boot.vfat" }}
    partition data {{ partition-type = 0x83 image = "data.ext4" }}
    partition root {{ partition-type = 0x83 image = "root.ext4" }}
}}
"""
    return boot + data + root + card


def make_disk(root: Path, work: Path, options: Options, time_s: int, log: Path) -> Path:
    """The image of a whole card. Raises BuildError."""
    say("making the card's image")
    config = work / "genimage.cfg"
    config.write_text(genimage_config(root_bytes(used_bytes(root), options.size_bytes)))
    folders = {name: work / name for name in ("tmp", "in", "images")}
    for folder in folders.values():
        folder.mkdir()
    command = ["genimage", "--config", str(config), "--rootpath", str(root)]
    command += ["--tmppath", str(folders["tmp"]), "--inputpath", str(folders["in"])]
    command += ["--outputpath", str(folders["images"])]
    # mke2fs takes its own times from the second, e2fsck from the third, others from the first.
    names = ("SOURCE_DATE_EPOCH", "E2FSPROGS_FAKE_TIME", "E2FSCK_TIME")
    times = dict.fromkeys(names, str(time_s)) | {"TZ": "UTC", "LC_ALL": "C"}
    env = os.environ | times
    run(command, log, env)
    shutil.rmtree(folders["tmp"])
    card = folders["images"] / "card.img"
    for offset in (DATA_OFFSET, ROOT_OFFSET):
        stamp_inodes(f"{card}?offset={offset}", work / "inodes", time_s, log, env)
    return card


def stamp_inodes(disk: str, script: Path, time_s: int, log: Path, env: Mapping[str, str]) -> None:
    """Gives every inode of an ext4 file system the source's time.

    mke2fs takes the two of them that nobody can set (ctime), or that reading changes (atime), from
    the folder that it copies. `disk` is as debugfs(8) takes it.
    """
    told = subprocess.run(["dumpe2fs", disk], capture_output=True, text=True, check=False, env=env)
    stamps = [
        f"sif <{inode}> {field} @{time_s}\n"
        for inode in used_inodes(told.stdout)
        for field in ("atime", "ctime")
    ]
    if not stamps:
        raise BuildError(f"dumpe2fs finds no file system in {disk}: this is a fault of image-build")
    script.write_text("".join(stamps))
    # It repeats each line that it is given.
    run(["sh", "-c", 'debugfs -w -f "$1" "$2" >/dev/null', "stamp", str(script), disk], log, env)


def used_inodes(told: str) -> list[int]:
    """The numbers of the inodes in use, by what dumpe2fs(8) says of each group (PURE)."""
    count = re.search(r"^Inode count: +([0-9]+)$", told, re.MULTILINE)
    free: set[int] = set()
    for line in re.findall(r"^  Free inodes: (.*)$", told, re.MULTILINE):
        for first, last in re.findall(r"([0-9]+)(?:-([0-9]+))?", line):
            free.update(range(int(first), int(last or first) + 1))
    return [inode for inode in range(1, int(count[1]) + 1) if inode not in free] if count else []


def used_bytes(root: Path) -> int:
    """What root takes in blocks of 4 KiB, without what goes to the other partitions."""
    done = subprocess.run(
        ["du", "-s", "--block-size=4096", "--exclude=./boot/firmware/*", "."],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.split()[0]) * 4096

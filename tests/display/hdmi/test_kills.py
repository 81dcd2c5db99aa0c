"""kill -9 at every system call of a change: no file is ever half-written.

On a FAT file system where this machine can mount one, else in an ordinary folder.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from display.hdmi.files import TEMPORARY
from display.hdmi.history import FOLDER, History, Places
from tests.support.box import ROOT

OLD = {"config.txt": b"hdmi_mode=19\r\n" + b"# old\n" * 3000, "cmdline.txt": b"root=a\n"}
NEW = {"config.txt": b"# new\n" * 3000, "cmdline.txt": b"root=a video=b\n"}
CHANGE = """\
import sys
from pathlib import Path
from display.hdmi.history import History, Places
new = Path(sys.argv[2])
history = History(Places(Path(sys.argv[1])))
with history.locked():
    history.apply("set", {path.name: path.read_bytes() for path in sorted(new.iterdir())})
"""
# What changes something; python's own start does these few times or never.
CALLS = ("write", "fsync", "rename", "unlink", "mkdir")
IMAGE_KB = 2048


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[Path]:
    """An empty boot partition: FAT where the kernel and our rights allow it."""
    folder = tmp_path / "boot"
    folder.mkdir()
    is_mounted = mount(tmp_path / "card.img", folder)
    yield folder
    if is_mounted:
        subprocess.run(["umount", str(folder)], check=True)


def mount(image: Path, folder: Path) -> bool:
    subprocess.run(
        ["/usr/sbin/mkfs.vfat", "-C", str(image), str(IMAGE_KB)], check=True, capture_output=True
    )
    command = ["mount", "-t", "vfat", "-o", "loop", str(image), str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def traced(boot: Path, new: Path, trace: Path, *options: str) -> int:
    strace = shutil.which("strace")
    assert strace is not None, "scripts/test installs strace"
    command = [strace, "-qq", "-o", str(trace), *options, sys.executable, "-S", "-E", "-c", CHANGE]
    done = subprocess.run(
        [*command, str(boot), str(new)], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    return done.returncode


def fill(boot: Path) -> None:
    """The files as they were, with no history."""
    shutil.rmtree(boot / FOLDER, ignore_errors=True)
    for name, data in OLD.items():
        (boot / name).write_bytes(data)


def moments(boot: Path, new: Path, trace: Path) -> Iterator[tuple[str, int]]:
    """Each system call of the change, by its name and how many of it came before."""
    for _ in range(2):  # the first one may also write compiled modules
        fill(boot)
        assert traced(boot, new, trace, "-e", f"trace={','.join(CALLS)}") == 0
    counts = dict.fromkeys(CALLS, 0)
    for line in trace.read_text().splitlines():
        name = line.partition("(")[0]
        if name in counts:
            counts[name] += 1
            yield name, counts[name]


def test_a_kill_at_any_system_call_leaves_whole_files_which_a_repair_makes_agree(
    boot: Path, tmp_path: Path
) -> None:
    new, trace = tmp_path / "new", tmp_path / "trace"
    new.mkdir()
    for name, data in NEW.items():
        (new / name).write_bytes(data)
    kills = list(moments(boot, new, trace))
    assert {name for name, _ in kills} >= set(CALLS) - {"unlink"}
    ends = set()
    for name, number in kills:
        fill(boot)
        inject = f"inject={name}:signal=SIGKILL:when={number}"
        assert traced(boot, new, trace, "-e", f"trace={name}", "-e", inject) != 0, "no kill"
        for file in OLD:
            found = (boot / file).read_bytes()
            assert found in (OLD[file], NEW[file]), f"{file}, killed at {name} {number}"
        with History(Places(boot)).locked():
            pass
        found_all = {file: (boot / file).read_bytes() for file in OLD}
        assert found_all in (OLD, NEW), f"killed at {name} {number}"
        ends.add(found_all == NEW)
        left = {path.name for path in boot.rglob("*") if path.name.startswith(TEMPORARY)}
        assert left == set()
    assert ends == {False, True}


FULL = """\
import subprocess
import sys
from pathlib import Path
from display.hdmi.errors import HdmiError
from display.hdmi.files import write_file
path = Path(sys.argv[1]) / "config.txt"
path.write_bytes(b"old")
for data, option in ((bytes(200_000), None), (b"new", "remount,ro")):
    if option:
        subprocess.run(["mount", "-o", option, str(path.parent)], check=True)
    try:
        write_file(path, data)
    except HdmiError as error:
        print(error.what, path.read_bytes(), [entry.name for entry in path.parent.iterdir()])
"""


def test_a_partition_that_is_full_or_read_only_keeps_the_old_file(tmp_path: Path) -> None:
    """A real one, in a mount namespace of its own."""
    script = (
        f"mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} -S -E - {tmp_path}"
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        input=FULL, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "no room is left to write b'old' ['config.txt']",
        "a read-only partition holds b'old' ['config.txt']",
    ], done.stderr

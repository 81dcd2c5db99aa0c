"""Puts Gatelight on the base: files, packages of Python, users, services."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from maker.errors import BuildError
from maker.layers import HERE, read_list
from maker.options import Options
from maker.pins import install_pins
from maker.running import run, say

PROJECT = HERE.parent
PREFIX = "opt/gatelight"
PYTHON = "3.13"
PACKAGES = f"{PREFIX}/lib/python{PYTHON}/site-packages"
# Wheels for glibc from 2.17 and from 2.28 on; trixie has 2.41.
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64")
DATA_FOLDERS = {
    "box": ("root", 0o700),
    "gatelight": ("gatelight", 0o750),
    "log": ("root", 0o750),
    "ssh": ("root", 0o700),
    "systemd": ("root", 0o755),
    "valkey": ("valkey", 0o750),
}
DAY_S = 86400
SCRIPT = """#!/{prefix}/bin/python3
import sys

from {module} import {function}

sys.exit({function}())
"""
# Made at the first start, so that no two boxes have the same.
PERSONAL = ("etc/ssh/ssh_host_*", "var/lib/systemd/random-seed", "var/lib/dbus/machine-id")
LEFTOVERS = (
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/log/*",
    "tmp/*",
    "etc/*-",
    "etc/.pwd.lock",
)


def build_system(base: Path, root: Path, options: Options, time_s: int, log: Path) -> None:
    """The whole root, in a folder; what was not in a package has the source's time.

    Raises BuildError.
    """
    say("unpacking the base")
    root.mkdir()
    run(["tar", "-C", str(root), "--exclude=./dev/*", "--numeric-owner", "-xf", str(base)], log)
    # mmdebstrap(1) gives the moment of its start to everything that is not from a package.
    made_since_s = newest_time(root)
    say("putting Gatelight on it")
    copy_tree(HERE / "overlay", root)
    install_units(root)
    install_python(root, options, log)
    make_users(root, log)
    enable_units(root, log)
    clean(root)
    if options.ssh_key:
        add_ssh_key(root / "boot/firmware/gatelight.toml", options.ssh_key)
    set_days(root / "etc/shadow", time_s)
    set_times(root, made_since_s, time_s)


def copy_tree(source: Path, target: Path) -> None:
    """Files with plain modes, whatever the checkout's are."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif path.name != ".keep":
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
            place.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    for private in ("etc/sudoers.d/gatelight",):
        if (target / private).exists():
            (target / private).chmod(0o440)


def install_units(root: Path) -> None:
    """systemd's files, udev's and polkit's rules, where each of them looks."""
    folder = PROJECT / "systemd"
    units = [path for path in (*folder.iterdir(), *(folder / "box").iterdir()) if path.is_file()]
    places = {path: root / "etc/systemd/system" / path.name for path in units}
    for source, target in (
        ("sysusers.d", "usr/lib/sysusers.d"),
        ("udev", "etc/udev/rules.d"),
        ("polkit", "etc/polkit-1/rules.d"),
    ):
        places |= {path: root / target / path.name for path in (folder / source).iterdir()}
    places[HERE / "admin.conf"] = root / "usr/lib/sysusers.d/gatelight-admin.conf"
    for path, place in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
        place.chmod(0o644)


def install_python(root: Path, options: Options, log: Path) -> None:
    """The venv, from wheels whose hashes are locked; but for lgpio nothing is compiled."""
    packages = root / PACKAGES
    packages.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps"]
    pip += ["--only-binary=:all:", "--no-compile", "--target", str(packages)]
    pip += ["--implementation=cp", f"--python-version={PYTHON}"]
    pip += [f"--platform={platform}" for platform in PLATFORMS]
    run([*pip, "--require-hashes", "-r", str(PROJECT / "requirements.lock")], log)
    # Nothing in it is for one processor only, so it is made here: from what is committed.
    wheels, source = root.parent / "wheels", root.parent / "source"
    source.mkdir()
    unpack = 'git -C "$1" archive HEAD | tar -x -C "$2"'
    run(["sh", "-c", unpack, "unpack", str(PROJECT), str(source)], log)
    build = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps"]
    run([*build, "--no-build-isolation", "-w", str(wheels), str(source)], log)
    # By name: of a path pip would write down where on this machine it was.
    run([*pip, "--no-index", "--find-links", str(wheels), "gatelight"], log)
    drop_scripts(packages)
    install_pins(packages, root.parent, options, log)
    (information,) = packages.glob("gatelight-*.dist-info")
    write_venv(root, (information / "entry_points.txt").read_text())
    # Unchecked, for the card's root does not change; and no times in them.
    compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    run(["chroot", str(root), "/usr/bin/python3", *compiling, f"/{PACKAGES}"], log)


def drop_scripts(packages: Path) -> None:
    """Takes away the commands that pip has made, which name this machine's Python."""
    shutil.rmtree(packages / "bin", ignore_errors=True)
    for record in packages.glob("*.dist-info/RECORD"):
        lines = record.read_text().splitlines(keepends=True)
        record.write_text("".join(line for line in lines if not line.startswith("../../bin/")))


def write_venv(root: Path, entry_points: str) -> None:
    """What makes a folder a virtual environment (PEP 405), and the commands in it."""
    folder = root / PREFIX
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {PYTHON}\n"
    )
    (folder / "bin/python3").symlink_to(f"/usr/bin/python{PYTHON}")
    (root / "usr/local/bin").mkdir(parents=True, exist_ok=True)
    for name, module, function in parse_entry_points(entry_points):
        script = folder / "bin" / name
        script.write_text(SCRIPT.format(prefix=PREFIX, module=module, function=function))
        script.chmod(0o755)
        (root / "usr/local/bin" / name).symlink_to(f"/{PREFIX}/bin/{name}")


def parse_entry_points(text: str) -> list[tuple[str, str, str]]:
    """Name, module and function of each command (PURE)."""
    section = text.partition("[console_scripts]")[2].partition("[")[0]
    return re.findall(r"^([\w-]+) *= *([\w.]+):(\w+)$", section, re.MULTILINE)


def make_users(root: Path, log: Path) -> None:
    """Ours, by systemd-sysusers(8), and the data partition's folders."""
    # The image's own program: this machine's may not know the lists' newer words.
    ours = ("gatelight.conf", "gatelight-display.conf", "gatelight-admin.conf")
    run(["chroot", str(root), "/usr/bin/systemd-sysusers", *ours], log)
    ids = read_ids((root / "etc/passwd").read_text())
    for name, (user, mode) in DATA_FOLDERS.items():
        folder = root / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.chown(folder, *ids[user])
        folder.chmod(mode)
    for name in ("gatelight", "valkey"):
        place = root / "var/lib" / name
        place.mkdir(parents=True, exist_ok=True)
        shutil.copystat(root / "data" / name, place)
        shutil.chown(place, *ids[DATA_FOLDERS[name][0]])
    home = root / "home/admin"
    home.mkdir(parents=True, exist_ok=True)
    shutil.chown(home, *ids["admin"])
    (root / "etc/gatelight").mkdir(parents=True, exist_ok=True)
    shutil.chown(root / "etc/gatelight", 0, ids["gatelight"][1])


def read_ids(passwd: str) -> dict[str, tuple[int, int]]:
    """User and group of each name (PURE)."""
    rows = [line.split(":") for line in passwd.splitlines() if line]
    return {row[0]: (int(row[2]), int(row[3])) for row in rows}


def enable_units(root: Path, log: Path) -> None:
    """By links, as systemctl(1) makes them; a unit of a list that is not there is an error."""
    systemctl = ["systemctl", f"--root={root}"]
    run([*systemctl, "enable", *read_list("units.list")], log)
    for unit in read_list("units-off.list"):
        run([*systemctl, "disable", unit], log)
    run([*systemctl, "mask", *read_list("units-masked.list")], log)
    run([*systemctl, "set-default", "multi-user.target"], log)


def clean(root: Path) -> None:
    """No trace of the build, and nothing that has to differ between boxes."""
    for pattern in (*PERSONAL, *LEFTOVERS):
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    # Empty: made at the start, and not taken for a first start that enables every service
    # (machine-id(5), systemd.preset(5)).
    (root / "etc/machine-id").write_text("")
    (root / "etc/hostname").write_text("gatelight\n")
    # Root is as it was built at every start: nothing to bring up to date (systemd.unit(5),
    # ConditionNeedsUpdate).
    for name in ("etc", "var"):
        (root / name / ".updated").touch()
    # A box without a clock battery begins with this file's time: the source's (systemd(1)).
    (root / "usr/lib/clock-epoch").touch()
    resolv = root / "etc/resolv.conf"
    resolv.unlink(missing_ok=True)
    resolv.symlink_to("../run/systemd/resolve/stub-resolv.conf")


def add_ssh_key(inbox: Path, key: str) -> None:
    """Into the card's gatelight.toml, where its owner sees it."""
    text = inbox.read_text()
    changed = re.sub(r"^#ssh_key = .*$", f'ssh_key = "{key}"', text, flags=re.MULTILINE)
    if changed == text:
        raise BuildError(f"{inbox.name} has no line for a key: this is a fault of image-build")
    inbox.write_text(changed)


def set_days(shadow: Path, time_s: int) -> None:
    """The days on which passwords were last changed, in a file of shadow(5): the source's."""
    text = re.sub(
        r"^([^:]*:[^:]*:)[0-9]+:",
        rf"\g<1>{time_s // DAY_S}:",
        shadow.read_text(),
        flags=re.MULTILINE,
    )
    shadow.write_text(text)


def newest_time(root: Path) -> int:
    """The youngest mtime in a folder, in whole seconds."""
    return int(max(path.lstat().st_mtime for path in all_paths(root)))


def set_times(root: Path, since_s: int, time_s: int) -> None:
    """Gives `time_s` to everything in a folder that is as young as `since_s`, or younger."""
    for path in all_paths(root):
        if path.lstat().st_mtime >= since_s:
            os.utime(path, (time_s, time_s), follow_symlinks=False)


def all_paths(root: Path) -> Iterator[Path]:
    """A folder and everything in it, a folder after what is in it."""
    for folder, names, files in os.walk(root, topdown=False):
        yield from (Path(folder, name) for name in (*files, *names))
    yield root


def commit_time(folder: Path = PROJECT) -> int:
    """When the source was committed: the time of everything in the image."""
    command = ["git", "-C", str(folder), "log", "-1", "--format=%ct"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return int(done.stdout)
    except (OSError, ValueError, subprocess.CalledProcessError):
        raise BuildError(f"{folder} is no clone of the project: build from a clone") from None

"""A bare Debian with its own systemd, in namespaces of its own: to try scripts/install in."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from maker.errors import BuildError
from maker.layers import source_lines
from maker.mirror import find_mirrors
from maker.options import SUITE
from maker.running import run, say

# What every Debian has that was installed as one; `passwd` is not in the smallest.
PACKAGES = ("systemd-sysv", "udev", "dbus", "ca-certificates", "iproute2", "passwd")
START_S = 60.0
COMMAND_S = 300.0
# Its own processes, mounts, network and control groups: nothing of it reaches this machine.
NAMESPACES = ("--pid", "--mount", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child")
BOOT = r"""
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t sysfs sysfs "$1/sys"
mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs tmpfs "$1/$folder"; done
for device in null zero full random urandom tty; do
    mknod -m 666 "$1/dev/$device" c $(stat -c '0x%t 0x%T' "/dev/$device")
done
mkdir "$1/dev/pts" "$1/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$1/dev/pts"
ln -s pts/ptmx "$1/dev/ptmx"
ip link set lo up
exec chroot "$1" env -i container=clean-root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --show-status=0 --unit=multi-user.target
"""
KILL = r"""
main=$(systemctl show -P MainPID "$1")
children=$(cat "/proc/$main/task/$main/children")
kill -9 "$main"
for child in $children; do
    while [ -e "/proc/$child" ]; do sleep 0.01; done
done
"""
# scripts/install finds Python's packages as this machine does.
PASSED_ON = ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTPS_PROXY", "https_proxy")


class CleanRoot:
    """Made when entered, booted by `boot`, gone when left."""

    def __init__(self, work: Path) -> None:
        self.path = work / "root"
        self._log = work / "root.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._mounts: list[Path] = []

    def __enter__(self) -> Self:
        say("making a bare Debian")
        mirror, security = find_mirrors()
        command = ["mmdebstrap", "--variant=apt", f"--include={','.join(PACKAGES)}"]
        command += ['--aptopt=APT::Install-Recommends "false"', SUITE, str(self.path)]
        run([*command, *source_lines(mirror, security, "stable")], self._log)
        # This machine's authorities and name servers, for the downloads of the installation.
        for name in ("etc/ssl/certs/ca-certificates.crt", "etc/resolv.conf", "etc/hosts"):
            with contextlib.suppress(OSError):
                shutil.copyfile(f"/{name}", self.path / name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for place in reversed(self._mounts):
            subprocess.run(["umount", str(place)], check=False)

    def lend(self, folder: Path) -> None:
        """Lets it read a folder of this machine, at the same path."""
        place = self.path / str(folder).lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        run(["mount", "--bind", str(folder), str(place)], self._log)
        self._mounts.append(place)

    def chroot(self, command: Sequence[str], folder: str = "/") -> None:
        """A command in it while it is not running. Raises BuildError."""
        passed = [f"{name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
        run(
            ["chroot", str(self.path), "env", "-C", folder, *passed, *command],
            self._log,
            {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        )

    def boot(self) -> None:
        """Starts its systemd. Raises BuildError."""
        say("starting it")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", *NAMESPACES, "sh", "-c", BOOT, "boot", str(self.path)],
                stdout=log,
                stderr=log,
            )
        until_s = time.monotonic() + START_S
        while time.monotonic() < until_s:
            with contextlib.suppress(BuildError, OSError, subprocess.SubprocessError):
                if self.ask("systemctl", "is-system-running").strip() in ("running", "degraded"):
                    return
            time.sleep(0.5)
        raise BuildError(f"its systemd does not start here: see {self._log}")

    def ask(self, *command: str) -> str:
        """What a command in the running root answers."""
        inside = ["env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *command]
        done = subprocess.run(
            ["nsenter", "-t", str(self._pid()), "-m", "-u", "-i", "-n", "-p", "-C", "-r", *inside],
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        return done.stdout

    def enter_network(self) -> None:
        """This process's sockets are the root's from now on."""
        with open(f"/proc/{self._pid()}/ns/net", "rb") as network:
            _set_namespace(network.fileno())

    def _pid(self) -> int:
        """The systemd's, as this machine sees it: the child of unshare."""
        assert self._process is not None
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        children = path.read_text().split()
        if not children:
            raise BuildError(f"it has ended: see {self._log}")
        return int(children[0])

    def kill(self, service: str) -> None:
        """Kills a service's main process; its children, which do not outlive it, are gone then."""
        self.ask("sh", "-c", KILL, "kill", service)


def _set_namespace(file: int) -> None:
    """setns(2); Python has it from 3.12 on."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(file, 0):
        error = ctypes.get_errno()
        raise BuildError(f"its network cannot be entered: {os.strerror(error)}")

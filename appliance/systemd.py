"""Tells systemd how the service is doing, and has it keep sockets over a restart.

sd_notify(3), sd_listen_fds(3); both are a message to a Unix socket and a few variables, no library.
"""

import array
import os
import re
import socket
from collections.abc import Sequence

from appliance.console import say

FIRST_FILE = 3  # SD_LISTEN_FDS_START
# The kernel takes this many files with one message (SCM_MAX_FD, include/net/scm.h).
FILES_A_MESSAGE = 253
# systemd allows no colon in a name, nor anything outside ASCII.
_FORBIDDEN = re.compile(r"[^!-9;-~]")


def notify(text: str, files: Sequence[int] = ()) -> None:
    """Sends a state such as READY=1, and files with it."""
    name = os.environ.get("NOTIFY_SOCKET")
    if not name:
        return
    address = "\0" + name[1:] if name.startswith("@") else name
    with_it = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.sendmsg([text.encode()], with_it, 0, address)
        except OSError as error:
            say(f"cannot notify systemd at {name}: {error.strerror}")


def has_watchdog() -> bool:
    """Whether systemd waits for WATCHDOG=1 (sd_watchdog_enabled(3))."""
    return "WATCHDOG_USEC" in os.environ


def store_name(name: str) -> str:
    """A name as systemd takes it for a file of its store."""
    return _FORBIDDEN.sub("_", name)[:255]


def keep_files(name: str, files: Sequence[int]) -> None:
    """Has systemd keep these files, and no others of that name, for this service's next start."""
    notify(f"FDSTOREREMOVE=1\nFDNAME={store_name(name)}")
    for at in range(0, len(files), FILES_A_MESSAGE):
        part = files[at : at + FILES_A_MESSAGE]
        notify(f"FDSTORE=1\nFDNAME={store_name(name)}", part)


def forget_files(name: str) -> None:
    """Has systemd close what it keeps under a name."""
    notify(f"FDSTOREREMOVE=1\nFDNAME={store_name(name)}")


def take_files() -> dict[str, list[int]]:
    """The files that systemd kept, or opened, for this process, by name; only once."""
    count, pid, names = (
        os.environ.pop(name, "") for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
    )
    taken: dict[str, list[int]] = {}
    if pid != str(os.getpid()) or not count.isdigit():
        return taken
    named = names.split(":")
    for index in range(int(count)):
        os.set_inheritable(FIRST_FILE + index, False)
        name = named[index] if index < len(named) else ""
        taken.setdefault(name, []).append(FIRST_FILE + index)
    return taken

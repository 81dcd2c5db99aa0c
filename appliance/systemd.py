"""Tells systemd how the service is doing, where it asked to be told (sd_notify(3))."""

import os
import socket

from appliance.console import say


def notify(text: str) -> None:
    """Sends a state such as READY=1."""
    name = os.environ.get("NOTIFY_SOCKET")
    if not name:
        return
    address = "\0" + name[1:] if name.startswith("@") else name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.sendto(text.encode(), address)
        except OSError as error:
            say(f"cannot notify systemd at {name}: {error.strerror}")


def has_watchdog() -> bool:
    """Whether systemd waits for WATCHDOG=1 (sd_watchdog_enabled(3))."""
    return "WATCHDOG_USEC" in os.environ

"""A small network of its own: namespaces of this machine on one bridge, with multicast."""

import itertools
import os
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

_NUMBERS = itertools.count()


def run(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


class Lan:
    """Machines at 10.91.0.1, .2 and so on; `enter` is how a command is run on one of them."""

    def __init__(self, machines: int) -> None:
        self._prefix = f"gl{os.getpid()}-{next(_NUMBERS)}-"
        self._count = machines

    def __enter__(self) -> Self:
        hub = f"{self._prefix}hub"
        run("ip", "netns", "add", hub)
        run("ip", "-n", hub, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        run("ip", "-n", hub, "link", "set", "br0", "up")
        for number in range(1, self._count + 1):
            name = f"{self._prefix}{number}"
            run("ip", "netns", "add", name)
            ends = ("eth0", "netns", name, "type", "veth", "peer", "name", f"port{number}")
            run("ip", "-n", hub, "link", "add", *ends)
            run("ip", "-n", hub, "link", "set", f"port{number}", "master", "br0", "up")
            run("ip", "-n", name, "address", "add", f"10.91.0.{number}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            run("ip", "-n", name, "route", "add", "default", "via", "10.91.0.254")
        return self

    def enter(self, number: int) -> Sequence[str]:
        """What comes before a command."""
        return ("ip", "netns", "exec", f"{self._prefix}{number}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in ("hub", *(str(number) for number in range(1, self._count + 1))):
            subprocess.run(["ip", "netns", "delete", f"{self._prefix}{name}"], check=False)

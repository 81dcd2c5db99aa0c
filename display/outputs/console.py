"""The virtual console in graphics mode, so that its cursor and messages do not draw over pictures.

ioctl_console(2). What is switched is switched back: at the end, after a fault, on SIGTERM. After
SIGKILL systemd does it (TTYReset= in the unit).
"""

import os
import sys
from collections.abc import Callable
from fcntl import ioctl
from types import TracebackType

KDSETMODE = 0x4B3A
KDGETMODE = 0x4B3B
KD_TEXT = 0
KD_GRAPHICS = 1

Control = Callable[..., object]


class GraphicsConsole:
    """Graphics mode for as long as the block lasts; without a console it does nothing."""

    def __init__(self, file: int, control: Control = ioctl) -> None:
        self._file = file
        self._control = control
        self._before: int | None = None

    def __enter__(self) -> "GraphicsConsole":
        try:
            answer = bytearray(4)
            self._control(self._file, KDGETMODE, answer)
            self._control(self._file, KDSETMODE, KD_GRAPHICS)
        except OSError:
            # Not a virtual console: a terminal, a pipe, or nothing at all.
            return self
        # Graphics found here were left by one of us that was killed: text is what was meant.
        found = int.from_bytes(answer, sys.byteorder)
        self._before = KD_TEXT if found == KD_GRAPHICS else found
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is None:
            return
        try:
            self._control(self._file, KDSETMODE, self._before)
        except OSError:
            # The console has gone, and with it what there was to restore.
            pass
        self._before = None

    @property
    def is_graphics(self) -> bool:
        """Whether the console was switched."""
        return self._before is not None


def open_console(path: str | None = None) -> int:
    """The console's file: the one given, or standard input, which the unit connects to a tty."""
    if path is None:
        return os.dup(0)
    return os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)

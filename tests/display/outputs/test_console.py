"""The console's graphics mode, with a kernel that remembers."""

import errno
import os

import pytest

from display.outputs.console import (
    KD_GRAPHICS,
    KD_TEXT,
    KDGETMODE,
    KDSETMODE,
    GraphicsConsole,
    open_console,
)


class Kernel:
    """Answers as the console driver does."""

    def __init__(self, mode: int = KD_TEXT) -> None:
        self.mode = mode
        self.fails = False

    def control(self, file: int, request: int, argument: object) -> None:
        if self.fails:
            raise OSError(errno.ENOTTY, "not a console")
        if request == KDGETMODE:
            assert isinstance(argument, bytearray)
            argument[:] = self.mode.to_bytes(4, "little")
        else:
            assert request == KDSETMODE
            assert isinstance(argument, int)
            self.mode = argument


@pytest.mark.parametrize("before", [KD_TEXT, KD_GRAPHICS], ids=["text", "left by one killed"])
def test_graphics_mode_ends_with_the_block(before: int) -> None:
    kernel = Kernel(before)
    with GraphicsConsole(0, kernel.control) as console:
        assert console.is_graphics
        assert kernel.mode == KD_GRAPHICS
    assert kernel.mode == KD_TEXT


def test_a_fault_in_the_block_ends_it_too() -> None:
    kernel = Kernel()
    with pytest.raises(KeyboardInterrupt), GraphicsConsole(0, kernel.control):
        raise KeyboardInterrupt
    assert kernel.mode == KD_TEXT


def test_what_is_not_a_console_is_left_alone() -> None:
    file = os.open(os.devnull, os.O_RDONLY)
    with GraphicsConsole(file) as console:
        assert not console.is_graphics
    os.close(file)


def test_a_console_that_goes_meanwhile_is_no_fault() -> None:
    kernel = Kernel()
    with GraphicsConsole(0, kernel.control):
        kernel.fails = True


def test_the_units_console_is_standard_input() -> None:
    file = open_console()
    assert os.fstat(file).st_ino == os.fstat(0).st_ino
    os.close(file)

"""I2C and SPI as Linux gives them (Documentation/i2c/dev-interface.rst, spi/spidev.rst)."""

import os
import time
from collections.abc import Callable
from fcntl import ioctl
from typing import Protocol

from display.outputs.base import OutputError
from display.outputs.controllers import Message

I2C_SLAVE = 0x0703
I2C_COMMAND = b"\x00"
I2C_DATA = b"\x40"
# A write to i2c-dev may hold 8192 bytes; a screen's whole picture then takes few.
MAX_I2C_BYTES = 4096
SPI_IOC_WR_MODE = 0x40016B01
SPI_IOC_WR_MAX_SPEED_HZ = 0x40046B04
# spidev's own buffer, unless the kernel was told otherwise (spidev.bufsiz).
MAX_SPI_BYTES = 4096
SPI_SPEED_HZ = 8_000_000
# The data sheets ask for 3 us to 100 ms of reset.
RESET_S = 0.1

Write = Callable[[int, bytes], int]
Sleep = Callable[[float], None]


class Bus(Protocol):
    """The way to a controller. Raises OSError where it is broken."""

    sent_bytes: int

    def send(self, message: Message) -> None:
        """Sends the whole of it."""

    def close(self) -> None:
        """Gives the bus back; never raises."""


class Pin(Protocol):
    """A line that is driven high or low, such as gpiozero's DigitalOutputDevice."""

    def on(self) -> None:
        """High."""

    def off(self) -> None:
        """Low."""

    def close(self) -> None:
        """Gives the line back."""


class I2cBus:
    """A controller on an I2C bus; each write is told by its first byte to be a command or data."""

    def __init__(self, file: int, write: Write = os.write) -> None:
        self._file = file
        self._write = write
        self.sent_bytes = 0

    def send(self, message: Message) -> None:
        """In as few writes as the kernel takes."""
        kind = I2C_DATA if message.is_data else I2C_COMMAND
        for start in range(0, len(message.content), MAX_I2C_BYTES):
            part = message.content[start : start + MAX_I2C_BYTES]
            self._write(self._file, kind + part)
            # The address is a byte of its own on the wire.
            self.sent_bytes += len(part) + 2

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


class SpiBus:
    """A controller on an SPI bus with a line that tells data from commands."""

    def __init__(
        self,
        file: int,
        data_line: Pin,
        reset_line: Pin | None = None,
        write: Write = os.write,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._file = file
        self._data_line = data_line
        self._reset_line = reset_line
        self._write = write
        self.sent_bytes = 0
        if reset_line is not None:
            reset_line.off()
            sleep(RESET_S)
            reset_line.on()
            sleep(RESET_S)

    def send(self, message: Message) -> None:
        """In as few writes as the kernel takes."""
        if message.is_data:
            self._data_line.on()
        else:
            self._data_line.off()
        for start in range(0, len(message.content), MAX_SPI_BYTES):
            part = message.content[start : start + MAX_SPI_BYTES]
            self._write(self._file, part)
            self.sent_bytes += len(part)

    def close(self) -> None:
        """Closes the file and gives the lines back."""
        os.close(self._file)
        self._data_line.close()
        if self._reset_line is not None:
            self._reset_line.close()


def open_i2c(port: int, address: int) -> I2cBus:
    """The controller at an address of /dev/i2c-PORT. Raises OSError."""
    file = os.open(f"/dev/i2c-{port}", os.O_RDWR | os.O_CLOEXEC)
    try:
        ioctl(file, I2C_SLAVE, address)
    except OSError as error:
        os.close(file)
        raise OutputError(f"{address:#x} on /dev/i2c-{port} is taken: {error.strerror}") from error
    return I2cBus(file)


def open_spi(port: int, device: int, data_pin: int, reset_pin: int | None) -> SpiBus:
    """The controller behind /dev/spidevPORT.DEVICE. Raises OSError."""
    from display.outputs.lines import open_line

    file = os.open(f"/dev/spidev{port}.{device}", os.O_RDWR | os.O_CLOEXEC)
    try:
        ioctl(file, SPI_IOC_WR_MODE, bytes(1))
        ioctl(file, SPI_IOC_WR_MAX_SPEED_HZ, SPI_SPEED_HZ.to_bytes(4, "little"))
        data_line = open_line(data_pin)
        reset_line = None if reset_pin is None else open_line(reset_pin)
    except OSError:
        os.close(file)
        raise
    return SpiBus(file, data_line, reset_line)

"""Lines that an SPI screen needs beside its bus, through gpiozero."""

from display.outputs.base import OutputError
from display.outputs.buses import Pin


def open_line(pin: int) -> Pin:
    """A line driven low to begin with, by its BCM number. Raises OutputError."""
    from gpiozero import DigitalOutputDevice, GPIOZeroError

    try:
        line: Pin = DigitalOutputDevice(pin)
    except (GPIOZeroError, OSError, ImportError) as error:
        raise OutputError(f"pin {pin} cannot be driven: {error}") from error
    return line

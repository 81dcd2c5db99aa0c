"""Buttons, a motion detector and the LED on the header, through gpiozero."""

from collections.abc import Callable
from typing import Any

from display.controls.codes import BLINKS, Code
from display.settings import Pins

# Contacts bounce for some milliseconds.
BOUNCE_S = 0.02
# A pin's name, and whether it went down.
Listener = Callable[[str, bool], None]


class PinError(OSError):
    """Pins that cannot be used."""


class Header:
    """The pins that are configured. Calls the listener from gpiozero's threads."""

    def __init__(self, pins: Pins, listen: Listener) -> None:
        from gpiozero import PWMLED, Button, DigitalInputDevice, GPIOZeroError

        self._devices: list[Any] = []
        self._led: Any = None
        self._code: Code | None = None
        try:
            for name, pin in (("button", pins.button), ("next", pins.next), ("back", pins.back)):
                if pin is not None:
                    button = Button(pin, bounce_time=BOUNCE_S)
                    button.when_pressed = lambda name=name: listen(name, True)
                    button.when_released = lambda name=name: listen(name, False)
                    self._devices.append(button)
            if pins.motion is not None:
                motion = DigitalInputDevice(pins.motion)
                motion.when_activated = lambda: listen("motion", True)
                self._devices.append(motion)
            if pins.led is not None:
                self._led = PWMLED(pins.led)
                self._devices.append(self._led)
        except (GPIOZeroError, OSError, ImportError, ValueError) as error:
            self.close()
            raise PinError(f"the header's pins cannot be used: {error}") from error

    def shine(self, code: Code) -> None:
        """Sets the LED; the same again changes nothing."""
        if self._led is None or code is self._code:
            return
        self._code = code
        blink = BLINKS.get(code)
        if code is Code.STEADY:
            self._led.on()
        elif blink is None:
            self._led.off()
        else:
            self._led.blink(blink.on_s, blink.off_s, blink.fade_s, blink.fade_s)

    def close(self) -> None:
        """Gives the pins back."""
        for device in self._devices:
            device.close()
        self._devices.clear()

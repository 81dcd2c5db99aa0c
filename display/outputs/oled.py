"""Small OLED screens.

luma.oled knows how each controller is woken, dimmed and put to sleep. What it would send for that
is noted once and replayed whenever a screen is opened, so a cable pulled a hundred times costs
nothing. Pictures are sent by our own plan: luma packs each pixel in Python and, on most
controllers, sends all of them each time.
"""

import time
from collections.abc import Callable, Iterable
from functools import cache

from PIL import Image

from display.outputs.base import Light, OutputError, check_picture, turn, turned_size
from display.outputs.buses import Bus
from display.outputs.controllers import CONTROLLERS, Controller, Message

# An SPI screen that is plugged in again says nothing, so all is sent anew this often.
RENEW_S = 60.0
# Longer data is a picture, not the arguments of a command.
MAX_ARGUMENT_BYTES = 64
# The lowest contrast: still lit on every controller, as zero is not a promise of dark.
DIM_CONTRAST = 1
# What luma sets while it wakes the controller.
FULL_CONTRAST = dict.fromkeys(("ssd1306", "ssd1309", "ssd1315"), 0xCF)
FULL_CONTRAST |= dict.fromkeys(("ssd1331", "ssd1351"), 0xFF)
USUAL_CONTRAST = 0x7F

Clock = Callable[[], float]


class Scribe:
    """Stands in for luma's serial interface and notes what is sent."""

    def __init__(self) -> None:
        self._notes: list[Message] = []

    def command(self, *content: int) -> None:
        """Notes a command."""
        self._notes.append(Message(False, bytes(content)))

    def data(self, content: Iterable[int]) -> None:
        """Notes data."""
        self._notes.append(Message(True, bytes(content)))

    def cleanup(self) -> None:
        """luma asks for it at the end of the program."""

    def take(self) -> tuple[Message, ...]:
        """All since the last time."""
        notes, self._notes = tuple(self._notes), []
        return notes


class Habits:
    """What one kind of screen is sent to wake it, to light it and to darken it."""

    def __init__(self, controller: Controller, width: int, height: int) -> None:
        import luma.core.error
        import luma.oled.device

        scribe = Scribe()
        try:
            device = getattr(luma.oled.device, controller.name)(scribe, width, height)
        except luma.core.error.Error as error:
            raise OutputError(f"{controller.name} is not made in {width}x{height}") from error
        self.wake = scribe.take()
        device.contrast(FULL_CONTRAST.get(controller.name, USUAL_CONTRAST))
        device.show()
        self.full = scribe.take()
        device.contrast(DIM_CONTRAST)
        device.show()
        self.dim = scribe.take()
        device.hide()
        self.off = scribe.take()

    def of(self, light: Light) -> tuple[Message, ...]:
        """What sets this light."""
        return {Light.FULL: self.full, Light.DIM: self.dim, Light.OFF: self.off}[light]


@cache
def habits_of(controller: Controller, width: int, height: int) -> Habits:
    """Noted once for each kind; luma keeps every device it makes until the program ends."""
    return Habits(controller, width, height)


class OledOutput:
    """Shows pictures on an OLED."""

    def __init__(
        self,
        name: str,
        driver: str,
        panel: tuple[int, int],
        bus: Bus,
        rotate: int = 0,
        clock: Clock = time.monotonic,
    ) -> None:
        self.name = name
        controller = CONTROLLERS[driver]
        self.mode = controller.mode
        self.width, self.height = turned_size(*panel, rotate)
        self._plan = controller.plan(panel[0])
        self._habits = habits_of(controller, *panel)
        self._bus = bus
        self._rotate = rotate
        self._clock = clock
        self._light = Light.FULL
        self._black = Image.new(self.mode, panel)
        self._send(self._habits.wake)
        self._renewed_s = clock()
        self._drawn = self._black

    @property
    def sent_bytes(self) -> int:
        """Bytes on the wire since it was opened."""
        return self._bus.sent_bytes

    def show(self, image: Image.Image) -> None:
        """Sends what differs from the picture before."""
        check_picture(self, image)
        if self._light is Light.OFF:
            return
        if self._clock() - self._renewed_s >= RENEW_S:
            self._renew()
        after = turn(image, self._rotate)
        self._send(self._plan(self._drawn, after))
        self._drawn = after.copy() if after is image else after

    def set_light(self, light: Light) -> None:
        """By the panel's contrast; a dark panel is asleep."""
        if light is not self._light:
            self._send(self._habits.of(light))
            self._light = light

    def close(self) -> None:
        """Leaves the panel dark."""
        try:
            self._send(self._habits.off)
        except OSError:
            pass
        self._bus.close()

    def _renew(self) -> None:
        """Wakes the panel without clearing it, and has the next picture sent whole."""
        self._send(
            message
            for message in self._habits.wake
            if not message.is_data or len(message.content) <= MAX_ARGUMENT_BYTES
        )
        self._send(self._habits.of(self._light))
        self._send(self._plan(_inverted(self._drawn), self._drawn))
        self._renewed_s = self._clock()

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._bus.send(message)


def _inverted(image: Image.Image) -> Image.Image:
    """A picture that differs in every pixel."""
    return Image.eval(image, lambda value: 255 - value)

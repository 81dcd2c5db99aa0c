"""The filters of config.txt: to which Pi, port and display a line applies (PURE).

Filters of one type replace each other, of different types must all hold, `[all]` takes all of them
away, `[none]` holds for nobody until then. What the firmware does not know it passes over.
`[HDMI:n]` is no condition: it names the port of the settings that follow.

Source: raspberrypi/documentation, config_txt/conditional.adoc.
"""

import re
from dataclasses import dataclass, field

from display.hdmi.models import MODEL_FILTERS, UNKNOWN, Model

_GPIO = re.compile(r"gpio([0-9]{1,2})=([01])")
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class Board:
    """The machine a config.txt is read on. None: not known, so that filter does not hold.

    `edid_names` are `MAKER-NAME` of the displays plugged in; `high_pins` the GPIOs that read 1.
    """

    model: Model = UNKNOWN
    board_type: int | None = None
    serial: int | None = None
    edid_names: frozenset[str] = frozenset()
    high_pins: frozenset[int] = frozenset()
    boot_partition: int = 1
    tryboot: bool = False


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters in force at a line: by type, their text and whether they hold."""

    port: int | None = None
    conditions: tuple[tuple[str, str, bool], ...] = field(default=())

    @property
    def blocker(self) -> str | None:
        """The first filter that does not hold; None when lines here apply."""
        return next((text for _, text, holds in self.conditions if not holds), None)

    @property
    def is_all(self) -> bool:
        """True when nothing narrows the lines here."""
        return self.port is None and not self.conditions

    def then(self, text: str, board: Board) -> "Filters":
        """The filters after the line `[text]`."""
        if text == "all":
            return Filters()
        if text.startswith("HDMI:"):
            return self._at_port(text, board)
        condition = _condition(text, board)
        if condition is None:
            return self
        kind, holds = condition
        kept = tuple(entry for entry in self.conditions if entry[0] != kind)
        return Filters(self.port, (*kept, (kind, text, holds)))

    def _at_port(self, text: str, board: Board) -> "Filters":
        if text not in ("HDMI:0", "HDMI:1"):
            return self
        kept = tuple(entry for entry in self.conditions if entry[0] != "hdmi")
        return Filters(int(text[5:]), (*kept, ("hdmi", text, board.model.has_hdmi_filter)))


def _condition(text: str, board: Board) -> tuple[str, bool] | None:
    """A filter's type and whether it holds; None when the firmware does not know it."""
    name, equals, value = text.partition("=")
    if text == "none":
        return "none", False
    if text == "tryboot":
        return "tryboot", board.tryboot
    if text in MODEL_FILTERS:
        return "model", text in board.model.filters
    if name == "EDID" and equals:
        return "edid", board.model.has_edid_filter and value in board.edid_names
    if match := _GPIO.fullmatch(text):
        return "gpio", (int(match[1]) in board.high_pins) == (match[2] == "1")
    return _number_condition(name, value if equals else None, board)


def _number_condition(name: str, value: str | None, board: Board) -> tuple[str, bool] | None:
    if value is None:
        is_serial = name.startswith("0x") and _NUMBER.fullmatch(name)
        return ("serial", int(name, 16) == board.serial) if is_serial else None
    if not _NUMBER.fullmatch(value):
        return None
    number = int(value, 16 if value.startswith("0x") else 10)
    if name == "board-type":
        types = {board.board_type} if board.board_type is not None else board.model.board_types
        return "board-type", number in types
    if name == "boot_partition":
        return "boot_partition", number == board.boot_partition
    return None

"""OLED controllers that decode what they are sent back into a picture.

Written from the data sheets' command tables, apart from the code that sends.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from PIL import Image

from display.outputs.base import Mode

# How many arguments follow a command; what is not listed has none.
MONO = {0x20: 1, 0x21: 2, 0x22: 2, 0xA3: 2} | dict.fromkeys(
    (0x81, 0x8D, 0xA8, 0xD3, 0xD5, 0xD9, 0xDA, 0xDB), 1
)
PAGED = dict.fromkeys((0x81, 0xA8, 0xAD, 0xD3, 0xD5, 0xD9, 0xDA, 0xDB, 0xDC), 1)
WINDOWED = {0x15: 2, 0x75: 2, 0xB8: 8} | dict.fromkeys(
    (
        *(0x81, 0x82, 0x83, 0x87, 0x8A, 0x8B, 0x8C, 0xA0, 0xA1, 0xA2, 0xA8, 0xAB, 0xAD),
        *(0xB0, 0xB1, 0xB2, 0xB3, 0xB4, 0xB6, 0xBB, 0xBC, 0xBE, 0xBF, 0xD5, 0xFD),
    ),
    1,
)


class Chip:
    """What all have in common: commands with arguments, a pointer into the memory."""

    arguments: Mapping[int, int] = MappingProxyType({})

    def __init__(self, width: int, height: int, mode: Mode) -> None:
        self.image = Image.new(mode, (width, height))
        self.is_on = False
        self.contrast = -1
        self.pixels_written = 0
        self._waiting: list[int] = []

    def command(self, content: Iterable[int]) -> None:
        for byte in content:
            self._waiting.append(byte)
            if len(self._waiting) > self.arguments.get(self._waiting[0], 0):
                self.obey(*self._waiting)
                self._waiting = []

    def obey(self, code: int, *arguments: int) -> None:
        if code in (0xAE, 0xAF):
            self.is_on = code == 0xAF
        elif code in (0x81, 0xC1):
            self.contrast = arguments[0]
        else:
            self.address(code, arguments)

    def address(self, code: int, arguments: tuple[int, ...]) -> None:
        raise NotImplementedError

    def data(self, content: bytes) -> None:
        raise NotImplementedError

    def put(self, x: int, y: int, value: int | tuple[int, int, int]) -> None:
        self.pixels_written += 1
        if 0 <= x < self.image.width and 0 <= y < self.image.height:
            self.image.putpixel((x, y), value)


class Ssd1306(Chip):
    """Horizontal addressing in a window of columns and pages."""

    arguments = MONO

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height, "1")
        self._first = 32 if width == 64 else 0
        self._columns, self._pages = (0, 127), (0, 7)
        self._column = self._page = 0

    def address(self, code: int, arguments: tuple[int, ...]) -> None:
        if code == 0x20:
            assert arguments == (0,), "not horizontal addressing"
        if code == 0x21:
            self._columns = (arguments[0], arguments[1])
            self._column = arguments[0]
        if code == 0x22:
            self._pages = (arguments[0], arguments[1])
            self._page = arguments[0]

    def data(self, content: bytes) -> None:
        for byte in content:
            for bit in range(8):
                value = 255 if byte >> bit & 1 else 0
                self.put(self._column - self._first, self._page * 8 + bit, value)
            self._column += 1
            if self._column > self._columns[1]:
                self._column = self._columns[0]
                self._page += 1
                if self._page > self._pages[1]:
                    self._page = self._pages[0]


class Sh1106(Chip):
    """A page at a time, from a column on; it does not go on to the next page."""

    arguments = PAGED

    def __init__(self, width: int, height: int, first: int = 2) -> None:
        super().__init__(width, height, "1")
        self._first = first
        self._column = self._page = 0

    def address(self, code: int, arguments: tuple[int, ...]) -> None:
        if code < 0x10:
            self._column = self._column & 0xF0 | code
        elif code < 0x20:
            self._column = self._column & 0x0F | (code & 0x0F) << 4
        elif 0xB0 <= code <= 0xBF:
            self._page = code & 0x0F

    def data(self, content: bytes) -> None:
        for byte in content:
            for bit in range(8):
                value = 255 if byte >> bit & 1 else 0
                self.put(self._column - self._first, self._page * 8 + bit, value)
            self._column += 1


class Windowed(Chip):
    """Columns and rows; a column address stands for one or several pixels."""

    arguments: Mapping[int, int] = WINDOWED
    pixels_a_column = 1
    bytes_a_column = 2

    def __init__(self, width: int, height: int, mode: Mode, first: int = 0) -> None:
        super().__init__(width, height, mode)
        self._first = first
        self._columns, self._rows = (0, 127), (0, 127)
        self._at = 0

    def address(self, code: int, arguments: tuple[int, ...]) -> None:
        if code == 0x15:
            self._columns, self._at = (arguments[0], arguments[1]), 0
        if code == 0x75:
            self._rows, self._at = (arguments[0], arguments[1]), 0

    def data(self, content: bytes) -> None:
        columns = self._columns[1] - self._columns[0] + 1
        rows = self._rows[1] - self._rows[0] + 1
        assert len(content) % self.bytes_a_column == 0
        for start in range(0, len(content), self.bytes_a_column):
            assert self._at < columns * rows, "more data than the window holds"
            column = self._columns[0] + self._at % columns
            row = self._rows[0] + self._at // columns
            x = column * self.pixels_a_column - self._first
            cell = content[start : start + self.bytes_a_column]
            for offset, value in enumerate(self.decode(cell)):
                self.put(x + offset, row, value)
            self._at += 1

    def decode(self, cell: bytes) -> list[int | tuple[int, int, int]]:
        raise NotImplementedError


class Ssd1327(Windowed):
    """Two pixels of 16 greys in a byte, the left one in the lower half."""

    pixels_a_column = 2
    bytes_a_column = 1

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height, "L")

    def decode(self, cell: bytes) -> list[int | tuple[int, int, int]]:
        return [(cell[0] & 15) << 4, cell[0] & 0xF0]


class Ssd1331(Windowed):
    """Five, six and five bits of red, green and blue, the higher byte first."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height, "RGB")

    def decode(self, cell: bytes) -> list[int | tuple[int, int, int]]:
        value = cell[0] << 8 | cell[1]
        return [(value >> 8 & 0xF8, value >> 3 & 0xFC, value << 3 & 0xF8)]


class WithDataArguments(Windowed):
    """Arguments come as data; only after 0x5C data goes to the memory."""

    arguments: Mapping[int, int] = MappingProxyType({})
    _code = 0

    def obey(self, code: int, *arguments: int) -> None:
        self._code = code
        if code in (0xAE, 0xAF):
            super().obey(code)

    def data(self, content: bytes) -> None:
        if self._code == 0x5C:
            super().data(content)
        else:
            super().obey(self._code, *content)


class Ssd1322(WithDataArguments):
    """Four pixels of 16 greys in two bytes, the left one in the upper half."""

    pixels_a_column = 4

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height, "L", (480 - width) // 2)

    def decode(self, cell: bytes) -> list[int | tuple[int, int, int]]:
        return [cell[0] & 0xF0, (cell[0] & 15) << 4, cell[1] & 0xF0, (cell[1] & 15) << 4]


class Ssd1351(WithDataArguments, Ssd1331):
    """As ssd1331 keeps its colours."""


def make_chip(driver: str, width: int, height: int) -> Chip:
    """The controller of that name."""
    if driver in ("ssd1306", "ssd1309", "ssd1315"):
        return Ssd1306(width, height)
    if driver in ("sh1106", "ch1115", "sh1107"):
        return Sh1106(width, height, 0 if driver == "sh1107" else 2)
    kinds = {"ssd1322": Ssd1322, "ssd1331": Ssd1331, "ssd1351": Ssd1351}
    kind = kinds.get(driver, Ssd1327)
    return kind(width, height)


class I2cWire:
    """Takes writes to an I2C file and tells commands from data by their first byte."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.is_pulled = False
        self.sent_bytes = 0

    def write(self, file: int, content: bytes) -> int:
        if self.is_pulled:
            raise OSError(121, "Remote I/O error")
        self.sent_bytes += len(content) + 1
        if content[0] == 0x40:
            self.chip.data(content[1:])
        else:
            assert content[0] == 0
            self.chip.command(content[1:])
        return len(content)


class SpiWire:
    """Takes writes to an SPI file; the line tells commands from data."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.is_data = False
        self.is_closed = False
        self._part = b""

    def on(self) -> None:
        self.is_data = True

    def off(self) -> None:
        self.is_data = False

    def close(self) -> None:
        self.is_closed = True

    def write(self, file: int, content: bytes) -> int:
        assert len(content) <= 4096
        if self.is_data:
            self.chip.data(content)
        else:
            self.chip.command(content)
        return len(content)

"""OLED controllers: what each is sent so that a part of its picture changes (PURE).

Addresses and orders are those of the controllers' data sheets ("Command table" and "Graphic display
data RAM").
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from PIL import Image

from display.outputs.base import Mode
from display.outputs.changes import Box, find_changes
from display.outputs.pixels import encode_565, encode_nibbles, encode_pages


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes for a controller: a command with its arguments, or data."""

    is_data: bool
    content: bytes


# From the picture on show and the new one to what is sent.
Plan = Callable[[Image.Image, Image.Image], Iterator[Message]]
# The address of a page's stretch: page, first column, last column.
PageAddress = Callable[[int, int, int], Iterator[Message]]
BoxAddress = Callable[[Box], Iterator[Message]]
# Data memory is wider than most panels; they sit in its middle.
SH1106_FIRST_COLUMN = 2
SSD1306_FIRST_COLUMN = {64: 32}
SSD1322_COLUMNS = 480


@dataclass(frozen=True, slots=True)
class Controller:
    """A kind of controller: luma.oled's name for it, its panels, its colours."""

    name: str
    sizes: tuple[tuple[int, int], ...]
    mode: Mode
    plan: Callable[[int], Plan]

    @property
    def size(self) -> tuple[int, int]:
        """The commonest panel's."""
        return self.sizes[0]


def _command(*content: int) -> Message:
    return Message(False, bytes(content))


def _data(*content: int) -> Message:
    return Message(True, bytes(content))


def plan_pages(address: PageAddress, before: Image.Image, after: Image.Image) -> Iterator[Message]:
    """The changed stretch of each page of eight rows."""
    pairs = zip(encode_pages(before), encode_pages(after), strict=True)
    for page, (old, new) in enumerate(pairs):
        if old == new:
            continue
        changed = [column for column in range(len(new)) if old[column] != new[column]]
        first, last = changed[0], changed[-1]
        yield from address(page, first, last)
        yield Message(True, new[first : last + 1])


def plan_boxes(
    address: BoxAddress,
    encode: Callable[[Image.Image], bytes],
    columns: int,
    before: Image.Image,
    after: Image.Image,
) -> Iterator[Message]:
    """The changed rectangles, widened to where the controller can begin a column."""
    for left, top, right, bottom in find_changes(before, after):
        box = (left // columns * columns, top, -(-right // columns) * columns, bottom)
        yield from address(box)
        yield Message(True, encode(after.crop(box)))


def _ssd1306(width: int, page: int, first: int, last: int) -> Iterator[Message]:
    start = SSD1306_FIRST_COLUMN.get(width, 0)
    yield _command(0x21, start + first, start + last, 0x22, page, page)


def _sh1106(offset: int, page: int, first: int, last: int) -> Iterator[Message]:
    column = offset + first
    yield _command(0xB0 | page, column & 0x0F, 0x10 | column >> 4)


def _ssd1322(width: int, box: Box) -> Iterator[Message]:
    start = (SSD1322_COLUMNS - width) // 2
    # A column address stands for four pixels; arguments are sent as data.
    yield _command(0x15)
    yield _data((start + box[0]) // 4, (start + box[2]) // 4 - 1)
    yield _command(0x75)
    yield _data(box[1], box[3] - 1)
    yield _command(0x5C)


def _ssd1327(box: Box) -> Iterator[Message]:
    # A column address stands for two pixels.
    yield _command(0x15, box[0] // 2, box[2] // 2 - 1, 0x75, box[1], box[3] - 1)


def _ssd1331(box: Box) -> Iterator[Message]:
    yield _command(0x15, box[0], box[2] - 1, 0x75, box[1], box[3] - 1)


def _ssd1351(box: Box) -> Iterator[Message]:
    yield _command(0x15)
    yield _data(box[0], box[2] - 1)
    yield _command(0x75)
    yield _data(box[1], box[3] - 1)
    yield _command(0x5C)


def _windowed(width: int) -> Plan:
    return partial(plan_pages, partial(_ssd1306, width))


def _paged(offset: int) -> Callable[[int], Plan]:
    return lambda width: partial(plan_pages, partial(_sh1106, offset))


def _four_grey(width: int) -> Plan:
    return partial(
        plan_boxes, partial(_ssd1322, width), partial(encode_nibbles, left_is_high=True), 4
    )


def _two_grey(width: int) -> Plan:
    return partial(plan_boxes, _ssd1327, partial(encode_nibbles, left_is_high=False), 2)


def _coloured(address: BoxAddress) -> Callable[[int], Plan]:
    encode = partial(encode_565, swap_colours=False, big_endian=True)
    return lambda width: partial(plan_boxes, address, encode, 1)


_SMALL = ((128, 64), (128, 32), (96, 16), (64, 48), (64, 32))
_LARGE_GREY = ((256, 64), (256, 48), (256, 32), (128, 64), (128, 48), (128, 32))
CONTROLLERS = {
    controller.name: controller
    for controller in (
        Controller("ssd1306", _SMALL, "1", _windowed),
        Controller("ssd1309", _SMALL, "1", _windowed),
        Controller("ssd1315", _SMALL, "1", _windowed),
        Controller("sh1106", ((128, 64), (128, 32), (128, 128)), "1", _paged(SH1106_FIRST_COLUMN)),
        Controller("ch1115", ((128, 64),), "1", _paged(SH1106_FIRST_COLUMN)),
        Controller("sh1107", ((128, 128), (64, 128), (80, 128)), "1", _paged(0)),
        Controller("ssd1322", _LARGE_GREY, "L", _four_grey),
        Controller("ssd1325", ((128, 64),), "L", _two_grey),
        Controller("ssd1327", ((128, 128),), "L", _two_grey),
        Controller("ssd1362", ((256, 64),), "L", _two_grey),
        Controller("ssd1331", ((96, 64),), "RGB", _coloured(_ssd1331)),
        Controller("ssd1351", ((128, 128), (128, 96), (96, 96)), "RGB", _coloured(_ssd1351)),
    )
}

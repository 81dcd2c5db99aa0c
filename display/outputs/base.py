"""What the app asks of a screen, whichever it is."""

import enum
from typing import Literal, Protocol

from PIL import Image

# What Pillow calls one bit, grey and colour.
Mode = Literal["1", "L", "RGB"]
# Clockwise quarter turns by degrees; Pillow turns the other way round.
TURNS = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


class Light(enum.Enum):
    """How brightly a screen shows."""

    FULL = "full"
    DIM = "dim"
    OFF = "off"


class OutputError(OSError):
    """A screen that cannot be opened or has gone."""


class Output(Protocol):
    """One physical screen. Raises OSError where the device fails; it is then opened anew."""

    name: str
    width: int
    height: int
    mode: Mode

    @property
    def sent_bytes(self) -> int:
        """Bytes sent to the device since it was opened."""

    def show(self, image: Image.Image) -> None:
        """Shows a picture of the output's size and mode; sends only what changed."""

    def set_light(self, light: Light) -> None:
        """Full, dimmed or dark. A dark screen keeps its picture."""

    def close(self) -> None:
        """Leaves the device as it was found; never raises."""


def turn(image: Image.Image, degrees: int) -> Image.Image:
    """The picture turned clockwise by 0, 90, 180 or 270 degrees."""
    return image.transpose(TURNS[degrees]) if degrees else image


def turned_size(width: int, height: int, degrees: int) -> tuple[int, int]:
    """The size to draw in so that it fits the device once turned."""
    return (height, width) if degrees % 180 else (width, height)


def check_picture(output: Output, image: Image.Image) -> None:
    """Raises ValueError when a picture is not one for this output."""
    if (image.width, image.height, image.mode) != (output.width, output.height, output.mode):
        raise ValueError(
            f"{output.name} shows {output.width}x{output.height} {output.mode}, "
            f"not {image.width}x{image.height} {image.mode}"
        )

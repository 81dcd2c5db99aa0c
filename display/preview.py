"""Pages without a screen: to a PNG, to a GIF that moves, or to the terminal."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from display.outputs.base import Mode
from display.outputs.controllers import CONTROLLERS
from display.pages.registry import draw_page
from display.pages.view import View
from display.scenarios import FITTING, SCENARIOS, scenario_view, status_view
from display.status.client import fetch_status
from display.status.model import Status, parse_status

_PANEL = re.compile(r"([a-z0-9]+)(?:-([0-9]{2,4})x([0-9]{2,4}))?")
LEAST_PX, MOST_PX = 16, 7680
# A GIF shows so many steps of so many seconds.
GIF_FRAMES = 12
GIF_STEP_S = 2.0
GIF_FRAME_MS = 700
# A terminal is this wide unless it says so; a character is two pixels high.
TERMINAL_COLUMNS = 160
_UPPER_HALF = "\N{UPPER HALF BLOCK}"


class PreviewError(ValueError):
    """What cannot be previewed, in words."""


class UsageError(PreviewError):
    """What nobody could preview."""


def parse_device(name: str, rotate: int = 0) -> tuple[int, int, Mode]:
    """A device's size and colours (PURE). Raises PreviewError."""
    match = _PANEL.fullmatch(name)
    kind = match[1] if match else ""
    if match is None or kind not in ("hdmi", *CONTROLLERS):
        known = ", ".join(sorted(CONTROLLERS))
        raise UsageError(f'there is no device "{name}": hdmi-WIDTHxHEIGHT, or one of {known}')
    width, height = int(match[2] or 0), int(match[3] or 0)
    mode: Mode = "RGB"
    if kind == "hdmi":
        if not LEAST_PX <= min(width, height) <= max(width, height) <= MOST_PX:
            raise UsageError(f'"{name}" needs a size: hdmi-800x480')
    else:
        controller = CONTROLLERS[kind]
        mode = controller.mode
        width, height = (width, height) if width else controller.size
        if (width, height) not in controller.sizes:
            sizes = ", ".join(f"{kind}-{w}x{h}" for w, h in controller.sizes)
            raise UsageError(f'"{name}" is not made: {sizes} are')
    return (height, width, mode) if rotate % 180 else (width, height, mode)


def read_status(path: str) -> Status:
    """A status from a file. Raises PreviewError."""
    try:
        return parse_status(json.loads(Path(path).read_bytes()))
    except OSError as error:
        raise PreviewError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise PreviewError(f"{path} is not JSON: gatelight status --json writes it") from None


def ask_status(path: str) -> Status:
    """The status of the running box. Raises PreviewError."""
    try:
        return fetch_status(path)
    except OSError as error:
        reason = error.strerror or error
        raise PreviewError(f"no status from {path} ({reason}): is gatelight serving?") from None


def view_at(page: str, status: Status | None, scenario: str | None, later_s: float) -> View:
    """What the page shows, some seconds later. Raises PreviewError."""
    if status is not None:
        return status_view(page, status, later_s)
    name = scenario or FITTING.get(page, "calm")
    if name not in SCENARIOS:
        known = ", ".join(SCENARIOS)
        raise UsageError(f'there is no scenario "{name}": one of {known}')
    return scenario_view(name, page, later_s)


def write_picture(images: Sequence[Image.Image], out: str) -> None:
    """One picture, or several that move, to a file or the terminal. Raises PreviewError."""
    if out == "-":
        sys.stdout.write(encode_terminal(images[0]))
        return
    path = Path(out)
    try:
        if path.suffix.lower() == ".gif":
            first, *others = [image.convert("P") for image in images]
            first.save(
                path, "GIF", save_all=True, append_images=others, duration=GIF_FRAME_MS, loop=0
            )
        elif path.suffix.lower() == ".png":
            images[0].save(path, "PNG", optimize=True)
        else:
            raise UsageError(f"{out} has to end in .png or .gif, or be -")
    except OSError as error:
        raise PreviewError(f"{out} cannot be written: {error.strerror or error}") from None


def encode_terminal(image: Image.Image, columns: int = TERMINAL_COLUMNS) -> str:
    """The picture in coloured half blocks, two pixels a character (PURE)."""
    colours = image.convert("RGB")
    if colours.width > columns:
        height = colours.height * columns // colours.width
        colours = colours.resize((columns, height), Image.Resampling.LANCZOS)
    if colours.height % 2:
        taller = Image.new("RGB", (colours.width, colours.height + 1))
        taller.paste(colours)
        colours = taller
    data, row_bytes = colours.tobytes(), colours.width * 3
    lines = []
    for top in range(0, len(data), 2 * row_bytes):
        cells = []
        for x in range(top, top + row_bytes, 3):
            upper, lower = data[x : x + 3], data[x + row_bytes : x + row_bytes + 3]
            fore, back = ";".join(map(str, upper)), ";".join(map(str, lower))
            cells.append(f"\x1b[38;2;{fore};48;2;{back}m{_UPPER_HALF}")
        lines.append("".join(cells) + "\x1b[0m\n")
    return "".join(lines)


def draw(
    page: str, device: tuple[int, int, Mode], status: Status | None, scenario: str | None, out: str
) -> None:
    """Draws a page to where it is wanted. Raises PreviewError."""
    count = GIF_FRAMES if out.lower().endswith(".gif") else 1
    images = []
    for number in range(count):
        view = view_at(page, status, scenario, number * GIF_STEP_S)
        images.append(draw_page(page, view, *device).image)
    write_picture(images, out)

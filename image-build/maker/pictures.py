"""What the emulated HDMI screen shows, beside what it should show."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from maker.card import SCREEN
from maker.checks import Checks
from maker.machine import Machine

if TYPE_CHECKING:
    from PIL import Image

# The screen has a history that the preview of one moment has not; another page has 0.1 in common.
ALIKE_SHARE = 0.6
# How far from the ground's brightness something is drawn.
INK = 60
# Of 255, in each channel: screens of 16 bits a pixel have no more.
SAME_COLOUR = 8
LOOKS = 3


def likeness(first: Path, second: Path) -> float:
    """Of what is drawn on the ground of two pictures: how much is drawn in both, 0 to 1.

    Pictures of other sizes and grounds of other colours have nothing in common.
    """
    from PIL import Image, ImageChops

    with Image.open(first) as image, Image.open(second) as other:
        one, two = image.convert("RGB"), other.convert("RGB")
    grounds = zip(ground(one), ground(two), strict=True)
    if one.size != two.size or any(abs(a - b) > SAME_COLOUR for a, b in grounds):
        return 0.0

    def drawn(picture: Image.Image) -> Image.Image:
        grey = picture.convert("L")
        (level,) = ground(grey)
        return grey.point(lambda value: 255 * (abs(value - level) > INK)).convert("1")

    both, either = (
        join(drawn(one), drawn(two)).histogram()[255]
        for join in (ImageChops.logical_and, ImageChops.logical_or)
    )
    return both / either if either else 0.0


def ground(picture: "Image.Image") -> tuple[int, ...]:
    """In each channel the value that most of a picture has."""
    channels = (channel.histogram() for channel in picture.split())
    return tuple(counts.index(max(counts)) for counts in channels)


def has_picture(path: Path) -> bool:
    """Whether something was drawn: more colours than a console's text has."""
    from PIL import Image

    with Image.open(path) as image:
        colours = image.convert("RGB").getcolors(1 << 20) or []
        return len(colours) > 40 and image.size == SCREEN


def preview(status: str, page: str, work: Path) -> Path:
    """What the screen should show for a status."""
    (work / "status.json").write_text(status)
    path = work / f"preview-{page}.png"
    command = [sys.executable, "-m", "display.cli", "preview", "--page", page]
    command += ["--device", f"hdmi-{SCREEN[0]}x{SCREEN[1]}"]
    command += ["--status", str(work / "status.json"), "--out", str(path)]
    subprocess.run(command, check=True, env=os.environ | {"TZ": "Europe/Berlin"})
    return path


def check_picture(machine: Machine, checks: Checks, work: Path, page: str, what: str) -> None:
    """The screen beside what preview draws for the same status."""

    def look() -> float:
        status = machine.shell("sudo gatelight status --json")
        if not status:
            return 0.0
        screen = machine.picture(work / f"screen-{page}.ppm")
        return likeness(screen, preview(status, page, work))

    found = 0.0
    for _ in range(LOOKS):
        found = max(found, look())
        if found > ALIKE_SHARE:
            break
    checks.note(what, found > ALIKE_SHARE, f"{found:.0%} of what is drawn")

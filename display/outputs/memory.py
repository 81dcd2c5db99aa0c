"""A screen that keeps its picture: for tests, previews and boxes without one."""

from pathlib import Path

from PIL import Image

from display.outputs.base import Light, Mode, check_picture
from display.outputs.changes import find_changes


class MemoryOutput:
    """Keeps the last picture; the bytes it counts are those of the changed rectangles."""

    def __init__(self, width: int, height: int, mode: Mode = "RGB", name: str = "memory") -> None:
        self.name = name
        self.width = width
        self.height = height
        self.mode = mode
        self.sent_bytes = 0
        self.light = Light.FULL
        self.closed = False
        self.image = Image.new(mode, (width, height))

    def show(self, image: Image.Image) -> None:
        """Keeps a copy."""
        check_picture(self, image)
        for box in find_changes(self.image, image):
            self.sent_bytes += len(image.crop(box).tobytes())
        self.image = image.copy()

    def set_light(self, light: Light) -> None:
        """Remembers it."""
        self.light = light

    def close(self) -> None:
        """Remembers it."""
        self.closed = True


class PngOutput(MemoryOutput):
    """A file that always holds the last picture as a PNG."""

    def __init__(self, path: Path, width: int, height: int, mode: Mode = "RGB") -> None:
        super().__init__(width, height, mode, f"png {path}")
        self._path = path

    def show(self, image: Image.Image) -> None:
        """Replaces the file, so that whoever reads it finds a whole picture."""
        super().show(image)
        fresh = self._path.with_suffix(".new")
        image.save(fresh, "PNG")
        fresh.replace(self._path)

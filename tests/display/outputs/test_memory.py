"""The screens that keep their picture."""

from pathlib import Path

import pytest
from PIL import Image

from display.outputs.base import Light
from display.outputs.memory import MemoryOutput, PngOutput


def test_the_last_picture_is_kept_and_changes_are_counted() -> None:
    output = MemoryOutput(64, 32, "1")
    image = Image.new("1", (64, 32))
    image.paste(1, (8, 8, 16, 10))
    output.show(image)
    output.show(image)
    assert output.image.tobytes() == image.tobytes()
    assert output.sent_bytes == 2
    output.set_light(Light.DIM)
    output.close()
    assert output.light is Light.DIM
    assert output.closed


def test_a_picture_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="memory shows 64x32 RGB, not 64x32 L"):
        MemoryOutput(64, 32).show(Image.new("L", (64, 32)))


def test_a_png_is_always_whole(tmp_path: Path) -> None:
    output = PngOutput(tmp_path / "screen.png", 20, 10)
    output.show(Image.new("RGB", (20, 10), (1, 2, 3)))
    with Image.open(tmp_path / "screen.png") as image:
        assert image.getpixel((19, 9)) == (1, 2, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["screen.png"]

"""Rectangles of change."""

import random

import pytest
from PIL import Image, ImageChops

from display.outputs.base import Mode
from display.outputs.changes import find_changes


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_equal_pictures_have_none(mode: str) -> None:
    assert find_changes(Image.new(mode, (64, 32)), Image.new(mode, (64, 32))) == []


def test_rows_far_apart_are_rectangles_of_their_own() -> None:
    before, after = Image.new("L", (100, 100)), Image.new("L", (100, 100))
    after.paste(9, (5, 10, 8, 12))
    after.paste(9, (50, 14, 60, 15))
    after.paste(9, (90, 80, 100, 100))
    assert find_changes(before, after) == [(5, 10, 60, 15), (90, 80, 100, 100)]


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
@pytest.mark.parametrize("seed", range(20))
def test_pasting_the_rectangles_makes_the_pictures_equal(mode: Mode, seed: int) -> None:
    chance = random.Random(seed)
    before = Image.new(mode, (chance.randint(1, 90), chance.randint(1, 90)))
    after = before.copy()
    for _ in range(chance.randint(0, 6)):
        at = chance.randrange(after.width), chance.randrange(after.height)
        after.putpixel(at, 255 if mode != "RGB" else (0, 0, 1))
    for box in find_changes(before, after):
        before.paste(after.crop(box), box)
    assert ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox() is None

"""Where two pictures differ (PURE)."""

from PIL import Image, ImageChops

# left, top, right, bottom; right and bottom lie just outside, as Pillow has it.
Box = tuple[int, int, int, int]
# Rows this near are sent in one piece: a rectangle has a cost of its own.
NEAR_ROWS = 4


def find_changes(before: Image.Image, after: Image.Image) -> list[Box]:
    """Rectangles, from top to bottom, that hold every pixel that differs."""
    difference = ImageChops.difference(before, after)
    if difference.mode == "1":
        difference = difference.convert("L")
    bounds = difference.getbbox()
    if bounds is None:
        return []
    left, top, right, bottom = bounds
    _, rows = difference.crop((left, top, right, bottom)).getprojection()
    boxes = []
    for first, last in _find_runs(rows):
        strip = difference.crop((left, top + first, right, top + last))
        found = strip.getbbox()
        if found is not None:
            boxes.append((left + found[0], top + first, left + found[2], top + last))
    return boxes


def _find_runs(rows: list[int]) -> list[tuple[int, int]]:
    """Stretches of changed rows; gaps of a few rows are taken along."""
    runs: list[tuple[int, int]] = []
    for row, is_changed in enumerate(rows):
        if not is_changed:
            continue
        if runs and row - runs[-1][1] <= NEAR_ROWS:
            runs[-1] = (runs[-1][0], row + 1)
        else:
            runs.append((row, row + 1))
    return runs

"""A QR code as the path of an SVG; segno finds the modules."""

from typing import NamedTuple


class Code(NamedTuple):
    """`path` draws its dark modules in a square of `size`, its quiet zone within."""

    size: int
    path: str


QUIET_ZONE = 2


def draw_code(text: str) -> Code:
    """The code for an address. Raises ValueError for one that is too long."""
    # Needed on one page only.
    import segno

    rows = segno.make(text, error="m", micro=False).matrix
    parts = []
    for y, row in enumerate(rows, QUIET_ZONE):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end]:
                end += 1
            if end > x:
                parts.append(f"M{x + QUIET_ZONE} {y}h{end - x}v1h-{end - x}z")
            x = end + 1
    return Code(len(rows) + 2 * QUIET_ZONE, "".join(parts))

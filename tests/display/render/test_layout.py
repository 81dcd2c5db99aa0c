"""Which class a screen is of, and that nothing leaves it or lies over something else."""

import pytest

from display.pages.registry import PAGES, draw_page
from display.render.layout import Kind, Rect, choose_form
from display.scenarios import SCENARIOS, scenario_view
from tests.support.screens import DEVICES, size_of

ODD = ["ssd1306-96x16", "ssd1306-64x48", "ssd1306-128x32/90", "ssd1331", "hdmi-1366x768"]


@pytest.mark.parametrize(
    ("width", "height", "kind"),
    [
        (96, 16, Kind.TINY),
        (128, 64, Kind.TINY),
        (256, 64, Kind.TINY),
        (240, 320, Kind.SMALL),
        (480, 320, Kind.SMALL),
        (800, 480, Kind.LARGE),
        (1024, 600, Kind.LARGE),
        (1280, 720, Kind.WALL),
        (1080, 1920, Kind.WALL),
        (3840, 2160, Kind.WALL),
    ],
)
def test_a_screen_has_its_class_by_its_smaller_side(width: int, height: int, kind: Kind) -> None:
    assert choose_form(width, height).kind is kind


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("device", [*DEVICES, *ODD])
def test_no_text_leaves_the_screen_or_lies_over_another(device: str, scenario: str) -> None:
    width, height, mode = size_of(device)
    for page in PAGES:
        canvas = draw_page(page, scenario_view(scenario, page), width, height, mode)
        assert canvas.image.size == (width, height)
        for number, placed in enumerate(canvas.placed):
            area = placed.area
            assert area.x >= 0, (page, placed)
            assert area.right <= width, (page, placed)
            if width * height >= 128 * 32:
                assert area.y >= 0, (page, placed)
                assert area.bottom <= height, (page, placed)
                overlaps = [other for other in canvas.placed[:number] if meet(area, other.area)]
                assert not overlaps, (page, placed, overlaps)


def meet(one: Rect, other: Rect) -> bool:
    return (
        one.x < other.right
        and other.x < one.right
        and one.y < other.bottom
        and other.y < one.bottom
    )

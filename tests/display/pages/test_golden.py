"""Every page at every size, against pictures that were looked at before they were accepted."""

from pathlib import Path

import pytest

from display.pages.registry import PAGES, draw_page
from display.scenarios import FITTING, SCENARIOS, scenario_view
from tests.support import screens
from tests.support.screens import DEVICES, check_golden, size_of

CASES = [pytest.param(page, device, id=f"{page} {device}") for device in DEVICES for page in PAGES]
# What is awkward: too much, nothing, not reported, broken.
AWKWARD = [
    pytest.param(page, scenario, device, id=f"{page} {scenario} {device}")
    for device in ("ssd1306", "hdmi-320x240", "hdmi-800x480", "hdmi-1920x1080")
    for scenario in ("trouble", "many", "unknown", "offline", "new")
    for page in ("overview", "sites", "site", "box", "network")
    if not (scenario == "new" and page in ("box", "network"))
]


@pytest.mark.parametrize(("page", "device"), CASES)
def test_a_page_looks_as_it_did_when_it_was_accepted(page: str, device: str) -> None:
    width, height, mode = size_of(device)
    view = scenario_view(FITTING.get(page, "calm"), page)
    canvas = draw_page(page, view, width, height, mode)
    check_golden(canvas.image, f"{device.replace('/', '-')}/{page}")


@pytest.mark.parametrize(("page", "scenario", "device"), AWKWARD)
def test_an_awkward_box_looks_right_too(page: str, scenario: str, device: str) -> None:
    assert scenario in SCENARIOS
    width, height, mode = size_of(device)
    canvas = draw_page(page, scenario_view(scenario, page), width, height, mode)
    check_golden(canvas.image, f"{device}/{page}-{scenario}")


def test_a_picture_that_differs_is_refused_and_its_difference_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "DIFFERENCES", tmp_path)
    monkeypatch.delenv("GOLDEN", raising=False)
    image = draw_page("overview", scenario_view("trouble", "overview"), 320, 240).image
    with pytest.raises(AssertionError, match="differs in"):
        check_golden(image, "hdmi-320x240/overview")
    kept = {path.name.removeprefix("hdmi-320x240-overview-") for path in tmp_path.iterdir()}
    assert kept == {"now.png", "expected.png", "difference.png"}
    with pytest.raises(AssertionError, match="nobody has looked at"):
        check_golden(image, "hdmi-320x240/no-such-page")

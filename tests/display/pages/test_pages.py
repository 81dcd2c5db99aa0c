"""What pages say."""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from display.pages.registry import TURNED, draw_page
from display.pages.view import View, find_dashboard
from display.scenarios import make_calm, scenario_view, status_view
from display.status.model import Status, parse_status

PANELS = [(128, 64), (320, 240), (800, 480), (1920, 1080)]


def texts(page: str, view: View, size: tuple[int, int] = (800, 480)) -> list[str]:
    return [placed.text for placed in draw_page(page, view, *size).placed]


def calm(**changes: Any) -> Status:
    return parse_status(make_calm() | changes)


@pytest.mark.parametrize("size", PANELS, ids=str)
def test_the_overview_says_who_how_and_where(size: tuple[int, int]) -> None:
    said = texts("overview", scenario_view("calm", "overview"), size)
    for text in ("gatelight", "All well", "192.168.1.5", "14:08"):
        assert text in said
    assert any(text.startswith("48") for text in said)


@pytest.mark.parametrize("size", PANELS, ids=str)
def test_trouble_is_named_on_the_overview(size: tuple[int, int]) -> None:
    said = texts("overview", scenario_view("trouble", "overview"), size)
    assert "Site down" in said
    assert "photos.home.arpa" in said
    assert "connection refused" in said


@pytest.mark.parametrize("page", [page for page in TURNED if page != "overview"])
def test_every_page_tells_of_trouble_in_its_head(page: str) -> None:
    assert "Site down" in texts(page, scenario_view("trouble", page))


def test_an_address_that_fits_is_shown_before_one_that_does_not() -> None:
    said = texts("overview", scenario_view("many", "overview"), (128, 64))
    assert "192.168.178.250" in said


def test_nulls_are_not_reported() -> None:
    assert texts("box", scenario_view("unknown", "box")).count("not reported") >= 5
    assert "not reported" in texts("network", scenario_view("unknown", "network"))
    assert "not reported" in texts("overview", status_view("overview", Status()))


def test_a_real_box_is_shown_at_its_own_time_and_without_made_up_minutes() -> None:
    view = status_view("overview", calm(time="2027-01-02T03:04:05Z"))
    assert view.now.astimezone(UTC).isoformat() == "2027-01-02T03:04:05+00:00"
    assert len(view.history) == 1


def test_a_clock_that_is_not_set_is_not_shown() -> None:
    view = scenario_view("calm", "overview")
    assert "14:08" not in texts("overview", replace(view, now=view.now.replace(year=1970)))


def test_forty_sites_are_gone_through_by_presses() -> None:
    seen: set[str] = set()
    for part in range(6):
        view = replace(scenario_view("many", "sites"), part=part)
        seen |= {text for text in texts("sites", view) if text.endswith(".example.org")}
    assert len(seen) >= 30


def test_the_site_page_goes_through_the_sites() -> None:
    view = replace(scenario_view("calm", "site"), site=0)
    assert "chat.home.arpa" in texts("site", view)
    assert "cloud.home.arpa" in texts("site", replace(view, site=1))
    assert "chat.home.arpa" in texts("site", replace(view, site=7))


def test_the_site_page_shows_backends_latency_and_certificate() -> None:
    said = texts("site", scenario_view("calm", "site"))
    for text in ("http://192.168.1.30:8000", "4.2 ms", "38 ms", "25 days", "up, 3 d"):
        assert text in said


def test_an_acknowledged_alert_steps_back() -> None:
    view = scenario_view("trouble", "alert")
    assert "Critical" in texts("alert", view)
    ids = frozenset(alert.id for alert in view.known.alerts)
    assert "Critical" not in texts("alert", replace(view, acknowledged=ids))
    assert "6 min \N{MIDDLE DOT} acknowledged" in texts("alerts", replace(view, acknowledged=ids))


def test_only_where_somebody_can_act_is_it_said_how() -> None:
    view = scenario_view("trouble", "alert")
    assert "hold: acknowledge" in texts("alert", view)
    assert not any("acknowledge" in text for text in texts("alert", replace(view, act_by="")))


def test_the_question_counts_down() -> None:
    said = texts("confirm", scenario_view("trial", "confirm"))
    assert "Can you see this?" in said
    assert "Keep" in said
    assert "42 s" in said


@pytest.mark.parametrize(
    ("admin", "addresses", "url"),
    [
        ("0.0.0.0:8470", ["192.168.1.5"], "https://192.168.1.5:8470/"),
        ("[::]:8470", ["fd00::5", "192.168.1.5"], "https://192.168.1.5:8470/"),
        (":8470", ["fd00::5"], "https://[fd00::5]:8470/"),
        ("192.168.1.9:8470", ["192.168.1.5"], "https://192.168.1.9:8470/"),
        ("127.0.0.1:8470", ["192.168.1.5"], None),
        ("localhost:8470", ["192.168.1.5"], None),
        ("0.0.0.0:8470", [], None),
    ],
)
def test_the_code_leads_to_the_dashboard_that_others_can_open(
    admin: str, addresses: list[str], url: str | None
) -> None:
    box = make_calm()["box"] | {"addresses": addresses}
    assert find_dashboard(calm(box=box), admin) == url

"""Figures as the pages say them."""

from typing import Any

import pytest

from appliance.admin.pages import words
from display.status import words as on_the_screen

NOW, LATER = "2026-06-12T14:08:30Z", "2026-06-15T20:08:30Z"


@pytest.mark.parametrize("value", [None, 0, 0.4, 3.0, 9.94, 9.96, 48.2, 999.6, 4_211_906])
def test_amounts_are_those_of_the_screen_and_say_what_is_not_reported(value: float | None) -> None:
    said = words.amount(value)
    assert said == (words.NOT_REPORTED if value is None else on_the_screen.amount(value))


@pytest.mark.parametrize("value", [0, 0.5, 4.2, 9.96, 38, 999, 1000, 2300, 9949, 9950, 60_000])
def test_latencies_are_those_of_the_screen(value: float) -> None:
    assert words.milliseconds(value) == on_the_screen.milliseconds(value)


@pytest.mark.parametrize("value", [0, 999, 1000, 21_400, 3_480_000, 1.24e9, 5e12])
def test_sizes_are_those_of_the_screen(value: float) -> None:
    assert words.size(value) == on_the_screen.size(value)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.milliseconds(None), "idle"),
        (words.bytes_rate(None), "not reported"),
        (words.percent(None), "not reported"),
        (words.degrees(51.6), "52 °C"),
        (words.span(0.2), "now"),
        (words.span(59), "59 s"),
        (words.span(7200), "2 h"),
        (words.long_span(3_564_000), "41 d 6 h"),
        (words.long_span(None), "not reported"),
        (words.since(NOW, LATER), "3 d"),
        (words.since(None, LATER), ""),
        (words.since("yesterday", LATER), ""),
        (words.since(LATER, NOW), "now"),
        (words.days(words.days_left(LATER, NOW)), "3 days"),
        (words.days(words.days_left(NOW, LATER)), "expired"),
        (words.days(0.5), "12 h"),
        (words.days(1.9), "1 day"),
        (words.days(None), "not reported"),
        (words.of_total({"used_bytes": 412e6, "total_bytes": 4e9}), "412 MB of 4 GB"),
        (words.of_total(None), ""),
        (words.counted(1, "site"), "1 site"),
        (words.counted(5000, "site"), "5,000 sites"),
        (words.host_name("xn--grn-ioa.test"), "grün.test"),
        (words.host_name("xn--.test"), "xn--.test"),
        (words.sentence("the disk is full"), "The disk is full"),
        (words.sentence("wiki.test: no backend"), "wiki.test: no backend"),
        (words.sentence("http://10.0.0.1: refused"), "http://10.0.0.1: refused"),
        (words.sentence(""), ""),
    ],
)
def test_it_is_said_so(said: str, expected: str) -> None:
    assert said == expected


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (None, None),
        ({"used_bytes": 1, "total_bytes": 0}, None),
        ({"used_bytes": None, "total_bytes": 4}, None),
        ({"used_bytes": 1, "total_bytes": 4}, 25.0),
        ({"used_bytes": 9, "total_bytes": 4}, 100.0),
    ],
    ids=["nothing known", "no size", "no use", "a quarter", "more than there is"],
)
def test_a_share_is_known_or_not(use: dict[str, Any] | None, expected: float | None) -> None:
    assert words.share(use) == expected

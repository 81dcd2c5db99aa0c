"""Figures as they are read."""

from datetime import UTC, datetime, timedelta

import pytest

from display.status import words


@pytest.mark.parametrize(
    ("value", "long", "short"),
    [
        (None, words.DASH, words.DASH),
        (0, "0", "0"),
        (0.3, "0.3", "0.3"),
        (5.0, "5", "5"),
        (9.94, "9.9", "9.9"),
        (9.96, "10", "10"),
        (48.2, "48", "48"),
        (999.4, "999", "999"),
        (1234, "1,234", "1.2k"),
        (2000, "2,000", "2k"),
        (99_999, "99,999", "100k"),
        (3_400_000, "3,400,000", "3.4M"),
    ],
)
def test_an_amount(value: float | None, long: str, short: str) -> None:
    assert (words.amount(value), words.short_amount(value)) == (long, short)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (900, "900 B"), (21_400, "21 kB"), (3_480_000, "3.5 MB"), (5e9, "5 GB")],
)
def test_a_size(value: float, text: str) -> None:
    assert words.size(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, words.DASH),
        (0.4, "0.4 ms"),
        (4, "4 ms"),
        (38.2, "38 ms"),
        (2300, "2.3 s"),
        (60000, "60 s"),
    ],
)
def test_a_latency(value: float | None, text: str) -> None:
    assert words.milliseconds(value) == text


@pytest.mark.parametrize(
    ("seconds", "text", "long"),
    [
        (-3, "0 s", "0 s"),
        (59, "59 s", "59 s"),
        (61, "1 min", "1 min"),
        (7200, "2 h", "2 h 0 min"),
        (3_564_000, "41 d", "41 d 6 h"),
    ],
)
def test_a_span(seconds: float, text: str, long: str) -> None:
    assert (words.span(seconds), words.long_span(seconds)) == (text, long)


@pytest.mark.parametrize(
    ("hours", "text"),
    [(-1, "expired"), (5, "5 h"), (30, "1 day"), (48, "2 days"), (24 * 83, "83 days")],
)
def test_what_is_left_of_a_certificate(hours: float, text: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert words.days(words.days_left(now + timedelta(hours=hours), now)) == text


def test_what_is_not_known_is_said_so() -> None:
    assert words.days(None) == words.percent(None) == words.degrees(None) == "not reported"
    assert words.since(None, None) == ""


def test_a_name_outside_ascii_is_read_as_it_is_meant() -> None:
    assert (
        words.host_name("xn--bcher-kva.example")
        == "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example"
    )
    assert words.host_name("xn--\udcff") == "xn--\udcff"

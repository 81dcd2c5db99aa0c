"""The minutes that plots show."""

import pytest

from display.scenarios import make_calm
from display.status.history import MAX_SAMPLES, Sample, grow, nice_top, sample_of, sum_up
from display.status.model import parse_status

STATUS = parse_status(make_calm())


def samples(*values: float | None, first_s: float = 1.0) -> tuple[Sample, ...]:
    return tuple(
        Sample(first_s + n, value, None, None, None, None) for n, value in enumerate(values)
    )


def rates(history: tuple[Sample, ...], now_s: float, count: int) -> list[float | None]:
    return sum_up(history, lambda sample: sample.requests_per_s, now_s, count)


def test_the_history_is_bounded_and_keeps_the_newest() -> None:
    history: tuple[Sample, ...] = ()
    for second in range(MAX_SAMPLES + 50):
        history = grow(history, sample_of(STATUS, float(second)))
    assert len(history) == MAX_SAMPLES
    assert history[-1].at_s == MAX_SAMPLES + 49


def test_statuses_that_come_too_fast_are_not_kept() -> None:
    history = grow((), sample_of(STATUS, 10.0))
    assert grow(history, sample_of(STATUS, 10.1)) is history


def test_a_column_is_the_mean_of_its_step_and_a_gap_stays_one() -> None:
    # Steps of ten seconds: 290-299 is the last, at 299 s.
    history = (*samples(2.0, 4.0, first_s=291.0), *samples(None, first_s=270.0))
    assert rates(history, 299.0, 30)[-3:] == [None, None, 3.0]


def test_columns_stand_still_within_a_step() -> None:
    history = samples(*range(280), first_s=10.0)
    assert rates(history, 290.0, 30)[:-1] == rates(history, 299.0, 30)[:-1]


def test_what_is_older_than_the_window_is_left_out() -> None:
    assert rates(samples(7.0, first_s=1.0), 400.0, 30) == [None] * 30


@pytest.mark.parametrize(
    ("highest", "least", "top"),
    [
        (0, 1, 1),
        (1, 1, 1),
        (1.1, 1, 2),
        (48, 1, 50),
        (51, 1, 100),
        (99_999, 1, 100_000),
        (0, 1000, 1000),
        (3_480_000, 1000, 5_000_000),
    ],
)
def test_an_axis_ends_at_a_round_figure(highest: float, least: float, top: float) -> None:
    assert nice_top(highest, least) == top

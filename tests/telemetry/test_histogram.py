"""The latency scale."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telemetry.histogram import BUCKETS, bucket_bound_us, bucket_of, quantile_ms

LONGEST_US = bucket_bound_us(BUCKETS - 1) - 1


@given(st.integers(0, LONGEST_US))
def test_a_time_lies_below_the_bound_of_its_bucket_and_not_below_the_one_before(us: int) -> None:
    bucket = bucket_of(us)
    assert us < bucket_bound_us(bucket)
    assert bucket == 0 or us >= bucket_bound_us(bucket - 1)


def test_bounds_grow_and_are_within_a_quarter_of_each_other() -> None:
    bounds = [bucket_bound_us(index) for index in range(BUCKETS)]
    for lower, upper in pairwise(bounds):
        assert lower < upper <= lower * 1.25


@pytest.mark.parametrize(
    "us", [LONGEST_US + 1, 1 << 40, 1 << 63], ids=["36 min", "12 days", "ages"]
)
def test_what_takes_longer_than_the_scale_falls_in_the_last_bucket(us: int) -> None:
    assert bucket_of(us) == BUCKETS - 1


def filled(*times_us: int) -> list[int]:
    buckets = [0] * BUCKETS
    for us in times_us:
        buckets[bucket_of(us)] += 1
    return buckets


@pytest.mark.parametrize(
    ("times_us", "share", "least_ms", "most_ms"),
    [
        ((1000,), 0.5, 1.0, 1.25),
        ((1000,) * 99 + (50_000,), 0.5, 1.0, 1.25),
        ((1000,) * 99 + (50_000,), 0.99, 1.0, 1.25),
        ((1000,) * 90 + (50_000,) * 10, 0.99, 50.0, 62.5),
        ((0,), 0.99, 0.0, 0.005),
    ],
    ids=["one", "median", "just within", "tail", "at once"],
)
def test_a_quantile_is_the_bound_of_its_bucket(
    times_us: tuple[int, ...], share: float, least_ms: float, most_ms: float
) -> None:
    found = quantile_ms(filled(*times_us), share)
    assert found is not None
    assert least_ms <= found <= most_ms


def test_no_times_have_no_quantile() -> None:
    assert quantile_ms([0] * BUCKETS, 0.5) is None
    assert quantile_ms((), 0.5) is None

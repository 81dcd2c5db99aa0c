"""What wrk and ab print, read back."""

import pytest

from bench.loads import Ab, LoadError, Wrk, parse_ab, parse_wrk

WRK = """Running 5s test @ http://127.0.0.1:8080/
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.71ms  210.02us   6.07ms   92.31%
    Req/Sec    29.31k     1.02k   31.02k    70.00%
  145812 requests in 5.00s, 48.25MB read
Requests/sec:  29157.92
Transfer/sec:      9.65MB
"""

AB = """Concurrency Level:      100
Time taken for tests:   12.345 seconds
Complete requests:      100000
Failed requests:        0
Total transferred:      33500000 bytes
Requests per second:    8100.45 [#/sec] (mean)
Time per request:       12.345 [ms] (mean)
Time per request:       0.123 [ms] (mean, across all concurrent requests)
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(WRK, Wrk(145812, 5.0, 0), id="all good"),
        pytest.param(WRK.replace("5.00s,", "1.50m,"), Wrk(145812, 90.0, 0), id="minutes"),
        pytest.param(WRK.replace("5.00s,", "500.00ms,"), Wrk(145812, 0.5, 0), id="milliseconds"),
        pytest.param(
            WRK + "  Socket errors: connect 1, read 2, write 0, timeout 4\n",
            Wrk(145812, 5.0, 7),
            id="socket errors",
        ),
        pytest.param(
            WRK + "  Non-2xx or 3xx responses: 12\n", Wrk(145812, 5.0, 12), id="bad statuses"
        ),
    ],
)
def test_wrk_counts_requests_and_faults(text: str, expected: Wrk) -> None:
    assert parse_wrk(text) == expected


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param(AB, 0, id="all good"),
        pytest.param(
            AB.replace("Failed requests:        0", "Failed requests:   3"), 3, id="failed"
        ),
        pytest.param(AB + "Non-2xx responses:      5\n", 5, id="bad statuses"),
    ],
)
def test_ab_means_are_not_mixed_up(text: str, faults: int) -> None:
    assert parse_ab(text) == Ab(100000, faults, 12.345, 12.345, 8100.45)


@pytest.mark.parametrize("parse", [parse_wrk, parse_ab])
def test_output_without_a_count_is_an_error(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(LoadError, match="unable to connect"):
        parse("unable to connect")

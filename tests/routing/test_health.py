"""Checks decide, traffic advises."""

import pytest

from appliance.routing.health import (
    EASE_IN_S,
    FAILURES_BEFORE_PAUSE,
    FIRST_PAUSE_S,
    FIRST_SHARE,
    MAX_PAUSE_S,
    Condition,
    Suspicion,
    Verdict,
    acquit,
    judge,
    share_of,
    suspect,
)
from appliance.routing.model import Check

CHECK = Check(rise=2, fall=3)


def after(results: str, check: Check = CHECK) -> Condition:
    """`.` is a success, `x` a failure; the clock counts the results."""
    condition = Condition()
    for second, result in enumerate(results, 1):
        error = "connection refused" if result == "x" else None
        condition = judge(condition, check, error, float(second))
    return condition


@pytest.mark.parametrize(
    ("results", "verdict", "since_s"),
    [
        pytest.param("", Verdict.UNKNOWN, None, id="nothing yet"),
        pytest.param(".", Verdict.UP, 1.0, id="one success settles it"),
        pytest.param("xx", Verdict.UNKNOWN, None, id="not yet enough failures"),
        pytest.param("xxx", Verdict.DOWN, 3.0, id="down without ever being up"),
        pytest.param("x.", Verdict.UP, 2.0, id="up after a failure"),
        pytest.param(".xx", Verdict.UP, 1.0, id="two failures are not three"),
        pytest.param(".xxx", Verdict.DOWN, 4.0, id="three in a row are"),
        pytest.param(".xx.xx.xx", Verdict.UP, 1.0, id="only failures in a row count"),
        pytest.param(".xxxxx", Verdict.DOWN, 4.0, id="down stays down since then"),
        pytest.param(".xxx.", Verdict.DOWN, 4.0, id="one success is not two"),
        pytest.param(".xxx.x.x.", Verdict.DOWN, 4.0, id="only successes in a row count"),
        pytest.param(".xxx..", Verdict.UP, 6.0, id="up again"),
        pytest.param(".xxx..xxx", Verdict.DOWN, 9.0, id="and down again"),
    ],
)
def test_so_many_in_a_row_turn_the_verdict(
    results: str, verdict: Verdict, since_s: float | None
) -> None:
    condition = after(results)
    assert (condition.verdict, condition.since_s) == (verdict, since_s)


def test_the_last_error_is_kept_while_it_matters() -> None:
    assert after(".x").last_error == "connection refused"
    assert after(".xxx.").last_error == "connection refused"
    assert after(".xxx..").last_error is None


def test_with_rise_and_fall_of_one_each_result_counts() -> None:
    check = Check(rise=1, fall=1)
    verdicts = [after(".x.x"[:length], check).verdict.value for length in range(1, 5)]
    assert verdicts == ["up", "down", "up", "down"]


def test_an_unreachable_backend_is_avoided_at_once_and_longer_each_time() -> None:
    now_s, pauses = 100.0, []
    suspicion = Suspicion()
    for _ in range(7):
        suspicion = suspect(suspicion, True, now_s)
        assert suspicion.is_active(now_s)
        pauses.append(suspicion.until_s - now_s)
        now_s = suspicion.until_s
        assert not suspicion.is_active(now_s)
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-2:] == [MAX_PAUSE_S, MAX_PAUSE_S]
    assert suspect(suspicion, True, now_s + MAX_PAUSE_S).pause_s == FIRST_PAUSE_S


def test_a_good_answer_ends_the_pause_and_the_count() -> None:
    paused = suspect(Suspicion(), True, 100.0)
    assert not acquit(paused, 100.5).is_active(100.5)
    assert suspect(acquit(paused, 100.5), True, 101.0).pause_s == 2 * FIRST_PAUSE_S
    counted = suspect(suspect(Suspicion(), False, 100.0), False, 100.0)
    assert acquit(counted, 100.0).failures == 0


def test_failures_that_were_under_way_do_not_prolong_the_pause() -> None:
    first = suspect(Suspicion(), True, 100.0)
    assert suspect(first, True, 100.5) == first


def test_broken_answers_count_only_in_a_row() -> None:
    suspicion = Suspicion()
    for _ in range(FAILURES_BEFORE_PAUSE - 1):
        suspicion = suspect(suspicion, False, 100.0)
        assert not suspicion.is_active(100.0)
    assert suspect(suspicion, False, 100.0).is_active(100.0)


def test_a_backend_that_comes_back_is_eased_in() -> None:
    shares = [share_of(second) for second in range(int(EASE_IN_S) + 2)]
    assert shares[0] == FIRST_SHARE
    assert shares == sorted(shares)
    assert shares[-2:] == [1.0, 1.0]

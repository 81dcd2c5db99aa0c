"""Whether the time of day may be believed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.clock import (
    PATIENCE_S,
    RELEASED_S,
    SystemClock,
    choose_is_enough,
    choose_is_set,
    is_clock_set,
    is_synchronized,
)


@pytest.mark.parametrize(
    ("now_s", "keeps_time", "is_synchronized", "is_set"),
    [
        pytest.param(0.0, True, True, False, id="1970 is never right"),
        pytest.param(RELEASED_S - 1, True, True, False, id="before this version was made"),
        pytest.param(RELEASED_S, True, False, True, id="a battery"),
        pytest.param(RELEASED_S, False, True, True, id="told by a server"),
        pytest.param(RELEASED_S, False, False, False, id="neither"),
    ],
)
def test_a_time_is_believed_with_a_battery_or_a_server(
    now_s: float, keeps_time: bool, is_synchronized: bool, is_set: bool
) -> None:
    assert choose_is_set(now_s, keeps_time, is_synchronized) is is_set


def test_a_machine_without_a_device_tree_keeps_its_time(tmp_path: Path) -> None:
    assert is_clock_set(tmp_path)


def test_a_pi_is_believed_when_it_has_a_battery_or_was_told(tmp_path: Path) -> None:
    model = tmp_path / "proc/device-tree/model"
    model.parent.mkdir(parents=True)
    model.write_text("Raspberry Pi 4 Model B")
    assert is_clock_set(tmp_path) is is_synchronized()
    (tmp_path / "sys/class/rtc/rtc0").mkdir(parents=True)
    assert is_clock_set(tmp_path)


@pytest.mark.parametrize(
    ("now_s", "up_s", "expected"),
    [
        pytest.param(RELEASED_S, PATIENCE_S + 1, True, id="no server for long"),
        pytest.param(RELEASED_S, 20.0, False, id="just started"),
        pytest.param(RELEASED_S - 1, 1e6, False, id="before this version was made"),
    ],
)
def test_where_nobody_tells_the_time_the_box_s_own_has_to_do(
    now_s: float, up_s: float, expected: bool
) -> None:
    assert choose_is_enough(now_s, up_s) is expected


def test_this_machine_s_clock_can_be_asked() -> None:
    assert abs((SystemClock().now() - datetime.now(UTC)).total_seconds()) < 60
    assert SystemClock().is_set() in (True, False)

"""Whether the time of day may be believed."""

from pathlib import Path

import pytest

from appliance.clock import RELEASED_S, choose_is_set, is_clock_set, is_synchronized


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

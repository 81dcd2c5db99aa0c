"""The display mode on trial, as the status shows it."""

import json
from pathlib import Path

import jsonschema
import pytest

from appliance.telemetry.trial import TRIAL_FILE, parse_trial, read_trial
from display.hdmi.trial_run import STATUS_FILE
from tests.support.box import ROOT

GOOD = b'{"port": 1, "mode": "1280x1024@60", "ends_monotonic_s": 1030.4}'
SCHEMA = json.loads((ROOT / "docs/status-schema.json").read_text())


def test_a_trial_is_told_with_its_seconds_left(tmp_path: Path) -> None:
    path = tmp_path / "trial.json"
    assert read_trial(path, 1000.0) is None
    path.write_bytes(GOOD)
    trial = read_trial(path, 1000.0)
    assert trial == {"port": 1, "mode": "1280x1024@60", "seconds_left": 30}
    jsonschema.validate(trial, SCHEMA["properties"]["trial"] | {"$defs": SCHEMA["$defs"]})


def test_a_trial_that_is_over_has_no_seconds_left() -> None:
    trial = parse_trial(GOOD, 2000.0)
    assert trial is not None
    assert trial["seconds_left"] == 0


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"{}", b"\xff", b'{"port": 0, "mode": "a", "ends_monotonic_s": Infinity}'],
)
def test_a_file_that_is_not_understood_is_no_trial(data: bytes) -> None:
    assert parse_trial(data, 0.0) is None


def test_both_sides_mean_the_same_file() -> None:
    assert TRIAL_FILE == STATUS_FILE

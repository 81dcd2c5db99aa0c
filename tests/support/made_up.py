"""Made-up boxes as the admin API would tell of them."""

import copy
from typing import Any

from display.scenarios import SCENARIOS

Status = dict[str, Any]
HISTORY = {
    "every_s": 1,
    "until_s": 12.0,
    "requests_per_s": [48.2, 47.0],
    "errors_per_s": [0.0, 1.5],
    "p50_ms": [4.2, None],
    "p99_ms": [38.0, None],
    "bytes_in_per_s": [21_400, 0],
    "bytes_out_per_s": [3_480_000, 0],
}


def make_status(name: str = "calm") -> Status:
    """One of the screen's scenarios, with the keys that the screen does not need."""
    status = copy.deepcopy(SCENARIOS[name].make())
    status["sites_total"] = len(status["sites"])
    status["store"]["config"] = "/etc/gatelight/gatelight.toml"
    return status

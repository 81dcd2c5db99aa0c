"""The display mode on trial, as gatelight-hdmi tells it in a file (docs/hdmi.md)."""

import json
from pathlib import Path
from typing import Any

TRIAL_FILE = Path("/run/gatelight-hdmi/trial.json")
# It has one line of some 70 bytes.
_MAX_BYTES = 4096


def read_trial(path: Path, now_monotonic_s: float) -> dict[str, Any] | None:
    """Port, mode and seconds_left; None when nothing is on trial or the file is not understood."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES)
    except OSError:
        return None
    return parse_trial(data, now_monotonic_s)


def parse_trial(data: bytes, now_monotonic_s: float) -> dict[str, Any] | None:
    """The same from the file's content."""
    try:
        table = json.loads(data)
        left_s = float(table["ends_monotonic_s"]) - now_monotonic_s
        port, mode = int(table["port"]), str(table["mode"])
        return {"port": port, "mode": mode, "seconds_left": max(0, round(left_s))}
    except (ValueError, KeyError, TypeError, OverflowError):
        return None

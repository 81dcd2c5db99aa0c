"""Requests to the helper and its answers: one line of JSON each (PURE).

A request says what is wanted, never what to write: the helper makes the plan itself, so whoever may
ask can choose among settings, not put bytes into boot files.
"""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from display.hdmi.errors import HdmiError, RefusedError, UsageError
from display.hdmi.plan import Planner, plan_reset, plan_safe_mode, plan_set
from display.hdmi.trial import DEFAULT_SECONDS
from display.hdmi.wish import MAX_PORT, parse_seconds, parse_steps, parse_wish

# A wish has a few dozen bytes; an answer has the reason it was refused.
MAX_MESSAGE_BYTES = 4096
_FIELDS = {
    "status": set[str](),
    "confirm": set[str](),
    "undo": {"steps"},
    "set": {"wish", "seconds"},
    "safe": {"port", "seconds"},
    "reset": {"port", "seconds"},
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted: `planner` makes the plan of a change. `seconds` None: not as a trial."""

    do: str
    planner: Planner | None = None
    seconds: int | None = None
    steps: int = 1


def parse_request(line: bytes) -> Request:
    """A request from its line. Raises UsageError."""
    try:
        table = json.loads(line)
    except ValueError as error:
        raise _not_understood(str(error)) from None
    if not isinstance(table, dict) or not isinstance(table.get("do"), str):
        raise _not_understood('say {"do": ...}')
    do = table.pop("do")
    if do not in _FIELDS:
        raise _not_understood(f"say one of {', '.join(_FIELDS)}")
    if table.keys() - _FIELDS[do]:
        raise _not_understood(f"{do} has no {min(table.keys() - _FIELDS[do])}")
    if do == "undo":
        return Request(do, steps=parse_steps(table.get("steps", 1)))
    return Request(do, _planner(do, table), _seconds(do, table))


def encode_error(error: HdmiError) -> dict[str, Any]:
    """An error as the answer tells it."""
    table = {"what": error.what, "where": error.where, "way_out": error.way_out}
    nearest = {"nearest": error.nearest} if isinstance(error, RefusedError) else {}
    return {"error": table | nearest}


def _planner(do: str, table: dict[str, Any]) -> Planner | None:
    if do == "set":
        wish = table.get("wish")
        if not isinstance(wish, dict):
            raise _not_understood('say {"do": "set", "wish": {"mode": ...}}')
        return partial(plan_set, parse_wish(wish))
    if do in ("safe", "reset"):
        return partial(plan_safe_mode if do == "safe" else plan_reset, port=_port(table))
    return None


def _port(table: dict[str, Any]) -> int | None:
    port = table.get("port")
    if port is None:
        return None
    if isinstance(port, bool) or port not in range(MAX_PORT + 1):
        raise _not_understood("port is 0, 1 or null")
    return int(port)


def _seconds(do: str, table: dict[str, Any]) -> int | None:
    """A trial is what `set` is when nothing is said."""
    seconds = table.get("seconds", DEFAULT_SECONDS if do == "set" else None)
    return None if seconds is None else parse_seconds(seconds)


def _not_understood(way_out: str) -> UsageError:
    return UsageError("a request was not understood by", "gatelight-hdmi", way_out)

"""Asks the helper, which may write boot files, from a process that may not."""

import json
import socket
from pathlib import Path
from typing import Any

from display.hdmi.errors import HdmiError, RefusedError
from display.hdmi.requests import MAX_MESSAGE_BYTES

SOCKET = Path("/run/gatelight-hdmi/helper.sock")
# Writing and flushing a card's FAT partition takes seconds on a slow card.
TIMEOUT_S = 60.0


def has_helper(root: Path) -> bool:
    """Whether there is somebody to ask."""
    return _path(root).is_socket()


def ask_helper(root: Path, request: dict[str, Any]) -> dict[str, Any]:
    """The helper's answer to a request (docs/hdmi.md). Raises HdmiError, its own too."""
    where = str(_path(root))
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(TIMEOUT_S)
            peer.connect(where)
            peer.sendall(json.dumps(request).encode() + b"\n")
            with peer.makefile("rb") as lines:
                line = lines.readline(MAX_MESSAGE_BYTES)
        answer = json.loads(line)
    except (OSError, ValueError) as error:
        way_out = f"is gatelight-hdmi.socket running? ({error})"
        raise HdmiError("there was no answer from", where, way_out) from error
    if not isinstance(answer, dict):
        raise HdmiError("an answer was not understood from", where, "is it the same version?")
    if "error" in answer:
        raise _error_of(answer["error"])
    return answer


def _error_of(table: dict[str, Any]) -> HdmiError:
    what, where, way_out = (str(table.get(key, "")) for key in ("what", "where", "way_out"))
    if "nearest" in table:
        return RefusedError(what, where, way_out, nearest=table["nearest"])
    return HdmiError(what, where, way_out)


def _path(root: Path) -> Path:
    return root / SOCKET.relative_to("/")

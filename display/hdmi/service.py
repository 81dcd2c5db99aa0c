"""The helper: the privileged process that writes boot files for those who may ask.

systemd hands it a listening Unix socket. One request a connection, one at a time, each within
PEER_TIMEOUT_S; the kernel says who asks (SO_PEERCRED). It ends when nobody has asked for a while.
"""

import contextlib
import json
import os
import pwd
import socket
import struct
import sys
from collections.abc import Collection, Sequence
from typing import Any

from display.hdmi.box import Box
from display.hdmi.client import SOCKET
from display.hdmi.errors import HdmiError, error_of
from display.hdmi.requests import MAX_MESSAGE_BYTES, Request, encode_error, parse_request
from display.hdmi.trial import Trial
from display.hdmi.work import carry_out, confirm, undo

# systemd's protocol: the first descriptor it passes (sd_listen_fds(3)).
_FIRST_DESCRIPTOR = 3
# A peer that is slower than this is not one of ours.
PEER_TIMEOUT_S = 5.0
_BACKLOG = 8
_CREDENTIALS = struct.Struct("3i")


def serve(box: Box, allowed: Sequence[str], idle_s: float) -> None:
    """Answers requests until there was none for `idle_s`. Raises HdmiError."""
    uids = {0, *user_ids(allowed)}
    with _listen(box) as listener:
        listener.settimeout(idle_s)
        while True:
            try:
                peer, _ = listener.accept()
            except TimeoutError:
                return
            with peer, contextlib.suppress(OSError):
                peer.settimeout(PEER_TIMEOUT_S)
                answer = answer_peer(box, peer, uids)
                peer.sendall(json.dumps(answer).encode() + b"\n")


def answer_peer(box: Box, peer: socket.socket, uids: Collection[int]) -> dict[str, Any]:
    """The answer to what a peer asks; an error of ours for whatever goes wrong."""
    try:
        # Read first: a peer that is still writing would not hear the answer.
        with peer.makefile("rb") as lines:
            line = lines.readline(MAX_MESSAGE_BYTES)
        uid = peer_uid(peer)
        if uid not in uids:
            way_out = "run the command as root, or name the user in the helper's --allow"
            raise HdmiError("no right to change display settings has", f"user {uid}", way_out)
        return answer(box, parse_request(line))
    except HdmiError as error:
        return encode_error(error)


def answer(box: Box, request: Request) -> dict[str, Any]:
    """Does what is asked. Raises HdmiError."""
    if request.do == "status":
        return {"trial": box.trials().status()}
    if request.do == "confirm":
        trial = confirm(box)
        return {"said": f"{trial.mode} on HDMI {trial.port} stays"}
    if request.do == "undo":
        undone = undo(box, request.steps)
        what = "the trial has ended" if isinstance(undone, Trial) else "undone"
        return {"said": f"{what}: the old files are back"}
    assert request.planner is not None
    done = carry_out(box, request.planner, request.seconds)
    if done.trial_s is not None:
        said = f"restarting; confirm within {done.trial_s} s of the picture"
    else:
        said = "done; it counts from the next start" if done.entry else "it is so already"
    entry = done.entry.number if done.entry else None
    return {"said": said, "entry": entry, "trial_seconds": done.trial_s, "notes": done.plan.notes}


def peer_uid(peer: socket.socket) -> int:
    """Who is at the other end, by the kernel (unix(7), SO_PEERCRED)."""
    data = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(data)[1])


def user_ids(names: Sequence[str]) -> set[int]:
    """The ids of users by name or number; those who are not there are said and left out."""
    found = set()
    for name in names:
        try:
            found.add(int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid)
        except KeyError:
            print(f"gatelight: there is no user {name}: it cannot ask", file=sys.stderr)
    return found


def _listen(box: Box) -> socket.socket:
    """The socket systemd passed, or one of our own."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS"):
        return socket.socket(fileno=_FIRST_DESCRIPTOR)
    path = box.root / SOCKET.relative_to("/")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        # Who may ask is decided by SO_PEERCRED; the file lets everyone knock.
        path.chmod(0o666)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise error_of(error, path) from error
    return listener

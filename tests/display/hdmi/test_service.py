"""The helper: who may ask, what may be asked, over real sockets."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from display.hdmi.box import Box
from display.hdmi.cli import main
from display.hdmi.client import SOCKET, ask_helper, has_helper
from display.hdmi.errors import HdmiError, RefusedError, UsageError
from display.hdmi.requests import MAX_MESSAGE_BYTES, Request, parse_request
from display.hdmi.service import serve, user_ids
from tests.support.box import ROOT, wait_until
from tests.support.pi import CardboardPi

LINE = b"root=/dev/mmcblk0p2\n"
WISH = {"mode": "1280x1024@60"}
VIDEO = b"root=/dev/mmcblk0p2 video=HDMI-A-1:1280x1024@60D\n"
IDLE_S = 30.0

BAD = [
    (b"", "a request was not understood"),
    (b"[]", 'say {"do": ...}'),
    (b'{"do": 1}', 'say {"do": ...}'),
    (b'{"do": "format"}', "say one of status, confirm, undo, set, safe, reset"),
    (b'{"do": "set"}', 'say {"do": "set", "wish": {"mode": ...}}'),
    (b'{"do": "set", "wish": {}}', "nothing is asked of port 0"),
    (b'{"do": "set", "wish": {"contents": "x"}}', 'there is no "contents" to set'),
    (b'{"do": "set", "wish": {"mode": "640x480"}, "seconds": 1}', "say 10 to 3600 seconds"),
    (b'{"do": "undo", "steps": 0}', "say 1 to 100 steps"),
    (b'{"do": "undo", "force": true}', "undo has no force"),
    (b'{"do": "reset", "port": 2}', "port is 0, 1 or null"),
    (b'{"do": "confirm", "boot": "/tmp"}', "confirm has no boot"),
    (b"\xff\xfe\n", "a request was not understood"),
]


@pytest.mark.parametrize(("line", "words"), BAD, ids=[repr(row[0]) for row in BAD])
def test_a_request_that_makes_no_sense_is_refused(line: bytes, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_request(line)
    assert words in str(refused.value)


def test_a_mode_is_on_trial_unless_it_is_said_otherwise() -> None:
    line = json.dumps({"do": "set", "wish": WISH}).encode()
    assert parse_request(line).seconds == 60
    assert parse_request(line[:-1] + b', "seconds": null}').seconds is None
    assert parse_request(b'{"do": "safe"}').seconds is None
    assert parse_request(b'{"do": "undo", "steps": 3}') == Request("undo", steps=3)


@pytest.fixture
def pi(tmp_path: Path) -> CardboardPi:
    pi = CardboardPi(tmp_path)
    pi.is_a("Raspberry Pi 4 Model B Rev 1.4")
    pi.boot_files({"config.txt": b"dtoverlay=vc4-kms-v3d\n", "cmdline.txt": LINE})
    return pi


@pytest.fixture
def helper(pi: CardboardPi) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A helper that lets this user in, and ends when it was idle for a while."""
    box = Box(root=pi.root, machine=pi)
    thread = threading.Thread(target=serve, args=(box, [str(os.getuid())], IDLE_S), daemon=True)
    thread.start()
    wait_until(lambda: has_helper(pi.root), "the helper listens")
    return lambda request: ask_helper(pi.root, request)


def test_a_trial_is_begun_and_ended_by_request(
    pi: CardboardPi, helper: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    assert helper({"do": "status"}) == {"trial": None}
    answer = helper({"do": "set", "wish": WISH, "seconds": 30})
    assert (answer["trial_seconds"], pi.reboots) == (30, [False])
    assert pi.read("boot/firmware/cmdline.txt") == VIDEO
    trial = {"port": 0, "mode": "1280x1024@60.02", "seconds_left": None}
    assert helper({"do": "status"}) == {"trial": trial}
    with pytest.raises(HdmiError, match="its restart has not happened yet"):
        helper({"do": "confirm"})
    assert helper({"do": "undo"}) == {"said": "the trial has ended: the old files are back"}
    assert pi.read("boot/firmware/cmdline.txt") == LINE


def test_files_are_written_and_undone_by_request(
    pi: CardboardPi, helper: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    assert helper({"do": "set", "wish": WISH, "seconds": None})["entry"] == 1
    assert helper({"do": "safe", "port": 1})["entry"] == 2
    assert helper({"do": "undo", "steps": 2})["said"] == "undone: the old files are back"
    assert pi.read("boot/firmware/cmdline.txt") == LINE
    with pytest.raises(RefusedError) as refused:
        helper({"do": "set", "wish": {"mode": "3840x2160@60", "port": 1}})
    assert refused.value.nearest == "3840x2160@30"


def test_lines_without_an_end_and_silent_peers_do_no_harm(
    pi: CardboardPi, helper: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    path = str(pi.root / SOCKET.relative_to("/"))
    for words in (b"", b"x" * (MAX_MESSAGE_BYTES * 3), b'{"do": "status"}'):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(path)
            peer.sendall(words)
            peer.shutdown(socket.SHUT_WR)
    assert helper({"do": "status"}) == {"trial": None}


def test_a_user_who_is_not_named_may_not_ask(
    pi: CardboardPi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another user where the test may become one, else as this one, who is not named."""
    box = Box(root=pi.root, machine=pi)
    threading.Thread(target=serve, args=(box, [], IDLE_S), daemon=True).start()
    wait_until(lambda: has_helper(pi.root), "the helper listens")
    other, myself = 65534 if os.getuid() == 0 else os.getuid(), os.geteuid()
    folder = pi.root / SOCKET.parent.relative_to("/")
    folder.chmod(0o755)
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as peer:
        os.seteuid(other)
        try:
            peer.connect(SOCKET.name)
        finally:
            os.seteuid(myself)
        peer.sendall(b'{"do": "status"}\n')
        answer = json.loads(peer.makefile("rb").readline())
    what = "no right to change display settings has"
    assert (answer["error"]["what"], answer["error"]["where"]) == (what, f"user {other}")


def test_users_are_known_by_name_or_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert user_ids(["root", "1234", "nobody-of-that-name"]) == {0, 1234}
    assert "there is no user nobody-of-that-name" in capsys.readouterr().err


def test_the_command_asks_the_helper_where_it_may_not_write(
    pi: CardboardPi,
    helper: Callable[[dict[str, Any]], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Box, "may_write", lambda _: False)
    # A machine the command must not use: only the helper may restart.
    box = Box(root=pi.root)
    assert main(["set", "--mode", "1280x1024@60", "--yes"], box) == 0
    assert capsys.readouterr().out == "restarting; confirm within 60 s of the picture\n"
    assert pi.reboots == [False]
    assert main(["confirm"], box) == 1
    assert main(["undo"], box) == 0
    assert main(["reset", "--yes"], box) == 0
    assert pi.read("boot/firmware/cmdline.txt") == LINE


def test_systemd_hands_the_socket_over(tmp_path: Path) -> None:
    activate = shutil.which("systemd-socket-activate")
    assert activate is not None, "scripts/test installs systemd"
    card = tmp_path / "card"
    card.mkdir()
    (card / "cmdline.txt").write_bytes(LINE)
    path = tmp_path / SOCKET.relative_to("/")
    path.parent.mkdir(parents=True)
    command = [
        activate,
        "-l",
        str(path),
        "-E",
        f"PYTHONPATH={ROOT}",
        sys.executable,
        "-m",
        "display.hdmi.cli",
    ]
    command += ["serve", "--boot", str(card), "--driver", "kms", "--idle", "0.2"]
    command += ["--allow", str(os.getuid())]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(path.is_socket, "the socket is there")
            assert ask_helper(tmp_path, {"do": "set", "wish": WISH})["entry"] == 1
            assert (card / "cmdline.txt").read_bytes() == VIDEO
            assert process.wait(60) == 0, "it ends by itself when nobody asks"
        finally:
            process.kill()

"""What the dashboard passes on: to the screen's process and to the helper for HDMI settings."""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from appliance.admin.exchange import Refusal
from appliance.hdmi_relay import HdmiRelay
from appliance.screen_relay import ScreenRelay, parse_answer
from display.controls.actions import Action
from display.frame_server import FrameServer
from display.hdmi.box import Box as HdmiBox
from display.hdmi.client import SOCKET
from display.hdmi.service import serve
from tests.support.box import wait_until
from tests.support.pi import CardboardPi

T = TypeVar("T")
PICTURE = b"\x89PNG" + b"x" * 300_000


def with_screen(
    folder: Path, picture: bytes | None, action: Callable[[ScreenRelay], Awaitable[T]]
) -> tuple[T, list[Action]]:
    """Runs an action beside the screen's real server; what was pressed."""
    pressed: list[Action] = []

    async def run() -> T:
        server = FrameServer(folder / "display.sock", lambda: picture, pressed.append)
        await server.start()
        try:
            return await action(ScreenRelay(str(folder / "admin.sock")))
        finally:
            server.stop()

    return asyncio.run(run()), pressed


def test_the_screen_s_picture_and_buttons_are_passed_on(tmp_path: Path) -> None:
    async def use(relay: ScreenRelay) -> bytes:
        await relay.press("next")
        return await relay.picture()

    assert with_screen(tmp_path, PICTURE, use) == (PICTURE, [Action.NEXT])


def test_what_the_screen_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    async def press(relay: ScreenRelay) -> int:
        with pytest.raises(Refusal) as caught:
            await relay.press({"power": 1})
        return caught.value.status

    async def look(relay: ScreenRelay) -> int:
        with pytest.raises(Refusal) as caught:
            await relay.picture()
        return caught.value.status

    assert with_screen(tmp_path, PICTURE, press) == (400, [])
    assert with_screen(tmp_path, None, look) == (503, [])


def test_without_a_screen_s_process_the_way_out_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="does not answer") as caught:
        asyncio.run(ScreenRelay(str(tmp_path / "admin.sock")).picture())
    assert caught.value.status == 503
    assert "gatelight-display" in caught.value.way_out


@pytest.mark.parametrize("answer", [b"", b"hello", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 xx\r\n\r\n"])
def test_an_answer_that_is_cut_is_no_picture(answer: bytes) -> None:
    with pytest.raises(Refusal, match="not HTTP"):
        parse_answer(answer)


def ask_helper(folder: Path, request: dict[str, Any], answer: bytes) -> tuple[Any, bytes]:
    """What the relay makes of a helper's line, and what the helper was sent."""
    path = folder / "helper.sock"
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.write(answer)
        writer.close()

    async def run() -> Any:
        server = await asyncio.start_unix_server(serve, str(path))
        try:
            return await HdmiRelay(path).ask(request)
        finally:
            server.close()

    try:
        return asyncio.run(run()), heard[0]
    finally:
        path.unlink(missing_ok=True)


def test_the_helper_is_asked_in_one_line_and_its_answer_handed_on(tmp_path: Path) -> None:
    request = {"do": "set", "mode": "1920x1080@60", "port": 0}
    answered, heard = ask_helper(tmp_path, request, b'{"said": ["done"]}\n')
    assert answered == {"said": ["done"]}
    assert json.loads(heard) == request


def test_the_real_helper_tries_a_mode_and_says_why_it_keeps_none(tmp_path: Path) -> None:
    pi = CardboardPi(tmp_path)
    pi.is_a("Raspberry Pi 4 Model B Rev 1.4")
    pi.boot_files({"config.txt": b"dtoverlay=vc4-kms-v3d\n", "cmdline.txt": b"root=/dev/x\n"})
    arguments = (HdmiBox(root=pi.root, machine=pi), [str(os.getuid())], 30.0)
    threading.Thread(target=serve, args=arguments, daemon=True).start()
    path = pi.root / str(SOCKET).lstrip("/")
    wait_until(path.is_socket, "the helper")
    relay = HdmiRelay(path)
    wish = {"do": "set", "wish": {"mode": "1280x1024@60"}, "seconds": 30}
    assert asyncio.run(relay.ask(wish))["trial_seconds"] == 30
    with pytest.raises(Refusal, match="cannot be answered") as caught:
        asyncio.run(relay.ask({"do": "confirm"}))
    assert caught.value.status == 409
    assert asyncio.run(relay.ask({"do": "undo"}))["said"]


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (b'{"error": {"what": "no", "where": "HDMI", "way_out": "wait"}}\n', 409, "no"),
        (b"[]\n", 502, "not understood"),
        (b"hello\n", 503, "does not answer"),
        (b"", 503, "does not answer"),
        (b"x" * 9000, 503, "does not answer"),
    ],
    ids=["refused", "no object", "no JSON", "gone", "too long"],
)
def test_a_helper_that_refuses_or_babbles_is_told_in_words(
    tmp_path: Path, answer: bytes, status: int, words: str
) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        ask_helper(tmp_path, {"do": "confirm"}, answer)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "request_", [{}, {"do": "write"}, {"do": ["set"]}, {"do": "set", "x": "x" * 5000}]
)
def test_only_what_the_helper_knows_is_sent_to_it(tmp_path: Path, request_: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        asyncio.run(HdmiRelay(tmp_path / "none.sock").ask(request_))


def test_without_a_helper_it_is_said_how_to_have_one(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="No such file") as caught:
        asyncio.run(HdmiRelay(tmp_path / "none.sock").ask({"do": "confirm"}))
    assert "gatelight-hdmi.socket" in caught.value.way_out


def make_command(folder: Path, code: str) -> str:
    path = folder / "gatelight-hdmi"
    path.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
    path.chmod(0o755)
    return str(path)


def test_what_only_reads_is_the_command_s_own_json(tmp_path: Path) -> None:
    command = make_command(tmp_path, 'print(\'{"asked": "%s"}\' % sys.argv[1])')
    shown = asyncio.run(HdmiRelay(tmp_path / "none.sock", command).show())
    assert shown == {"show": {"asked": "show"}, "modes": {"asked": "modes"}, "can_change": False}


def test_a_command_that_fails_is_told_in_its_words(tmp_path: Path) -> None:
    command = make_command(tmp_path, 'sys.exit("gatelight: no HDMI port with this box: see it")')
    with pytest.raises(Refusal, match="no HDMI port"):
        asyncio.run(HdmiRelay(tmp_path / "none.sock", command).show())

"""What the dashboard gets of the screen, over a real socket."""

import asyncio
import json
import socket
import stat
from pathlib import Path

import pytest

from display.controls.actions import Action
from display.frame_server import FrameServer, parse_press, socket_beside


@pytest.mark.parametrize(
    ("body", "action"),
    [
        (b'{"button": "next"}', Action.NEXT),
        (b'{"button": "act"}', Action.ACT),
        (b'{"button": "power"}', None),
        (b'{"button": ["next"]}', None),
        (b"[]", None),
        (b"", None),
        (b"\xff", None),
    ],
)
def test_a_press_is_one_of_a_few(body: bytes, action: Action | None) -> None:
    assert parse_press(body) is action


def test_the_socket_lies_beside_the_admin_socket() -> None:
    assert socket_beside("/run/gatelight/admin.sock") == Path("/run/gatelight/display.sock")


def ask(
    tmp_path: Path, request: bytes, picture: bytes | None = b"PNG"
) -> tuple[int, bytes, list[Action]]:
    """The answer's status and body, and what was pressed."""
    pressed: list[Action] = []
    path = tmp_path / "display.sock"

    async def talk() -> bytes:
        server = FrameServer(path, lambda: picture, pressed.append)
        await server.start()
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(request)
        answer = await reader.read()
        writer.close()
        server.stop()
        return answer

    head, _, body = asyncio.run(talk()).partition(b"\r\n\r\n")
    assert not path.exists()
    return int(head.split(b" ")[1]), body, pressed


def post(body: bytes) -> bytes:
    head = f"POST /v1/screen/press HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_the_picture_is_given(tmp_path: Path) -> None:
    assert ask(tmp_path, b"GET /v1/screen.png HTTP/1.1\r\n\r\n")[:2] == (200, b"PNG")


def test_a_press_is_taken(tmp_path: Path) -> None:
    assert ask(tmp_path, post(b'{"button": "back"}')) == (204, b"", [Action.BACK])


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /v1/nothing HTTP/1.1\r\n\r\n", 404),
        (b"POST /v1/screen.png HTTP/1.1\r\n\r\n", 405),
        (b"GET /v1/screen/press HTTP/1.1\r\n\r\n", 405),
        (b"nonsense\r\n\r\n", 400),
        (post(b'{"button": "power"}'), 400),
        (post(b" " * 2000), 413),
        (b"POST /v1/screen/press HTTP/1.1\r\n\r\n", 413),
    ],
)
def test_anything_else_is_refused_in_words(
    tmp_path: Path, request_bytes: bytes, status: int
) -> None:
    answered, body, pressed = ask(tmp_path, request_bytes)
    assert (answered, pressed) == (status, [])
    assert set(json.loads(body)["error"]) == {"what", "where", "way_out"}


def test_without_a_picture_yet_it_says_so(tmp_path: Path) -> None:
    assert ask(tmp_path, b"GET /v1/screen.png HTTP/1.1\r\n\r\n", picture=None)[0] == 503


def test_a_socket_left_by_a_killed_process_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "display.sock"))
    left.close()
    assert ask(tmp_path, b"GET /v1/screen.png HTTP/1.1\r\n\r\n")[0] == 200


def test_a_folder_that_cannot_be_written_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = FrameServer(tmp_path / "gone" / "display.sock", lambda: None, lambda action: None)
    asyncio.run(server.start())
    server.stop()
    assert "no socket for the dashboard" in capsys.readouterr().err

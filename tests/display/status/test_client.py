"""Hearing the box, over a real socket."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from display.scenarios import make_calm
from display.status import client
from display.status.client import ClientError, EventParser, fetch_status, follow
from display.status.model import Status

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
CALM = json.dumps(make_calm()).encode()
EVENT = b"event: status\ndata: " + CALM + b"\n\n"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@pytest.mark.parametrize(
    "stream",
    [
        b"event: status\ndata: 1\n\ndata: 2\n\n",
        b"event: status\r\ndata: 1\r\n\r\ndata:2\r\n\r\n",
        b": a comment\nevent:status\ndata: 1\nid: 7\n\ndata: 2\n\n",
    ],
    ids=["line feeds", "carriage returns", "comments"],
)
def test_events_are_read_however_they_are_cut(stream: bytes) -> None:
    expected = [("status", "1"), ("message", "2")]
    assert EventParser().feed(stream) == expected
    parser = EventParser()
    found = [event for byte in stream for event in parser.feed(bytes([byte]))]
    assert found == expected


def test_an_event_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_EVENT_BYTES", 100)
    with pytest.raises(ClientError, match="too long"):
        EventParser().feed(b"data: " + b"x" * 200)


def hear(path: Path, *answers: bytes, most: int = 10) -> list[Status]:
    """Follows a server that sends the parts one after the other and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for answer in answers:
            writer.write(answer)
            await writer.drain()
        writer.close()

    async def listen() -> list[Status]:
        server = await asyncio.start_unix_server(serve, str(path))
        heard = []
        try:
            async for status in follow(str(path)):
                heard.append(status)
                if len(heard) == most:
                    break
        finally:
            server.close()
        return heard

    return asyncio.run(listen())


def test_statuses_come_as_the_box_sends_them(tmp_path: Path) -> None:
    heard = hear(tmp_path / "s", HEAD, EVENT, b"event: other\ndata: x\n\n", EVENT[:50], EVENT[50:])
    assert [status.box.hostname for status in heard] == ["gatelight", "gatelight"]


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 200", HEAD + b"event: status\ndata: {\n\n"],
    ids=["not found", "cut", "not JSON"],
)
def test_another_answer_is_an_error(tmp_path: Path, answer: bytes) -> None:
    with pytest.raises(OSError, match="the box"):
        hear(tmp_path / "s", answer)


def test_without_a_socket_it_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fetch_status(str(tmp_path / "gone"))


def test_a_silent_box_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE_S", 0.05)
    path = str(tmp_path / "s")

    async def listen() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(HEAD)
            await reader.read()
            writer.close()

        server = await asyncio.start_unix_server(serve, path)
        try:
            async for _ in follow(path):
                pass
        finally:
            server.close()

    with pytest.raises(TimeoutError):
        asyncio.run(listen())

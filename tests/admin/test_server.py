"""The admin API over a real Unix socket."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.admin import connection
from appliance.admin import server as admin
from appliance.admin.exchange import Refusal, Request
from appliance.admin.server import AdminServer, send_to_https
from appliance.quantities import Address
from tests.support.admin import STATUS, Office, ask_raw

Ask = Callable[[bytes], Awaitable[bytes]]


def serve(folder: Path, action: Callable[[Ask], Awaitable[None]]) -> None:
    """Runs the server and `action` beside it."""
    path = folder / "made" / "admin.sock"

    async def run() -> None:
        server = AdminServer(str(path), Office(folder).app.ask)
        await server.start()
        await action(lambda data: ask_raw(str(path), data))
        await server.stop()
        assert not path.exists()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("request_line", "status", "content"),
    [
        ("GET /v1/status HTTP/1.1", 200, STATUS),
        ("GET /v1/status?pretty=1 HTTP/1.0", 200, STATUS),
        ("GET /v1/sites HTTP/1.1", 200, STATUS["sites"]),
        ("GET /v1/sites/A.test HTTP/1.1", 200, {"host": "a.test"}),
        ("GET /v1/sites/%2A HTTP/1.1", 200, {"host": "*"}),
        ("GET /v1/sites/b.test HTTP/1.1", 404, ("there is no such site", "b.test")),
        ("GET /v1/certificates HTTP/1.1", 200, [{"host": "a.test"}]),
        ("GET /v1/roots HTTP/1.1", 200, [{"name": "Test", "pem": "-----BEGIN CERTIFICATE-----\n"}]),
        ("POST /v1/certificates/A.test/renew HTTP/1.1", 200, {"host": "a.test"}),
        (
            "POST /v1/certificates/%2A/renew HTTP/1.1",
            409,
            ("the certificate comes from /a.pem", "*"),
        ),
        ("POST /v1/certificates/b/renew HTTP/1.1", 404, ("there is no site b", "b")),
        ("POST /v1/certificates HTTP/1.1", 405, ("POST is not answered", "/v1/certificates")),
        ("GET /v1/ HTTP/1.1", 404, ("there is nothing here", "/v1/")),
        ("DELETE /v1/status HTTP/1.1", 405, ("DELETE is not answered", "/v1/status")),
        ("hello", 400, ("not an HTTP request", "")),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_request_has_its_answer(
    tmp_path: Path, request_line: str, status: int, content: Any
) -> None:
    async def action(ask: Ask) -> None:
        head, body = (await ask(f"{request_line}\r\nHost: box\r\n\r\n".encode())).split(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert b"Content-Length: %d" % len(body) in head
        found = json.loads(body)
        if isinstance(content, tuple):
            assert (found["error"]["what"], found["error"]["where"]) == content
            assert found["error"]["way_out"]
        else:
            assert found == content

    serve(tmp_path, action)


def test_head_has_no_body(tmp_path: Path) -> None:
    async def action(ask: Ask) -> None:
        answer = await ask(b"HEAD /v1/status HTTP/1.1\r\nHost: box\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\n")

    serve(tmp_path, action)


def test_a_head_too_large_is_refused(tmp_path: Path) -> None:
    async def action(ask: Ask) -> None:
        head = (
            b"GET / HTTP/1.1\r\nHost: box\r\nX: " + b"x" * connection.MAX_HEAD_BYTES + b"\r\n\r\n"
        )
        assert (await ask(head)).startswith(b"HTTP/1.1 431 ")

    serve(tmp_path, action)


def test_events_carry_the_status_again_and_again(tmp_path: Path) -> None:
    async def action(ask: Ask) -> None:
        path = str(tmp_path / "made" / "admin.sock")
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: box\r\n\r\n")
        async with asyncio.timeout(10):
            assert b"text/event-stream" in await reader.readuntil(b"\r\n\r\n")
            for _ in range(3):
                event = (await reader.readuntil(b"\n\n")).decode()
                name, data = event.strip().split("\n")
                assert name == "event: status"
                assert json.loads(data.removeprefix("data: ")) == STATUS
        writer.close()

    serve(tmp_path, action)


def test_connections_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "MAX_CONNECTIONS", 1)

    async def action(ask: Ask) -> None:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "made" / "admin.sock"))
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: box\r\n\r\n")
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\n")
            assert (await ask(b"GET /v1/status HTTP/1.1\r\nHost: box\r\n\r\n")).startswith(
                b"HTTP/1.1 503 "
            )
            writer.close()
            while b" 200 " not in await ask(b"GET /v1/status HTTP/1.1\r\nHost: box\r\n\r\n"):
                await asyncio.sleep(0.01)

    serve(tmp_path, action)


def test_the_socket_is_for_owner_and_group(tmp_path: Path) -> None:
    async def action(ask: Ask) -> None:
        mode = os.stat(tmp_path / "made" / "admin.sock").st_mode
        assert stat.S_IMODE(mode) == 0o660

    serve(tmp_path, action)


def start(path: Path) -> AdminServer:
    server = AdminServer(str(path), send_to_https)
    asyncio.run(server.start())
    return server


def test_a_stale_socket_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "made" / "admin.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    async def action(ask: Ask) -> None:
        assert b" 200 " in await ask(b"GET /v1/status HTTP/1.1\r\nHost: box\r\n\r\n")

    serve(tmp_path, action)
    assert capsys.readouterr().err == ""


def test_a_file_of_somebody_s_is_never_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "precious"
    path.write_text("precious")
    start(path)
    assert path.read_text() == "precious"
    said = capsys.readouterr().err
    assert "no admin socket at" in said
    assert "a file that is not a socket" in said


def test_another_s_socket_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        server = start(path)
        asyncio.run(server.stop())
        assert path.exists()
    assert "another process listens there" in capsys.readouterr().err


def test_a_place_that_cannot_be_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    start(tmp_path / "file" / "admin.sock")
    start(tmp_path / ("x" * 200))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all("set admin_socket in [listen]" in line for line in said)


def test_without_a_certificate_the_port_says_so_and_gives_nothing_away(tmp_path: Path) -> None:
    async def run() -> None:
        app = Office(tmp_path).app
        address = Address("0.0.0.0", 0)
        server = AdminServer(str(tmp_path / "admin.sock"), app.ask, [address], lambda: None)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.addresses[0].port)
        writer.write(b"GET /v1/status HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(10):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"no certificate yet" in answer
        writer.close()
        await server.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("host", "location"),
    [
        ("gate.local:8470", "https://gate.local:8470/"),
        ("192.168.1.2", "https://192.168.1.2/"),
        ("[fd00::2]:8470", "https://[fd00::2]:8470/"),
    ],
)
def test_plain_http_is_sent_to_the_same_place_over_tls(host: str, location: str) -> None:
    request = Request("GET", ("",), fields={"host": host})
    answer = asyncio.run(send_to_https(request))
    assert (answer.status, dict(answer.fields)["Location"]) == (307, location)


@pytest.mark.parametrize("host", ["", "[", "a\r\nb", "a:port"])
def test_nobody_is_sent_to_what_is_no_host(host: str) -> None:
    with pytest.raises(Refusal, match="no host"):
        asyncio.run(send_to_https(Request("GET", ("",), fields={"host": host})))


POST = b"POST /v1/claim HTTP/1.1\r\nHost: box\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (POST + b"Content-Length: 20\r\n\r\n{", 408),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (POST + b"Content-Length: 1\r\n\r\n{", 400),
    ],
    ids=["late", "malformed", "whole"],
)
def test_a_body_that_does_not_come_is_not_waited_for_and_is_no_fault_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes, status: int
) -> None:
    monkeypatch.setattr(connection, "BODY_TIMEOUT_S", 0.1)
    office = Office(tmp_path)

    async def run() -> None:
        server = AdminServer(str(tmp_path / "admin.sock"), office.app.ask)
        await server.start()
        answer = await ask_raw(str(tmp_path / "admin.sock"), sent)
        assert int(answer.split(b" ")[1]) == status, answer
        await server.stop()

    asyncio.run(run())
    assert office.complaints == []

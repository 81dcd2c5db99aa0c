"""The chat over real WebSockets: a client that we did not write talks to it."""

import http.client
import socket
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.program import Program, running

LIMIT_S = 15


@pytest.fixture
def chat() -> Iterator[Program]:
    with running("examples/chat/chat.py", "--port", "0") as program:
        yield program


@pytest.fixture
def address(chat: Program) -> str:
    return chat.read_until("http://").removeprefix("http://")


def join(address: str) -> ClientConnection:
    return connect(f"ws://{address}/chat", open_timeout=LIMIT_S, close_timeout=LIMIT_S)


def reach(address: str) -> socket.socket:
    host, port = address.split(":")
    return socket.create_connection((host, int(port)), timeout=LIMIT_S)


def heard(client: ClientConnection) -> str:
    text = client.recv(LIMIT_S)
    assert isinstance(text, str)
    return text


def test_everybody_hears_everything(address: str) -> None:
    with join(address) as first, join(address) as second:
        assert heard(first) == "Welcome, User 1"
        assert heard(second) == "Welcome, User 2"
        second.send("hello, grüß dich")
        assert heard(first) == "User 2 says: hello, grüß dich"
        assert heard(second) == "User 2 says: hello, grüß dich"
        second.close()
        assert heard(first) == "User 2 has disconnected"


def test_numbers_are_not_given_out_twice(address: str) -> None:
    for number in (1, 2):
        with join(address) as client:
            assert heard(client) == f"Welcome, User {number}"


def test_somebody_who_vanishes_has_disconnected(address: str) -> None:
    with join(address) as stays:
        assert heard(stays) == "Welcome, User 1"
        with join(address) as leaves:
            assert heard(leaves) == "Welcome, User 2"
            leaves.socket.shutdown(socket.SHUT_RDWR)
            assert heard(stays) == "User 2 has disconnected"


def test_a_message_beyond_the_bound_ends_its_sender_only(address: str) -> None:
    with join(address) as stays, join(address) as leaves:
        assert heard(stays) == "Welcome, User 1"
        assert heard(leaves) == "Welcome, User 2"
        leaves.send("x" * 70000)
        with pytest.raises(ConnectionClosed) as caught:
            heard(leaves)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009
        assert heard(stays) == "User 2 has disconnected"


def test_a_reader_who_never_reads_is_let_go(address: str) -> None:
    with join(address) as talks, reach(address) as deaf:
        assert heard(talks) == "Welcome, User 1"
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(
            b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n"
        )
        deaf.recv(10)
        for _ in range(400):
            talks.send("x" * 60000)
            if heard(talks) == "User 2 has disconnected":
                return
    pytest.fail("it was kept")


def test_its_end_is_said_to_those_who_are_there(chat: Program, address: str) -> None:
    with join(address) as client:
        assert heard(client) == "Welcome, User 1"
        assert chat.end() == 0
        with pytest.raises(ConnectionClosed) as caught:
            heard(client)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1001


ANSWERS = {
    "the page": ("GET", "/", 200),
    "the page's head": ("HEAD", "/", 200),
    "the socket without a handshake": ("GET", "/chat", 426),
    "anything else": ("GET", "/favicon.ico", 404),
    "another method": ("POST", "/", 405),
}


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS.values(), ids=ANSWERS)
def test_plain_requests_are_answered(address: str, method: str, path: str, status: int) -> None:
    connection = http.client.HTTPConnection(address, timeout=LIMIT_S)
    connection.request(method, path)
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status == status


def test_the_page_asks_for_nothing_from_elsewhere(address: str) -> None:
    connection = http.client.HTTPConnection(address, timeout=LIMIT_S)
    connection.request("GET", "/")
    page = connection.getresponse().read()
    connection.close()
    assert b"http://" not in page
    assert b"https://" not in page


@pytest.mark.parametrize("data", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nnonsense\r\n\r\n"])
def test_nonsense_is_refused(address: str, data: bytes) -> None:
    with reach(address) as client:
        client.sendall(data)
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")

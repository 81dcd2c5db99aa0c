"""A restart with the sockets kept by systemd's store, under load: nobody is refused or cut off."""

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backend import Exchange, ScriptedBackend
from tests.support.box import Box, read_all, site, wait_until
from tests.support.load import Load
from tests.support.manager import Manager


async def slow(exchange: Exchange) -> None:
    """Half the answer, and the rest when somebody lets it."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
    await exchange.writer.drain()
    while not RELEASED.is_set():
        await asyncio.sleep(0.01)
    exchange.send(b"half")


RELEASED = threading.Event()


@pytest.fixture
def backend() -> Iterator[ScriptedBackend]:
    RELEASED.clear()
    with ScriptedBackend({"/slow": slow}) as started:
        yield started
        RELEASED.set()


def box_of(folder: Path, backend: ScriptedBackend) -> Box:
    """Two workers; the port is any that is free."""
    return Box(folder, site("*", backend.url), workers=2)


def ask(port: int, path: str) -> str:
    request = f"GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), 20) as sock:
            sock.sendall(request.encode())
            return read_all(sock).decode()
    except OSError as error:
        return str(error)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["restarted", "killed"])
def test_no_new_connection_is_refused(
    tmp_path: Path, backend: ScriptedBackend, number: signal.Signals
) -> None:
    """Killed, it cuts what is under way; what comes after waits for its successor."""
    with Manager(tmp_path, box_of(tmp_path, backend).config) as manager:
        port = port_of(manager)
        if number == signal.SIGTERM:
            with Load(port, clients=4) as load:
                for _ in range(3):
                    load.go_on(20)
                    assert manager.stop() == 0
                    manager.start()
                load.go_on(20)
            assert load.failed == 0
        else:
            manager.stop(number)
            with socket.create_connection(("127.0.0.1", port), 20) as waiting:
                waiting.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
                manager.start()
                assert read_all(waiting).startswith(b"HTTP/1.1 200 ")
        assert port_of(manager) == port


def test_a_request_under_way_ends_before_the_restart(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with Manager(tmp_path, box_of(tmp_path, backend).config) as manager:
        port = port_of(manager)
        answers: list[str] = []
        client = threading.Thread(target=lambda: answers.append(ask(port, "/slow")))
        client.start()
        wait_until(lambda: backend.heads, "the request at the backend")
        stopping = threading.Thread(target=manager.stop)
        stopping.start()
        wait_until(lambda: "STOPPING=1" in manager.told, "the drain")
        RELEASED.set()
        stopping.join(20)
        manager.start()
        client.join(20)
        assert answers[0].endswith("halfhalf")


def test_sockets_of_addresses_served_no_more_are_given_up(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    box = box_of(tmp_path, backend)
    with Manager(tmp_path, box.config) as manager:
        assert manager.names() == ["127.0.0.1_0", "127.0.0.1_0"]
        port = port_of(manager)
        assert manager.stop() == 0
        text = box.config.read_text().replace('"127.0.0.1:0"', '"[::1]:0"')
        box.config.write_text(text.replace("workers = 2", "workers = 1"))
        manager.start()
        wait_until(lambda: manager.names() == ["[__1]_0"], "only the new one")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 20)


def test_fewer_workers_take_over_fewer_sockets(tmp_path: Path, backend: ScriptedBackend) -> None:
    box = box_of(tmp_path, backend)
    with Manager(tmp_path, box.config) as manager:
        port = port_of(manager)
        assert manager.stop() == 0
        box.config.write_text(box.config.read_text().replace("workers = 2", "workers = 1"))
        manager.start()
        assert len(manager.kept) == 1
        assert all(ask(port, "/").startswith("HTTP/1.1 200 ") for _ in range(20))


def port_of(manager: Manager) -> int:
    """Where it listens, as it has last said."""
    line = [line for line in manager.errors.read_text().splitlines() if "listening on" in line][-1]
    return int(line.rsplit(":", 1)[1])

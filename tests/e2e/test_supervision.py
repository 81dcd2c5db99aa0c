"""Processes that die, hang, drain and change their sites, with real traffic."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backend import Exchange, ScriptedBackend
from tests.support.box import Box, read_all, read_head, site, wait_until
from tests.support.secure_box import SecureBox


async def upgrade(exchange: Exchange) -> None:
    """Echoes in capitals after 101, until the client ends its side."""
    exchange.send(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\nhi\n"
    )
    while data := await exchange.reader.read(4096):
        exchange.send(data.upper())
        await exchange.writer.drain()
    exchange.send(b"bye\n")
    await exchange.writer.drain()
    raise ConnectionError


async def slow(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
    await exchange.writer.drain()
    RELEASE.wait_in_steps()
    exchange.send(b"slow")


class Gatepost:
    def __init__(self) -> None:
        self.event = threading.Event()

    def wait_in_steps(self) -> None:
        assert self.event.wait(15)


RELEASE = Gatepost()
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: shout\r\n\r\n"
)


@pytest.fixture
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend({"/ws": upgrade}) as started:
        yield started


@pytest.mark.parametrize("kind", [Box, SecureBox], ids=["in the clear", "over TLS"])
def test_an_upgrade_carries_early_bytes_and_half_closes(
    tmp_path: Path, backend: ScriptedBackend, kind: type[Box]
) -> None:
    with kind(tmp_path, site("a.test", backend.url)) as box, box.connect() as sock:
        sock.sendall(UPGRADE + b"early ")
        head = read_head(sock)
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Upgrade: shout\r\n" in head
        sock.sendall(b"late")
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == b"hi\nEARLY LATEbye\n"
        line = box.log_lines(1)[0]
        assert '"GET /ws HTTP/1.1" 101 ' in line


def test_a_tunnel_outlives_a_change_of_all_sites(tmp_path: Path, backend: ScriptedBackend) -> None:
    with Box(tmp_path, site("a.test", backend.url)) as box, box.connect() as sock:
        sock.sendall(UPGRADE)
        read_head(sock)
        assert sock.recv(3) == b"hi\n"
        box.write(site("b.test", backend.url))
        started_s = time.monotonic()
        wait_until(lambda: b"200 OK" in box.get(host="b.test"), "the new site")
        assert time.monotonic() - started_s < 5
        assert b"404" in box.get(host="a.test")
        sock.sendall(b"still here")
        assert sock.recv(10) == b"STILL HERE"


def test_a_faulty_file_changes_nothing_and_is_named(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with Box(tmp_path, site("a.test", backend.url)) as box:
        box.write(site("b.test", backend.url) + "bakends = 1\n")
        wait_until(lambda: not box.status()["store"]["ok"], "a faulty store in the status")
        assert "bakends: unknown key; did you mean" in box.status()["store"]["error"]
        assert b"200 OK" in box.get(host="a.test")
        assert b"404" in box.get(host="b.test")
        box.write(site("b.test", backend.url))
        wait_until(lambda: b"200 OK" in box.get(host="b.test"), "the mended file")
        assert box.status()["store"]["ok"]


def worker_pids(box: Box) -> list[int]:
    return [worker["pid"] for worker in box.status()["proxy"]["workers"]]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT], ids=["killed", "crashed"])
def test_a_worker_that_dies_is_replaced_and_its_queue_served(
    tmp_path: Path, backend: ScriptedBackend, number: signal.Signals
) -> None:
    with Box(tmp_path, site("a.test", backend.url)) as box:
        assert b"200 OK" in box.get()
        (pid,) = worker_pids(box)
        os.kill(pid, signal.SIGSTOP)
        waiting = [box.connect() for _ in range(20)]
        for sock in waiting:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        os.kill(pid, number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        for sock in waiting:
            assert b"200 OK" in read_all(sock)
            sock.close()
        (fresh,) = worker_pids(box)
        assert fresh != pid
        status = box.status()["proxy"]
        assert status["workers"][0]["restarts"] == 1
        assert status["requests_total"] == 21


def test_control_dies_and_traffic_does_not_notice(tmp_path: Path, backend: ScriptedBackend) -> None:
    with Box(tmp_path, site("a.test", backend.url)) as box:
        (control,) = set(box.children()) - set(worker_pids(box))
        os.kill(control, signal.SIGKILL)
        assert b"200 OK" in box.get()
        wait_until(lambda: len(set(box.children()) - {control}) == 2, "another control")
        box.write(site("b.test", backend.url))
        wait_until(lambda: b"200 OK" in box.get(host="b.test"), "changes through the new control")


def test_a_respawned_worker_has_the_changed_sites(tmp_path: Path, backend: ScriptedBackend) -> None:
    with Box(tmp_path, site("a.test", backend.url)) as box:
        box.write(site("b.test", backend.url))
        wait_until(lambda: b"200 OK" in box.get(host="b.test"), "the change")
        (pid,) = worker_pids(box)
        os.kill(pid, signal.SIGKILL)
        assert b"200 OK" in box.get(host="b.test")


def test_sigterm_lets_a_request_end_and_exits_clean(tmp_path: Path) -> None:
    RELEASE.event.clear()
    with (
        ScriptedBackend({"/slow": slow}) as backend,
        Box(tmp_path, site("a.test", backend.url)) as box,
        box.connect() as sock,
    ):
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        read_head(sock)
        box.signal(signal.SIGTERM)
        wait_until(lambda: refused(box.port), "no more connections")
        RELEASE.event.set()
        assert read_all(sock) == b"slow"
        assert box.process.wait(10) == 0
        assert not box.socket.exists()


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


def test_killing_the_supervisor_leaves_no_orphan(tmp_path: Path, backend: ScriptedBackend) -> None:
    with Box(tmp_path, site("a.test", backend.url), workers=2) as box:
        wait_until(lambda: len(box.children()) == 3, "two workers and control")
        pids = box.children()
        box.process.kill()
        box.process.wait()
        wait_until(lambda: not any(alive(pid) for pid in pids), "the end of all children")


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        box = Box(tmp_path, site("a.test", "http://127.0.0.1:1"))
        text = box.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}")
        box.config.write_text(text)
        with pytest.raises(AssertionError, match=f"port {port} is in use"):
            box.__enter__()
        assert box.process.wait(5) == 1


def test_the_log_is_reopened_and_a_full_disk_is_survived(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with Box(tmp_path, site("a.test", backend.url)) as box:
        box.get("/first")
        box.log_lines(1)
        box.log.rename(tmp_path / "old.log")
        box.signal(signal.SIGUSR1)
        wait_until(lambda: box.get("/next") and box.log.exists(), "a new log file")
        box.log.unlink()
        box.log.symlink_to("/dev/full")
        box.signal(signal.SIGUSR1)

        def lost() -> bool:
            assert b"200 OK" in box.get()
            return bool(box.status()["proxy"]["log_lines_lost"])

        wait_until(lost, "lost lines in the status")
        assert "lines of the access log" in box.errors.read_text()


def test_a_backend_without_a_name_is_only_down(tmp_path: Path, backend: ScriptedBackend) -> None:
    sites = site("a.test", "http://nowhere.invalid", backend.url) + site(
        "b.test", "http://nowhere.invalid"
    )
    with Box(tmp_path, sites) as box:
        for _ in range(4):
            assert b"200 OK" in box.get()
        assert box.get(host="b.test").startswith(b"HTTP/1.1 503")
        down = box.status()["sites"][1]["backends"][0]
        assert down["state"] == "down"
        assert "nowhere.invalid" in down["last_error"]


def test_a_refused_connection_is_tried_on_the_next_backend(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with Box(tmp_path, site("a.test", f"http://127.0.0.1:{port}", backend.url)) as box:
        for _ in range(6):
            data = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
            assert b"length=2" in box.raw(data)


def test_a_stale_kept_connection_is_replaced_unseen(tmp_path: Path) -> None:
    async def once(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await exchange.writer.drain()
        await exchange.reader.readuntil(b"\r\n\r\n")
        raise ConnectionError

    with (
        ScriptedBackend({"/": once}) as backend,
        Box(tmp_path, site("a.test", backend.url)) as box,
    ):
        for _ in range(5):
            assert box.get().endswith(b"ok")


def test_a_unix_socket_is_a_backend(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    with (
        ScriptedBackend(path=path) as backend,
        Box(tmp_path, site("a.test", backend.url)) as box,
    ):
        assert b"200 OK" in box.get()


def test_sticky_clients_come_back_to_their_backend(tmp_path: Path) -> None:
    with (
        ScriptedBackend() as one,
        ScriptedBackend() as two,
        Box(tmp_path, site("a.test", one.url, two.url, more="sticky = true")) as box,
    ):
        head = box.get().partition(b"\r\n\r\n")[0].decode()
        cookie = head.split("Set-Cookie: ")[1].split(";")[0]
        first = one if one.heads else two
        for _ in range(6):
            assert b"Set-Cookie" not in box.get(more=f"Cookie: a=b; {cookie}\r\n")
        assert len(first.heads) == 7


def test_connections_per_client_are_limited_over_all_workers(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    more = "[limits]\nconnections_per_client = 4\nhead_timeout = '30s'"
    with Box(tmp_path, site("a.test", backend.url), more=more, workers=2) as box:
        held = [box.connect() for _ in range(4)]
        wait_until(lambda: box.status()["proxy"]["connections"] == 4, "four connections")
        assert box.get().startswith(b"HTTP/1.1 503")
        for sock in held:
            sock.close()
        wait_until(lambda: b"200 OK" in box.get(), "room again")


def test_a_head_that_trickles_in_is_ended(tmp_path: Path, backend: ScriptedBackend) -> None:
    with (
        Box(tmp_path, site("a.test", backend.url), "[limits]\nhead_timeout = '1s'") as box,
        box.connect() as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a.t")
        assert read_all(sock).startswith(b"HTTP/1.1 408")


def test_a_silent_backend_is_a_504(tmp_path: Path) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    with Box(tmp_path, site("a.test", url), "[limits]\nbackend_response = '1s'") as box:
        assert box.get().startswith(b"HTTP/1.1 504")
    silent.close()

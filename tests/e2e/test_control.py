"""The control process of a real box: files, routes for workers to come, the status while draining."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.status_command import fetch_status
from tests.support.backend import ScriptedBackend
from tests.support.box import Box, read_all, site, wait_until


@pytest.fixture
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


def processes(box: Box) -> tuple[int, int]:
    """The only worker and control."""

    def started() -> int:
        (worker,) = fetch_status(str(box.socket))["proxy"]["workers"]
        return int(worker["pid"])

    worker = int(wait_until(started, "a worker"))
    (control,) = set(box.children()) - {worker}
    return worker, control


def test_a_worker_that_starts_while_control_is_away_has_the_last_routes(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with Box(tmp_path, site("a.test", backend.url)) as box:
        box.write(site("b.test", backend.url.replace("127.0.0.1", "localhost")))
        wait_until(lambda: b"200 OK" in box.get(host="b.test"), "the change")
        worker, control = processes(box)
        os.kill(control, signal.SIGSTOP)
        os.kill(worker, signal.SIGKILL)
        assert b"200 OK" in box.get(host="b.test")
        os.kill(control, signal.SIGCONT)


def test_a_change_is_in_force_in_less_than_a_second(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with Box(tmp_path, site("a.test", backend.url), workers=2) as box:
        for number in range(5):
            host = f"s{number}.test"
            # A name that nobody can resolve must not hold up the others.
            box.write(site(host, backend.url) + site("lost.test", "http://nowhere.invalid"))
            written_s = time.monotonic()
            wait_until(lambda host=host: b"200 OK" in box.get(host=host), "the change")  # type: ignore[misc]
            assert time.monotonic() - written_s < 1


def test_sighup_reads_what_the_watch_cannot_see(tmp_path: Path, backend: ScriptedBackend) -> None:
    with Box(tmp_path, site("a.test", backend.url)) as box:
        found = box.config.stat()
        text = box.config.read_text().replace("a.test", "b.test")
        with box.config.open("r+") as file:
            file.write(text)
        os.utime(box.config, ns=(found.st_atime_ns, found.st_mtime_ns))
        box.signal(signal.SIGHUP)
        wait_until(lambda: b"200 OK" in box.get(host="b.test"), "the change")


def test_each_faulty_version_is_said_once(tmp_path: Path, backend: ScriptedBackend) -> None:
    with Box(tmp_path, site("a.test", backend.url)) as box:

        def said(words: str) -> int:
            return box.errors.read_text().count(words)

        for key in ("bakends", "stciky"):
            box.write(site("a.test", backend.url) + f"{key} = 1\n")
            wait_until(lambda key=key: said(key), "the fault")  # type: ignore[misc]
        since = fetch_status(str(box.socket))["store"]["since"]
        box.config.unlink()
        wait_until(lambda: said("the sites stay as they were") == 3, "a missing file")
        assert (said("bakends"), said("stciky")) == (1, 1)
        assert fetch_status(str(box.socket))["store"]["since"] == since
        box.write(site("b.test", backend.url))
        wait_until(lambda: b"200 OK" in box.get(host="b.test"), "the mended file")
        assert fetch_status(str(box.socket))["store"]["error"] is None


def test_the_status_says_draining_while_a_request_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Box(tmp_path, site("a.test", url)) as box, box.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            asked, _ = silent.accept()
            assert asked.recv(1000).startswith(b"GET / HTTP/1.1\r\n")
            box.signal(signal.SIGTERM)

            def draining() -> Any:
                return fetch_status(str(box.socket))["proxy"]["state"] == "draining"

            wait_until(draining, "draining")
            asked.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            assert read_all(client).endswith(b"ok")
            assert box.process.wait(10) == 0
            asked.close()
            assert not box.socket.exists()


def test_a_killed_control_opens_its_socket_anew(tmp_path: Path, backend: ScriptedBackend) -> None:
    with Box(tmp_path, site("a.test", backend.url)) as box:
        _, control = processes(box)
        os.kill(control, signal.SIGKILL)

        def answers() -> bool:
            try:
                return bool(fetch_status(str(box.socket))["version"])
            except OSError:
                return False

        wait_until(answers, "a status from the new control")
        assert "no admin socket" not in box.errors.read_text()

"""Backends that fail, are found out, and come back."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.status_command import fetch_status
from tests.support.backend import Exchange, ScriptedBackend
from tests.support.box import Box, site, wait_until
from tests.support.introduced import IntroducedBackend
from tests.support.secure import Authority, SecureServer

QUICK = "[site.health]\ninterval = '100ms'\ntimeout = '500ms'\nrise = 2\nfall = 3"


def backends_of(box: Box, host: str = "a.test") -> dict[str, Any]:
    status = fetch_status(str(box.socket))
    (found,) = (each for each in status["sites"] if each["host"] == host)
    return {each["url"]: each for each in found["backends"]}


def is_state(box: Box, url: str, state: str, host: str = "a.test") -> Callable[[], bool]:
    return lambda: bool(backends_of(box, host)[url]["state"] == state)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def well(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


class Moody:
    """A script that answers its health page as it is told to."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    async def __call__(self, exchange: Exchange) -> None:
        exchange.send(self.answer)


def test_checks_take_a_backend_out_and_bring_it_back(tmp_path: Path) -> None:
    mood = Moody()
    more = QUICK + "\npath = '/health'"
    with (
        ScriptedBackend({"/health": mood}) as one,
        ScriptedBackend({"/health": well}) as two,
        Box(tmp_path, site("a.test", one.url, two.url, more=more)) as box,
    ):
        wait_until(is_state(box, one.url, "up"), "the first backend up")
        mood.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
        wait_until(is_state(box, one.url, "down"), "the first backend down")
        found = backends_of(box)[one.url]
        assert found["last_error"] == "it answered 500"
        assert found["since"] is not None
        before = len([head for head in one.heads if b"GET /x " in head])
        for _ in range(6):
            assert box.get("/x").startswith(b"HTTP/1.1 200")
        assert len([head for head in one.heads if b"GET /x " in head]) == before
        (alert,) = fetch_status_with_alert(box)
        assert (alert["severity"], alert["id"]) == ("warning", f"backend:a.test:{one.url}")
        mood.answer = b"HTTP/1.1 204 Yes\r\n\r\n"
        wait_until(is_state(box, one.url, "up"), "the first backend up again")
        wait_until(lambda: not fetch_status(str(box.socket))["alerts"], "no alert any more")

        def is_asked() -> bool:
            box.get("/y")
            return any(b"GET /y " in head for head in one.heads)

        wait_until(is_asked, "traffic for the first backend again")


def fetch_status_with_alert(box: Box) -> Any:
    return wait_until(lambda: fetch_status(str(box.socket))["alerts"], "an alert")


def test_a_site_without_a_backend_says_what_is_down_and_since_when(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    with Box(tmp_path, site("a.test", url, more=QUICK)) as box:
        wait_until(is_state(box, url, "down"), "the backend down")

        def page() -> bytes:
            answer = box.get()
            return answer if answer.startswith(b"HTTP/1.1 503") else b""

        answer = wait_until(page, "a 503")
        assert b"\r\nRetry-After: 5\r\n" in answer
        assert f"<p>{url} is down since 20".encode() in answer
        assert b" UTC: connection refused.</p>" in answer
        (alert,) = fetch_status_with_alert(box)
        assert (alert["severity"], alert["id"]) == ("critical", "site:a.test")
        assert url in alert["text"]
        as_json = box.get(more="Accept: application/json\r\n")
        assert b'"details": ["http://127.0.0.1:' in as_json


def test_a_respawned_worker_knows_what_the_checks_found(tmp_path: Path) -> None:
    """The verdicts lie on the board, so it does not have to ask for them."""
    url = f"http://127.0.0.1:{closed_port()}"
    with Box(tmp_path, site("a.test", url, more=QUICK)) as box:
        wait_until(lambda: box.get().startswith(b"HTTP/1.1 503"), "a 503")

        def worker() -> Any:
            return fetch_status(str(box.socket))["proxy"]["workers"][0]

        os.kill(worker()["pid"], signal.SIGKILL)
        wait_until(lambda: worker()["restarts"] == 1, "another worker")
        assert box.get().startswith(b"HTTP/1.1 503")
        alerts = {each["id"]: each for each in fetch_status_with_alert(box)}
        wait_until(lambda: "worker" in alert_ids(box), "an alert of the restart")
        assert "site:a.test" in alerts


def alert_ids(box: Box) -> set[str]:
    return {each["id"] for each in fetch_status(str(box.socket))["alerts"]}


def test_a_new_control_goes_on_with_what_the_checks_found(tmp_path: Path) -> None:
    mood = Moody()
    mood.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    more = "[site.health]\ninterval = '100ms'\nfall = 1\nrise = 1000\npath = '/health'"
    with (
        ScriptedBackend({"/health": mood}) as backend,
        Box(tmp_path, site("a.test", backend.url, more=more)) as box,
    ):
        wait_until(is_state(box, backend.url, "down"), "the backend down")
        since = backends_of(box)[backend.url]["since"]
        mood.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        control = control_of(box)
        os.kill(control, signal.SIGKILL)
        wait_until(lambda: control_of(box) != control and box.socket.exists(), "another control")
        wait_until(lambda: status_of(box) is not None, "its status")
        found = backends_of(box)[backend.url]
        assert (found["state"], found["since"]) == ("down", since)
        # 1000 successes are needed: only a control that had forgotten would bring it back.
        assert box.get().startswith(b"HTTP/1.1 503")


def control_of(box: Box) -> int:
    """The child that is no worker."""
    status = wait_until(lambda: status_of(box), "a status")
    workers = {each["pid"] for each in status["proxy"]["workers"]}
    others = [pid for pid in box.children() if pid not in workers]
    return others[0] if others else 0


def status_of(box: Box) -> Any:
    try:
        return fetch_status(str(box.socket))
    except OSError:
        return None


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_checks_introduce_themselves_to_who_wants_it(tmp_path: Path, version: str) -> None:
    more = f'proxy_protocol = "{version}"\n{QUICK}\npath = "/health"'
    with (
        IntroducedBackend() as backend,
        Box(tmp_path, site("a.test", backend.url, more=more)) as box,
    ):
        wait_until(is_state(box, backend.url, "up"), "the backend up")
        assert set(backend.said) == {"UNKNOWN" if version == "v1" else "LOCAL"}


def test_checks_reach_unix_sockets_and_names(tmp_path: Path) -> None:
    path = str(tmp_path / "backend.sock")
    with ScriptedBackend(path=path) as unix, ScriptedBackend() as named:
        by_name = f"http://localhost:{named.port}"
        nobody = "http://nobody.invalid"
        sites = site("a.test", unix.url, by_name, nobody, more=QUICK)
        with Box(tmp_path, sites) as box:
            wait_until(is_state(box, unix.url, "up"), "the Unix socket up")
            wait_until(is_state(box, by_name, "up"), "the name up")
            wait_until(is_state(box, nobody, "down"), "no such name down")
            error = backends_of(box)[nobody]["last_error"]
            assert error == "the name nobody.invalid cannot be resolved"


def test_a_health_page_without_an_end_costs_nothing(tmp_path: Path) -> None:
    """A gigabyte is announced, and as much is sent as anybody takes."""

    async def flood(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):
            exchange.send(b"x" * 1_000_000)
            await exchange.writer.drain()

    more = QUICK + "\npath = '/health'"
    with (
        ScriptedBackend({"/health": flood}) as backend,
        Box(tmp_path, site("a.test", backend.url, more=more)) as box,
    ):
        wait_until(is_state(box, backend.url, "up"), "the backend up")
        control = control_of(box)
        before = resident_kb(control)
        asked = len(backend.heads)
        wait_until(lambda: len(backend.heads) > asked + 10, "ten more checks")
        assert resident_kb(control) - before < 4096
        assert is_state(box, backend.url, "up")()


def resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_a_backend_that_takes_connections_and_says_nothing_is_down(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        more = QUICK.replace("500ms", "100ms") + "\npath = '/health'"
        with Box(tmp_path, site("a.test", url, more=more)) as box:
            wait_until(is_state(box, url, "down"), "the backend down")
            assert backends_of(box)[url]["last_error"] == "no answer within 0.1 s"


def test_without_checks_a_site_is_as_its_traffic_shows(tmp_path: Path) -> None:
    with ScriptedBackend() as backend:
        gone = f"http://127.0.0.1:{closed_port()}"
        sites = site("a.test", backend.url) + site("b.test", gone)
        with Box(tmp_path, sites) as box:
            assert backends_of(box)[backend.url]["state"] == "unknown"
            box.get()
            wait_until(is_state(box, backend.url, "up"), "up after an answer")
            for _ in range(3):
                # The only backend there is stays in use, however often it fails.
                assert box.get(host="b.test").startswith(b"HTTP/1.1 502")
            wait_until(is_state(box, gone, "down", "b.test"), "down after failures")
            error = backends_of(box, "b.test")[gone]["last_error"]
            assert error.startswith("could not be reached (")


def test_a_backend_that_fails_is_avoided_and_no_request_is_lost(tmp_path: Path) -> None:
    gone = f"http://127.0.0.1:{closed_port()}"
    with (
        ScriptedBackend() as backend,
        Box(tmp_path, site("a.test", gone, backend.url)) as box,
    ):
        for _ in range(30):
            assert box.get().startswith(b"HTTP/1.1 200")
        lines = box.log_lines(30)
        assert all(f"backend={backend.url} " in line for line in lines)
        wait_until(is_state(box, gone, "down"), "down after failures")
        tried = [line for line in lines if "backend_ms=" in line]
        assert len(tried) == 30


def test_a_drained_backend_keeps_those_it_has(tmp_path: Path) -> None:
    with ScriptedBackend() as one, ScriptedBackend() as two:

        def sites(weights: str) -> str:
            return site("a.test", one.url, two.url, more=f"sticky = true\nweights = {weights}")

        with Box(tmp_path, sites("[1, 0]")) as box:
            cookie = box.get("/first").split(b"Set-Cookie: ")[1].split(b";")[0].decode()
            box.write(sites("[0, 1]"))
            wait_until(is_state(box, one.url, "draining"), "the first backend drained")

            def is_moved() -> bool:
                box.get("/new")
                return any(b"GET /new " in head for head in two.heads)

            wait_until(is_moved, "new clients at the second")
            moved = len(one.heads)
            for _ in range(4):
                box.get("/new")
            assert len(one.heads) == moved
            box.get("/old", more=f"Cookie: {cookie}\r\n")
            assert b"GET /old " in one.heads[-1]


def test_checks_over_tls_use_the_site_s_own_ca(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with SecureServer(*authority.issue("localhost")) as server:
        good, bad = f"https://localhost:{server.port}", f"https://127.0.0.1:{server.port}"
        more = f'backend_ca = "{authority.ca}"\n{QUICK}\npath = "/0"'
        with Box(tmp_path, site("a.test", good, bad, more=more)) as box:
            wait_until(is_state(box, good, "up"), "the backend with its name up")
            wait_until(is_state(box, bad, "down"), "the one without it down")
            assert "certificate" in backends_of(box)[bad]["last_error"].lower()

"""Whatever ends, hangs or runs out under load: what should lose nothing loses nothing."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance.status_command import fetch_status
from bench.kill_client import Outcome
from tests.support.backend import Exchange, ScriptedBackend
from tests.support.box import IN_A_NAMESPACE, ROOT, Box, site, wait_until
from tests.support.load import Load
from tests.support.moment import Moment
from tests.support.program import LIMIT_S

CLIENTS = 20
CHECKS = "[site.health]\ninterval = '200ms'\ntimeout = '500ms'\nrise = 2\nfall = 2"


def status_of(box: Box) -> Any:
    return fetch_status(str(box.socket))


def states(box: Box) -> list[str]:
    return [each["state"] for each in status_of(box)["sites"][0]["backends"]]


def worker_pids(box: Box) -> list[int]:
    return [each["pid"] for each in status_of(box)["proxy"]["workers"]]


def control_pid(box: Box) -> int:
    workers = worker_pids(box)
    return next(pid for pid in box.children() if pid not in workers)


@contextmanager
def hello(name: str, port: int = 0) -> Iterator["subprocess.Popen[bytes]"]:
    """A backend as a process of its own, which can be killed and stopped."""
    arguments = [str(ROOT / "examples/hello/hello.py"), "--name", name, "--port", str(port)]
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait(LIMIT_S)
        assert process.stdout is not None
        process.stdout.close()


def url_of(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def test_a_backend_is_killed(tmp_path: Path) -> None:
    """Only what it was answering may fail; it is not asked again until it is back."""
    with hello("one") as one, hello("two") as two:
        urls = url_of(one), url_of(two)
        with Box(tmp_path, site("*", *urls, more=CHECKS)) as box, Load(box.port, CLIENTS) as load:
            load.go_on(200)
            one.kill()
            load.go_on(300)
            assert load.failed <= CLIENTS
            wait_until(lambda: states(box) == ["down", "up"], "one down")
            before = load.failed
            load.go_on(300)
            with hello("one", int(urls[0].rpartition(":")[2])) as again:
                url_of(again)
                wait_until(lambda: states(box) == ["up", "up"], "one up again")
                load.go_on(300)
            assert load.failed - before <= CLIENTS


def test_a_backend_hangs(tmp_path: Path) -> None:
    """What it was asked waits for its limit; then it is left alone."""
    more = "[limits]\nbackend_response = '1s'"
    with hello("one") as one, hello("two") as two:
        urls = url_of(one), url_of(two)
        sites = site("*", *urls, more=CHECKS + "\npath = '/'")
        with Box(tmp_path, sites, more) as box, Load(box.port, CLIENTS) as load:
            load.go_on(200)
            one.send_signal(signal.SIGSTOP)
            wait_until(lambda: states(box) == ["down", "up"], "one down")
            time.sleep(2)  # until the last of those it was asked has met its limit
            before = load.failed
            load.go_on(300)
            assert load.failed == before
            assert before <= 2 * CLIENTS
            one.send_signal(signal.SIGCONT)
            wait_until(lambda: states(box) == ["up", "up"], "one up again")
            load.go_on(300)
            assert load.failed == before


def test_a_backend_resets_in_the_middle_of_its_answers(tmp_path: Path) -> None:
    """Those answers are seen to be cut short, and all others arrive."""
    resets = 0

    async def sometimes(exchange: Exchange) -> None:
        nonlocal resets
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b"x" * 2000)
        await exchange.writer.drain()
        if len(backend.heads) % 10 == 0:
            resets += 1
            exchange.writer.transport.abort()
            raise ConnectionResetError
        exchange.send(b"x" * 2000)

    with (
        ScriptedBackend({"/": sometimes}) as backend,
        Box(tmp_path, site("*", backend.url)) as box,
    ):
        with Load(box.port, CLIENTS) as load:
            load.go_on(400)
        assert resets >= 40
        assert load.failed == resets


def test_all_backends_go_and_come_back(tmp_path: Path) -> None:
    with ExitStack() as stack:
        ones = [stack.enter_context(hello(name)) for name in "ab"]
        urls = [url_of(one) for one in ones]
        box = stack.enter_context(Box(tmp_path, site("*", *urls, more=CHECKS)))
        load = stack.enter_context(Load(box.port, CLIENTS))
        load.go_on(100)
        for one in ones:
            one.kill()
        wait_until(lambda: states(box) == ["down", "down"], "all down")
        wait_until(lambda: box.get().startswith(b"HTTP/1.1 503"), "a 503")
        for url in urls:
            url_of(stack.enter_context(hello("back", int(url.rpartition(":")[2]))))
        wait_until(lambda: states(box) == ["up", "up"], "all up again")
        wait_until(lambda: box.get().startswith(b"HTTP/1.1 200"), "a 200")
        before = load.failed
        load.go_on(300)
        assert load.failed - before <= CLIENTS, "only what was under way while they came back"


def test_a_name_comes_to_stand_for_another_address(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"

    def stands_for(*addresses: str) -> None:
        lines = ["127.0.0.1 localhost", *(f"{address} moving.test" for address in addresses)]
        hosts.write_text("\n".join(lines) + "\n")

    stands_for("127.0.0.1")
    command = f'mount --bind {hosts} /etc/hosts && exec "$0" "$@"'
    with ScriptedBackend() as here, ScriptedBackend(host="127.0.0.2", port=here.port) as there:
        sites = site("*", f"http://moving.test:{here.port}")
        with Box(tmp_path, sites, wrap=(*IN_A_NAMESPACE, command)) as box:
            with Load(box.port, CLIENTS) as load:
                load.go_on(100)
                assert not there.heads
                stands_for("127.0.0.2")
                box.signal(signal.SIGHUP)
                wait_until(lambda: there.heads, "requests at the other address")
                load.go_on(CLIENTS)
                before = len(here.heads)
                load.go_on(100)
                assert len(here.heads) == before, "kept connections have ended too"
                stands_for()
                box.signal(signal.SIGHUP)
                load.go_on(100)
            assert load.failed == 0, "a name that fails keeps what it stood for"


def test_a_worker_is_killed(tmp_path: Path) -> None:
    with ScriptedBackend() as backend, Box(tmp_path, site("*", backend.url), workers=2) as box:
        with Load(box.port, CLIENTS) as load:
            load.go_on(100)
            os.kill(worker_pids(box)[0], signal.SIGKILL)
            load.go_on(300)
        assert load.failed <= CLIENTS
        assert not load.outcomes[Outcome.REFUSED]


def test_a_worker_is_stopped(tmp_path: Path) -> None:
    """It is found out and replaced; who waited in its queue is served by its successor."""
    with ScriptedBackend() as backend, Box(tmp_path, site("*", backend.url), workers=2) as box:
        with Load(box.port, CLIENTS) as load:
            load.go_on(100)
            stopped = worker_pids(box)[0]
            os.kill(stopped, signal.SIGSTOP)
            wait_until(lambda: stopped not in worker_pids(box), "another worker", 30)
            load.go_on(300)
        assert load.failed <= CLIENTS
        assert not load.outcomes[Outcome.REFUSED]


def test_control_is_killed(tmp_path: Path) -> None:
    with ScriptedBackend() as backend, Box(tmp_path, site("*", backend.url), workers=2) as box:
        with Load(box.port, CLIENTS) as load:
            load.go_on(100)
            killed: set[int | None] = {None}
            for _ in range(3):
                control = wait_for_control(box, killed)
                os.kill(control, signal.SIGKILL)
                killed.add(control)
                load.go_on(100)
            wait_for_control(box, killed)
        assert load.failed == 0


def wait_for_control(box: Box, killed: set[int | None]) -> int:
    """A control process that is none of those."""
    wait_until(lambda: control_pid_or_none(box) not in killed, "another control process")
    return control_pid(box)


def control_pid_or_none(box: Box) -> int | None:
    try:
        return control_pid(box)
    except (OSError, StopIteration, ValueError):
        return None


def test_the_configuration_is_replaced_fifty_times(tmp_path: Path) -> None:
    """Neither a request nor a tunnel is cut, and each change is in force."""

    async def upgrade(exchange: Exchange) -> None:
        exchange.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: t\r\n\r\n"
        )
        while data := await exchange.reader.read(100):
            exchange.send(data)

    with ScriptedBackend({"/tunnel": upgrade}) as one, ScriptedBackend() as two:
        everywhere = site("*", one.url, two.url)
        with Box(tmp_path, everywhere, workers=2) as box, box.connect() as tunnel:
            tunnel.sendall(
                b"GET /tunnel HTTP/1.1\r\nHost: t.test\r\nConnection: Upgrade\r\nUpgrade: t\r\n\r\n"
            )
            assert tunnel.recv(1000).startswith(b"HTTP/1.1 101")
            with Load(box.port, CLIENTS) as load:
                for number in range(50):
                    name = f"site-{number}.test"
                    box.write(everywhere + site(name, two.url, more="sticky = true"))
                    wait_until(
                        lambda name=name: b"Set-Cookie: gatelight=" in box.get(host=name),  # type: ignore[misc]
                        f"{name} in force",
                    )
            tunnel.sendall(b"still here")
            assert tunnel.recv(1000) == b"still here"
        assert load.failed == 0
        assert load.outcomes.total() > 50


def test_the_disk_is_full(tmp_path: Path) -> None:
    """Lines of the log are lost and counted; traffic and changes of sites go on."""
    small = tmp_path / "small"
    small.mkdir()
    command = (
        f"mount -t tmpfs -o size=64k none {small} && "
        f'{{ cat /dev/zero > {small}/ballast 2>/dev/null; exec "$0" "$@"; }}'
    )
    with ScriptedBackend() as backend:
        box = Box(tmp_path, site("*", backend.url), wrap=(*IN_A_NAMESPACE, command))
        box.config.write_text(
            box.config.read_text()
            .replace(str(box.log), f"{small}/access.log")
            .replace(f'state_dir = "{tmp_path}"', f'state_dir = "{small}"')
        )
        with box:
            with Load(box.port, CLIENTS) as load:
                load.go_on(300)
                wait_until(lambda: status_of(box)["proxy"]["log_lines_lost"], "lines lost")
                ids = wait_until(lambda: {"log", "disk"} <= alert_ids(box), "alerts")
                assert ids
            assert load.failed == 0


def alert_ids(box: Box) -> set[str]:
    return {each["id"] for each in status_of(box)["alerts"]}


def test_open_files_run_out(tmp_path: Path) -> None:
    """Connections wait, nobody is refused, and when files are there again all are served."""
    limit = 160
    wrap = ("prlimit", f"--nofile={limit}:{limit}")
    more = "[limits]\nidle_timeout = '60s'"
    with (
        ScriptedBackend() as backend,
        Box(tmp_path, site("*", backend.url), more, wrap=wrap) as box,
    ):
        idle = [box.connect() for _ in range(3 * limit)]
        try:
            for sock in idle[: limit // 4]:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
            wait_until(lambda: "files are open: connections wait" in box.errors.read_text(), "that")
            wait_until(lambda: "files" in alert_ids(box), "an alert")
            worker = worker_pids(box)[0]
            assert len(os.listdir(f"/proc/{worker}/fd")) < limit
        finally:
            for sock in idle:
                sock.close()
        with Load(box.port, CLIENTS) as load:
            load.go_on(300)
        assert load.failed == 0
        wait_until(lambda: "connections are taken again" in box.errors.read_text(), "room again")
        assert worker_pids(box) == [worker]


def test_five_thousand_slow_heads_keep_nobody_waiting(tmp_path: Path) -> None:
    """From many addresses, as each may have a thousand connections at most."""
    slow_clients = 5000
    with ScriptedBackend() as backend, Box(tmp_path, site("*", backend.url)) as box:
        slow: list[socket.socket] = []
        try:
            for number in range(slow_clients):
                source = (f"127.0.1.{number // 200 + 1}", 0)
                sock = socket.create_connection(("127.0.0.1", box.port), 20, source)
                sock.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Slow: ")
                slow.append(sock)
            wait_until(
                lambda: status_of(box)["proxy"]["connections"] >= slow_clients, "all connected"
            )
            with Load(box.port, CLIENTS) as load:
                for turn in range(5):
                    for sock in slow:
                        trickle(sock, turn)
                    load.go_on(100)
            assert load.failed == 0
            wait_until(lambda: status_of(box)["proxy"]["connections"] == 0, "all ended", 30)
        finally:
            for sock in slow:
                sock.close()


def trickle(sock: socket.socket, turn: int) -> None:
    try:
        sock.sendall(b"%d" % turn)
    except OSError:
        pass  # its time was over


@pytest.mark.parametrize("offset", ["+400d", "-400d"])
def test_the_clock_jumps(tmp_path: Path, offset: str) -> None:
    """Limits count seconds, not dates: nothing ends or waits because of it."""
    moment = Moment(tmp_path)
    with (
        ScriptedBackend() as backend,
        Box(
            tmp_path,
            site("*", backend.url, more=CHECKS),
            environment=moment.environment,
        ) as box,
    ):
        before = status_of(box)["time"]
        with Load(box.port, CLIENTS) as load, box.connect() as kept:
            kept.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert kept.recv(65536).startswith(b"HTTP/1.1 200")
            load.go_on(100)
            moment.move(offset)
            wait_until(lambda: status_of(box)["time"][:4] != before[:4], "another year")
            load.go_on(300)
            kept.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert kept.recv(65536).startswith(b"HTTP/1.1 200")
            expected = {"clock"} if offset.startswith("-") else set()
            wait_until(lambda: alert_ids(box) == expected, f"{expected} as alerts")
        assert load.failed == 0
        assert states(box) == ["up"]
        assert all(each["restarts"] == 0 for each in status_of(box)["proxy"]["workers"])

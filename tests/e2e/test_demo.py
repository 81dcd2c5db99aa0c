"""`gatelight demo` as a person meets it."""

import http.client
import json
import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.box import wait_until
from tests.support.program import LIMIT_S, Program, running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def demo(port: int) -> list[str]:
    return ["-m", "appliance", "demo", "--port", str(port)]


def get(port: int, host: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/", headers={"Host": host})
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def family(pid: int) -> set[int]:
    """The processes below `pid`, by what /proc says."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found: set[int] = set()
    fresh = {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def assert_all_end(pids: set[int]) -> None:
    until_s = time.monotonic() + LIMIT_S
    while time.monotonic() < until_s:
        if not any(map(is_alive, pids)):
            return
        time.sleep(0.02)
    pytest.fail(f"still there: {[pid for pid in pids if is_alive(pid)]}")


def admin_socket(program: Program) -> Path:
    return Path(program.read_until("--socket").split("--socket ")[1].split()[0])


def test_all_three_hellos_and_the_chat_answer() -> None:
    port = free_port()
    with running(*demo(port)) as program:
        program.read_until("Ctrl-C")
        said = {get(port, "hello.localhost").splitlines()[0] for _ in range(60)}
        assert said == {"hello 1 answered", "hello 2 answered", "hello 3 answered"}
        assert "<title>Chat</title>" in get(port, "chat.localhost")


def test_the_dashboard_can_be_claimed_and_shows_the_screen() -> None:
    with running(*demo(free_port())) as program:
        line = program.read_until("claim it with").splitlines()[-1].split()
        dashboard, code = urlsplit(line[0]), line[-1]
        assert dashboard.port is not None
        connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=10)
        asked = json.dumps({"code": code, "password": "correct horse battery"})
        fields = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/claim", asked, fields)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        answer.read()

        def is_shown() -> bool:
            connection.request("GET", "/v1/screen.png", headers={"Cookie": cookie})
            return connection.getresponse().read().startswith(b"\x89PNG")

        wait_until(is_shown, "the screen's picture")


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_behind(name: signal.Signals) -> None:
    with running(*demo(free_port())) as program:
        folder = admin_socket(program).parent
        program.read_until("Ctrl-C")
        pids = family(program.process.pid)
        assert len(pids) >= 7, "three hellos, the chat, the supervisor, control, a worker"
        program.process.send_signal(name)
        assert program.process.wait(LIMIT_S) == 0
        assert_all_end(pids)
        assert not folder.exists()


def test_its_parts_end_with_it_when_it_is_killed_and_the_next_one_tidies_up() -> None:
    with running(*demo(free_port())) as program:
        folder = admin_socket(program).parent
        program.read_until("Ctrl-C")
        pids = family(program.process.pid)
        program.process.kill()
        program.process.wait(LIMIT_S)
        assert_all_end(pids)
    with running(*demo(free_port())) as program:
        program.read_until("Ctrl-C")
        assert not folder.exists()


def test_a_port_in_use_is_one_line_with_the_way_out() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with running(*demo(port)) as program:
            line = program.read_until("gatelight:")
            assert f"port {port} is in use" in line
            assert "--port" in line
            assert program.process.wait(LIMIT_S) == 1


def test_a_backend_that_ends_is_named_and_the_rest_goes_on() -> None:
    port = free_port()
    with running(*demo(port)) as program:
        program.read_until("Ctrl-C")
        victim = next(pid for pid in family(program.process.pid) if "hello 2" in command(pid))
        os.kill(victim, signal.SIGKILL)
        assert "hello 2 has ended" in program.read_until("gatelight:")
        said = {get(port, "hello.localhost").splitlines()[0] for _ in range(20)}
        assert said == {"hello 1 answered", "hello 3 answered"}


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()

"""`gatelight demo`: three hello backends and the chat behind the proxy, the dashboard and a screen.

All of it on this machine only: every part is a child process on a loopback port. The kernel ends
them when the demo ends, however it ends; their files are in one temporary folder.
"""

import ctypes
import errno
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from appliance.admin_client import ask
from appliance.console import say

HOST = "127.0.0.1"
HELLOS = 3
DASHBOARD_PORT = 8470
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PROXY = "the proxy"
# Followed by the demo's process id, so that the next demo knows what a killed one has left.
FOLDER = "gatelight-demo-"
START_S = 15.0
# The proxy's drain, and what it may take beyond it before it is killed.
DRAIN = "1s"
END_S = 5.0
PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h
# Taken one at a time by sigtimedwait, so that none arrives between a look and a wait.
STOPPING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
AWAITED = STOPPING | {signal.SIGCHLD}

_libc = ctypes.CDLL(None, use_errno=True)


class DemoError(Exception):
    """Why the demo cannot go on, in words."""


class Stopped(Exception):  # noqa: N818  # no error
    """Somebody asked to stop while the parts were starting."""


@dataclass(slots=True)
class Part:
    """One child process."""

    name: str
    process: subprocess.Popen[bytes]


def make_config(
    port: int, dashboard_port: int, folder: str, hellos: Sequence[str], chat: str
) -> str:
    """The demo's gatelight.toml. The screen is shown by the dashboard; a real one is left alone."""
    return f"""\
[listen]
http = "{HOST}:{port}"
admin = "{HOST}:{dashboard_port}"
admin_socket = {json.dumps(f"{folder}/admin.sock")}

[proxy]
state_dir = {json.dumps(folder)}
drain = "{DRAIN}"

[display]
output = "none"

[[site]]
host = "hello.localhost"
backends = {json.dumps(list(hellos))}

[[site]]
host = "chat.localhost"
backends = {json.dumps([chat])}
"""


def take_port(port: int) -> int:
    """`port` when nobody listens there, any free one for 0. Raises DemoError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise DemoError(_words(error, port)) from None
        return int(probe.getsockname()[1])


def choose_dashboard_port() -> int:
    """The usual one; another where a Gatelight is at home already."""
    try:
        return take_port(DASHBOARD_PORT)
    except DemoError:
        return take_port(0)


def _words(error: OSError | OverflowError, port: int) -> str:
    if isinstance(error, OverflowError):
        return f"{port} is no port: choose one from 1 to 65535 with --port"
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else port - 1
        return (
            f"port {port} is in use at {HOST}: stop what listens there, "
            f"or choose another: gatelight demo --port {other}"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission to listen on port {port}: choose one from 1024 up with --port"
    return f"cannot listen on port {port}: {error.strerror}"


class Demo:
    """The parts, from the first to the last."""

    def __init__(self, port: int, folder: str) -> None:
        self.port = port
        self.dashboard_port = choose_dashboard_port()
        self._folder = folder
        self._parts: list[Part] = []
        self._parent = os.getpid()

    def start(self) -> None:
        """Starts all of it; done when the proxy answers for a backend. Raises DemoError."""
        hello = EXAMPLES / "hello" / "hello.py"
        names = [f"hello {number}" for number in range(1, HELLOS + 1)]
        opened = [self._open(name, [str(hello), "--port", "0", "--name", name]) for name in names]
        opened.append(self._open("chat", [str(EXAMPLES / "chat" / "chat.py"), "--port", "0"]))
        *hellos, chat = (self._read_url(part) for part in opened)
        config = Path(self._folder, "gatelight.toml")
        text = make_config(self.port, self.dashboard_port, self._folder, hellos, chat)
        config.write_text(text)
        serve = ["-m", "appliance", "serve", "--config", str(config)]
        self._await_answer(self._open(PROXY, serve, is_heard=True))
        show = ["-m", "display.cli", "run", "--config", str(config)]
        self._open("the screen", show, is_heard=True)

    def read_claim_code(self) -> str:
        """With which the dashboard becomes somebody's."""
        status: Any = ask(f"{self._folder}/admin.sock", "/v1/status")
        return str(status["claim"]["code"])

    def watch(self) -> int:
        """Waits until it is told to stop or the proxy ends; the exit code."""
        while True:
            taken = signal.sigwaitinfo(AWAITED)
            if taken.si_signo in STOPPING:
                return 0
            for part in [part for part in self._parts if part.process.poll() is not None]:
                self._parts.remove(part)
                if part.name == PROXY:
                    raise DemoError("the proxy has ended: its last words are above")
                say(f"{part.name} has ended; the rest goes on")

    def end(self) -> None:
        """Ends what still runs, the proxy first."""
        for part in reversed(self._parts):
            part.process.terminate()
        until_s = time.monotonic() + END_S
        for part in reversed(self._parts):
            try:
                part.process.wait(max(0.0, until_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                part.process.kill()
                part.process.wait()
        self._parts.clear()

    def _open(self, name: str, arguments: list[str], is_heard: bool = False) -> Part:
        """A child in a session of its own: Ctrl-C reaches the demo, which ends them in order.

        `is_heard`: what it prints is for the person who looks on.
        """
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=None if is_heard else subprocess.PIPE,
            start_new_session=True,
            preexec_fn=self._tie,
        )
        part = Part(name, process)
        self._parts.append(part)
        return part

    def _tie(self) -> None:
        """In the child: it takes signals again, and does not outlive the demo."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != self._parent:
            os._exit(1)

    def _read_url(self, part: Part) -> str:
        """Where a backend listens: its first line."""
        assert part.process.stdout is not None
        line = read_line(part.process.stdout, START_S)
        if not line.startswith("http://"):
            raise DemoError(f"{part.name} did not start: its last words are above")
        return line

    def _await_answer(self, proxy: Part) -> None:
        until_s = time.monotonic() + START_S
        while not has_answer(self.port):
            if proxy.process.poll() is not None:
                raise DemoError("the proxy did not start: its last words are above")
            if time.monotonic() > until_s:
                raise DemoError(f"the proxy did not answer within {START_S:.0f} s: see above")
            pause(0.05)


def read_line(stream: IO[bytes], limit_s: float) -> str:
    """The first line, empty when there is none within `limit_s`."""
    ready, _, _ = select.select([stream], [], [], limit_s)
    return stream.readline().decode().strip() if ready else ""


def has_answer(port: int) -> bool:
    """Whether the proxy answers for hello.localhost."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/", headers={"Host": "hello.localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def pause(limit_s: float) -> None:
    """Waits a moment. Raises Stopped when asked to stop."""
    if signal.sigtimedwait(STOPPING, limit_s) is not None:
        raise Stopped


def invitation(demo: Demo, folder: str) -> str:
    """What to try."""
    port, code = demo.port, demo.read_claim_code()
    dashboard = f"http://{HOST}:{demo.dashboard_port}"
    return f"""
Gatelight is serving on this machine:

  http://hello.localhost:{port}   three backends take turns: load it a few times
  http://chat.localhost:{port}    a chat over WebSockets: open it in two tabs

  {dashboard}   the dashboard, with the box's screen: claim it with {code}

  gatelight status --socket {folder}/admin.sock   how it is doing

Requests are listed below as they come. Ctrl-C ends it all.
"""


def sweep(parent: Path) -> None:
    """Removes what demos of ours that were killed outright have left."""
    for folder in parent.glob(f"{FOLDER}*-*"):
        pid = folder.name.removeprefix(FOLDER).partition("-")[0]
        is_ours = folder.lstat().st_uid == os.getuid()
        if is_ours and pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)


def run(port: int = 8080) -> int:
    """Shows Gatelight at work until told to stop; the exit code."""
    if not EXAMPLES.is_dir():
        say(f"the examples are not at {EXAMPLES}: run the demo from a copy of the repository")
        return 1
    before = signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    sweep(Path(tempfile.gettempdir()))
    try:
        with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-") as folder:
            return _run_in(folder, port)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run_in(folder: str, port: int) -> int:
    demo: Demo | None = None
    try:
        demo = Demo(take_port(port), folder)
        demo.start()
        print(invitation(demo, folder), flush=True)
        return demo.watch()
    except DemoError as error:
        say(str(error))
        return 1
    except Stopped:
        return 0
    finally:
        if demo is not None:
            demo.end()

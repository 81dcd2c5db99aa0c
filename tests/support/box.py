"""A real `gatelight serve` in a folder of the test's, on free loopback ports."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0
COMMAND = ("-m", "appliance")
# Before a shell's script that ends with exec "$0" "$@": it may mount what nobody else sees. As root,
# or as the only user of a namespace of its own.
IN_A_NAMESPACE = ("unshare", "--mount", *(("--map-root-user",) if os.geteuid() else ()), "sh", "-c")


def wait_until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Waits for a true value, in small steps and for a bounded time."""
    until_s = time.monotonic() + patience_s
    while time.monotonic() < until_s:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"in {patience_s:g} s not: {what}")


class Box:
    """Starts the product by its command and contracts only."""

    scheme = "http"

    def __init__(
        self,
        folder: Path,
        sites: str,
        more: str = "",
        workers: int = 1,
        listen: str = "",
        wrap: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`wrap`: a command that starts the product, such as unshare or prlimit."""
        self.folder = folder
        self.config = folder / "gatelight.toml"
        self.log = folder / "access.log"
        self.socket = folder / "admin.sock"
        self.errors = folder / "stderr"
        self._more = more
        # The usual port may be another box's on this machine.
        self._listen = listen if "admin =" in listen else f'admin = "off"\n{listen}'
        self._workers = workers
        self._wrap = wrap
        self._environment = environment
        self.port = self.plain_port = self.secure_port = 0
        self.process: subprocess.Popen[bytes]
        self.write(sites)

    def write(self, sites: str) -> None:
        """Replaces the configuration as an editor would."""
        text = (
            f'[listen]\nhttp = "127.0.0.1:0"\nadmin_socket = "{self.socket}"\n'
            f"{self._listen}\n"
            f'[proxy]\nworkers = {self._workers}\naccess_log = "{self.log}"\n'
            f'state_dir = "{self.folder}"\ndrain = "5s"\n{self._more}\n{sites}'
        )
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.config)

    def __enter__(self) -> "Box":
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*self._wrap, sys.executable, *COMMAND, "serve", "--config", str(self.config)],
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, **(self._environment or {})},
            )
        self.port = self.plain_port = wait_until(lambda: self._find_port("http"), "listening")
        if "https =" in self._listen:
            self.secure_port = wait_until(lambda: self._find_port("https"), "listening for TLS")
        wait_until(lambda: self.socket.exists(), "an admin socket")
        return self

    def _find_port(self, scheme: str) -> int:
        said = self.errors.read_text()
        assert self.process.poll() is None, said
        found = re.search(rf"listening on {scheme}://[^\n]*:(\d+)\n", said)
        return int(found[1]) if found else 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def connect(self) -> socket.socket:
        """A client's socket."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def raw(self, data: bytes, half_close: bool = False) -> bytes:
        """Sends bytes, returns all that comes back until the end."""
        with self.connect() as sock:
            sock.sendall(data)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    def get(self, path: str = "/", host: str = "a.test", more: str = "") -> bytes:
        """One request on a connection of its own."""
        return self.raw(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n".encode()
        )

    def get_in_the_clear(self, host: str) -> bytes:
        """The same over the port for plain HTTP, whichever the others go to."""
        with socket.create_connection(("127.0.0.1", self.plain_port), PATIENCE_S) as sock:
            sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return read_all(sock)

    def status(self) -> Any:
        """The status by the command."""
        done = subprocess.run(
            [sys.executable, "-m", "appliance", "status", "--json", "--socket", self.socket],
            capture_output=True,
            cwd=ROOT,
            check=True,
        )
        return json.loads(done.stdout)

    def children(self) -> list[int]:
        """The processes under the supervisor."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def log_lines(self, count: int) -> list[str]:
        """Waits for so many lines of the access log."""

        def enough() -> list[str]:
            lines = self.log.read_text().splitlines() if self.log.exists() else []
            return lines if len(lines) >= count else []

        lines: list[str] = wait_until(enough, f"{count} lines in the access log")
        return lines

    def signal(self, number: signal.Signals) -> None:
        """To the supervisor."""
        os.kill(self.process.pid, number)


def read_all(sock: socket.socket) -> bytes:
    """Everything until the end of the stream; a reset ends it too."""
    found = b""
    while True:
        try:
            data = sock.recv(65536)
        except ConnectionResetError:
            return found + b"<reset>"
        if not data:
            return found
        found += data


def rss(pid: int) -> int:
    """A process's resident memory in bytes (proc(5), statm)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def read_head(sock: socket.socket) -> bytes:
    """Up to the empty line, a byte at a time so that nothing behind it is taken."""
    found = b""
    while not found.endswith(b"\r\n\r\n"):
        data = sock.recv(1)
        assert data, f"the stream ended in a head: {found!r}"
        found += data
    return found


def site(host: str, *backends: str, more: str = "") -> str:
    """A [[site]] table."""
    return f'[[site]]\nhost = "{host}"\nbackends = {json.dumps(list(backends))}\n{more}\n'

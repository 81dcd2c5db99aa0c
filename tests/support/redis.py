"""A real redis-server, or valkey-server, on a Unix socket in a folder of the test's; what a test asks it goes by the
wire protocol alone, so that no client library stands between."""

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.box import wait_until

# Debian 13 has both.
SERVERS = ["redis-server", *(["valkey-server"] if shutil.which("valkey-server") else [])]
TIMEOUT_S = 10.0


class RedisServer:
    """Starts and ends with a `with`; may be ended and started again in between."""

    def __init__(self, folder: Path, *options: str, server: str = "redis-server") -> None:
        self.folder = folder / "redis"
        self.folder.mkdir(exist_ok=True)
        self.path = self.folder / "redis.sock"
        self._command = [server, "--port", "0", "--unixsocket", str(self.path)]
        self._command += ["--dir", str(self.folder), "--save", "", *options]
        self.process: subprocess.Popen[bytes] | None = None
        self._client: socket.socket | None = None
        self._held = b""

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def start(self, *options: str) -> Self:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*self._command, *options], stdout=log, stderr=log)
        wait_until(self._answers, "an answer of redis-server")
        return self

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except OSError:
            self._leave()
            return False

    def stop(self) -> None:
        """As a power cut would: nothing is saved, clients see the end."""
        self._leave()
        if self.process is not None:
            self.process.kill()
            self.process.wait(TIMEOUT_S)
            self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _leave(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client, self._held = None, b""

    def ask(self, *words: str | bytes | int) -> Any:
        """One command; an error is a RuntimeError."""
        (answer,) = self.ask_all([words])
        if isinstance(answer, RuntimeError):
            raise answer
        return answer

    def ask_all(self, commands: list[tuple[str | bytes | int, ...]]) -> list[Any]:
        """Many commands at once."""
        if self._client is None:
            self._client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._client.settimeout(TIMEOUT_S)
            self._client.connect(str(self.path))
        data = b"".join(map(encode_command, commands))
        self._client.sendall(data)
        return [self._read() for _ in commands]

    def _read(self) -> Any:
        line = self._take_line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._take(int(rest)) if int(rest) >= 0 else None
        assert kind == b"*", line
        return [self._read() for _ in range(int(rest))]

    def _take_line(self) -> bytes:
        while b"\r\n" not in self._held:
            self._receive()
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def _take(self, size: int) -> bytes:
        while len(self._held) < size + 2:
            self._receive()
        taken, self._held = self._held[:size], self._held[size + 2 :]
        return taken

    def _receive(self) -> None:
        assert self._client is not None
        data = self._client.recv(1 << 20)
        if not data:
            raise ConnectionResetError
        self._held += data

    @contextmanager
    def listen(self, channel: str) -> Iterator[Callable[[], bytes]]:
        """Subscribes; what is given waits for the next message."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(TIMEOUT_S)
            client.connect(str(self.path))
            client.sendall(encode_command(("SUBSCRIBE", channel)))
            found = client.recv(4096)
            assert found.endswith(b":1\r\n"), found
            yield lambda: client.recv(4096).split(b"\r\n")[-2]

    def set_frontend(self, host: str, *urls: str, prefix: str = "") -> float:
        """A site as hipache has it; the moment at which it was there."""
        key = f"{prefix}frontend:{host}"
        self.ask_all([("MULTI",), ("DEL", key), ("RPUSH", key, "id", *urls), ("EXEC",)])
        return time.monotonic()


def encode_command(words: tuple[str | bytes | int, ...]) -> bytes:
    """A command as it goes over the wire."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)


@contextmanager
def impostor(answer: bytes | None, path: Path | None = None) -> Iterator[str]:
    """A server that is no Redis, on a port or in the place of a socket; its URL.

    It answers each connection so; None: nothing at all.
    """
    if path is None:
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}"
    else:
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen()
        url = f"unix://{path}"
    kept = []

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            kept.append(client)
            if answer is not None:
                # Those who have heard enough may be gone already.
                with contextlib.suppress(OSError):
                    client.recv(1000)
                    client.sendall(answer)
                    client.shutdown(socket.SHUT_WR)

    with listener:
        threading.Thread(target=serve, daemon=True).start()
        yield url
        # Closing alone would not wake the thread that accepts.
        listener.shutdown(socket.SHUT_RDWR)
    for client in kept:
        client.close()

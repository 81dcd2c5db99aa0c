"""What systemd does for a service that has it keep files: sd_notify(3), sd_listen_fds(3)."""

import array
import fcntl
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.box import PATIENCE_S, ROOT, wait_until

# More than the service is given; the kernel takes numbers from here on that nobody else has.
ABOVE_ALL = 200


class Manager:
    """Starts `gatelight serve`, keeps its files by name, and starts it again with them."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.errors = folder / "stderr"
        self.kept: list[tuple[str, int]] = []
        self.told: list[str] = []
        self.pid = 0
        self._path = str(folder / "notify")
        self._config = config
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._path)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._socket.sendto(b"END", self._path)
        self._thread.join(PATIENCE_S)
        self._socket.close()
        for _, file in self.kept:
            os.close(file)

    def start(self) -> None:
        """With the files it had kept; returns when the service is ready."""
        self._ready.clear()
        env = os.environ | {"NOTIFY_SOCKET": self._path}
        # The shell becomes the service, so that the service's process id is the one named.
        command = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", sys.executable]
        command += ["-m", "appliance", "serve", "--config", str(self._config)]
        # Copies above all numbers that are about to be taken.
        copies = [(name, os.dup(file)) for name, file in self.kept]
        env |= {
            "LISTEN_FDS": str(len(copies)),
            "LISTEN_FDNAMES": ":".join(name for name, _ in copies),
        }
        errors = os.open(self.errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        high = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, ABOVE_ALL) for _, file in copies]
        moves = [(os.POSIX_SPAWN_DUP2, file, 3 + i) for i, file in enumerate(high)]
        self.pid = os.posix_spawnp(
            "env",
            ["env", "-C", str(ROOT), *command],
            env,
            file_actions=[(os.POSIX_SPAWN_DUP2, errors, 2), *moves],
        )
        for file in [errors, *high, *(file for _, file in copies)]:
            os.close(file)
        wait_until(self._ready.is_set, f"ready:\n{self.errors.read_text()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        os.kill(self.pid, number)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def names(self) -> list[str]:
        return [name for name, _ in self.kept]

    def _listen(self) -> None:
        while True:
            data, ancillary, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(253 * 4))
            if data == b"END":
                return
            lines = dict(line.split("=", 1) for line in data.decode().splitlines())
            files = array.array("i")
            for _, _, content in ancillary:
                files.frombytes(content)
            name = lines.get("FDNAME", "")
            if "FDSTOREREMOVE" in lines:
                for _, file in [pair for pair in self.kept if pair[0] == name]:
                    os.close(file)
                self.kept = [pair for pair in self.kept if pair[0] != name]
            elif "FDSTORE" in lines:
                for file in files:
                    os.set_inheritable(file, False)
                    self.kept.append((name, file))
            else:
                self.told.append(data.decode())
            if "READY" in lines:
                self._ready.set()

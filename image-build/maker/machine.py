"""An emulated Raspberry Pi 3 (QEMU), seen from outside: its ports, its picture, its shell."""

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from maker.card import SCREEN, Card
from maker.errors import BuildError

# Emulated on a busy machine with two cores a start takes one to four minutes.
START_S = 900.0
STEP_S = 1.0
SSH_S = 120.0
MONITOR_S = 60.0
PROMPT = b"(qemu) "
GUEST_PORTS = (22, 80, 443, 8470)
Answer = TypeVar("Answer")


class Machine:
    """Starts when entered; its ports are on this machine's loopback, each at a free number."""

    def __init__(self, card: Card, work: Path, key: Path) -> None:
        self.work = work
        self.ports = dict(zip(GUEST_PORTS, free_ports(len(GUEST_PORTS)), strict=True))
        self.started_s = 0.0
        self._card = card
        self._key = key
        self._monitor = work / "monitor"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        width, height = SCREEN
        forwards = ",".join(
            f"hostfwd=tcp:127.0.0.1:{ours}-:{its}" for its, ours in self.ports.items()
        )
        command = ["qemu-system-aarch64", "-M", "raspi3b", "-m", "1G", "-smp", "4"]
        command += ["-kernel", str(self._card.kernel), "-initrd", str(self._card.initrd)]
        command += ["-dtb", str(self._card.device_tree), "-append", self._card.command_line]
        command += ["-drive", f"file={self._card.image},if=sd,format=raw"]
        command += ["-serial", f"file:{self.work / 'serial.log'}", "-display", "none"]
        command += ["-monitor", f"unix:{self._monitor},server,nowait"]
        # pixo: the order of colours that a Raspberry Pi's firmware tells the kernel (card.py).
        for name, value in (("xres", width), ("yres", height), ("bpp", 32), ("pixo", 0)):
            command += ["-global", f"bcm2835-fb.{name}={value}"]
        command += ["-device", "usb-net,netdev=net0", "-netdev", f"user,id=net0,{forwards}"]
        with (self.work / "qemu.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self.started_s = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def age_s(self) -> float:
        """Since its power was switched on."""
        return time.monotonic() - self.started_s

    def wait_for(self, look: Callable[[], Answer], what: str, within_s: float = START_S) -> Answer:
        """Looks again and again until there is an answer. Raises BuildError."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            if self._process is None or self._process.poll() is not None:
                raise BuildError(f"the emulator has ended: see {self.work / 'qemu.log'}")
            answer = look()
            if answer:
                return answer
            time.sleep(STEP_S)
        raise BuildError(f"in {within_s:g} s there was not {what}: see {self.work / 'serial.log'}")

    def shell(self, command: str, content: str = "") -> str:
        """What a command answers to `content`, as admin over SSH; empty where it is not asked."""
        ssh = ["ssh", "-q", "-i", str(self._key), "-p", str(self.ports[22])]
        for option in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes"):
            ssh += ["-o", option]
        ssh += ["-o", "ConnectTimeout=60", "admin@127.0.0.1", command]
        try:
            done = subprocess.run(
                ssh, input=content, capture_output=True, text=True, timeout=SSH_S, check=False
            )
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout

    def picture(self, path: Path) -> Path:
        """What is on HDMI now, as a PPM file. Raises BuildError."""
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as monitor:
            monitor.settimeout(MONITOR_S)
            monitor.connect(str(self._monitor))
            _await_prompt(monitor)
            monitor.sendall(f"screendump {path}\n".encode())
            _await_prompt(monitor)
        if not path.exists():
            raise BuildError(f"the emulator makes no picture: see {self.work / 'qemu.log'}")
        return path


def _await_prompt(monitor: socket.socket) -> None:
    """QEMU's monitor asks for the next command when the last one is done."""
    said = b""
    while PROMPT not in said:
        try:
            data = monitor.recv(65536)
        except TimeoutError:
            data = b""
        if not data:
            raise BuildError("the emulator's monitor does not answer")
        said += data


def free_ports(count: int) -> list[int]:
    """Numbers that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(sock.getsockname()[1]) for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports

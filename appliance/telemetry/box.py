"""How the box itself is doing; what it cannot know is None, never a guess."""

import os
import socket
from pathlib import Path
from typing import Any, NamedTuple

from appliance.telemetry.network import read_network
from appliance.telemetry.power import describe_power, read_alarm, read_flags


class CpuTimes(NamedTuple):
    """What the processors spent since the start, in ticks."""

    idle: int
    total: int


class BoxReader:
    """Reads the status's `box`; the share of the processor is that since the last time."""

    def __init__(self, state_dir: str, root: Path = Path("/")) -> None:
        self._state_dir = state_dir
        self._root = root
        self._before = self._read_times()

    def read(self, dns_ok: bool | None = None, throttled: int | None = None) -> dict[str, Any]:
        """What can be known now; `throttled` are the firmware's flags where the kernel has none."""
        uptime = _text(self._root / "proc/uptime")
        meminfo = _text(self._root / "proc/meminfo")
        temperature = _text(self._root / "sys/class/thermal/thermal_zone0/temp")
        flags = read_flags(self._root)
        return {
            "hostname": socket.gethostname(),
            "model": _text(self._root / "proc/device-tree/model"),
            "addresses": _addresses(),
            "uptime_s": float(uptime.split()[0]) if uptime else None,
            "temperature_c": parse_temperature(temperature),
            "cpu_percent": self._cpu_percent(),
            "memory": parse_memory(meminfo),
            "disk": _disk(self._state_dir),
            "power": describe_power(read_alarm(self._root), throttled if flags is None else flags),
            "network": read_network(self._root, dns_ok),
        }

    def _read_times(self) -> CpuTimes | None:
        return parse_cpu_times(_text(self._root / "proc/stat"))

    def _cpu_percent(self) -> float | None:
        before, self._before = self._before, self._read_times()
        if before is None or self._before is None:
            return None
        total = self._before.total - before.total
        if total <= 0:
            return None
        return round(max(0.0, 100 * (1 - (self._before.idle - before.idle) / total)), 1)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip("\0\n ") or None
    except OSError:
        return None


def parse_temperature(text: str | None) -> float | None:
    """Thousandths of a degree, as the kernel's thermal zones tell them."""
    return int(text) / 1000 if text and text.lstrip("-").isdigit() else None


def parse_cpu_times(text: str | None) -> CpuTimes | None:
    """The first line of /proc/stat (proc(5)); waiting for a disk is idle too."""
    first = (text or "").split("\n", 1)[0].split()
    if len(first) < 9 or first[0] != "cpu":
        return None
    times = [int(part) for part in first[1:9]]
    return CpuTimes(times[3] + times[4], sum(times))


def parse_memory(text: str | None) -> dict[str, int] | None:
    """/proc/meminfo (proc(5))."""
    lines = (line.partition(":") for line in (text or "").splitlines())
    kib = {name: int(value.split()[0]) for name, _, value in lines if value.split()}
    if "MemTotal" not in kib or "MemAvailable" not in kib:
        return None
    total = kib["MemTotal"] * 1024
    return {"used_bytes": total - kib["MemAvailable"] * 1024, "total_bytes": total}


def _disk(state_dir: str) -> dict[str, int] | None:
    for path in (state_dir, "/"):
        try:
            found = os.statvfs(path)
        except OSError:
            continue
        total = found.f_blocks * found.f_frsize
        return {"used_bytes": total - found.f_bavail * found.f_frsize, "total_bytes": total}
    return None


def _addresses() -> list[str]:
    """The addresses other machines may reach this one by, without loopback."""
    found = []
    for kind, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # Connecting a datagram socket sends nothing; it only chooses the source address.
        try:
            with socket.socket(kind, socket.SOCK_DGRAM) as sock:
                sock.connect((target, 9))
                found.append(str(sock.getsockname()[0]))
        except OSError:
            continue
    return [address for address in found if not address.startswith("127.") and address != "::1"]

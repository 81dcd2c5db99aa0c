"""How the box itself is doing; what it cannot know is None, never a guess."""

import os
import socket
from pathlib import Path
from typing import Any

MODEL = Path("/proc/device-tree/model")
TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")


def read_box(state_dir: str) -> dict[str, Any]:
    """The status's `box`."""
    return {
        "hostname": socket.gethostname(),
        "model": _text(MODEL),
        "addresses": _addresses(),
        "uptime_s": _uptime_s(),
        "temperature_c": _temperature_c(),
        "cpu_percent": _cpu.percent(),
        "memory": _memory(),
        "disk": _disk(state_dir),
        "power": None,
        "network": None,
    }


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip("\0\n ") or None
    except OSError:
        return None


def _uptime_s() -> float | None:
    text = _text(Path("/proc/uptime"))
    return float(text.split()[0]) if text else None


def _temperature_c() -> float | None:
    text = _text(TEMPERATURE)
    return int(text) / 1000 if text and text.lstrip("-").isdigit() else None


class _Cpu:
    """The share of time not idle since the last look (proc(5), /proc/stat)."""

    def __init__(self) -> None:
        self._before = (0, 0)

    def percent(self) -> float | None:
        text = _text(Path("/proc/stat"))
        if not text:
            return None
        times = [int(part) for part in text.split("\n", 1)[0].split()[1:9]]
        idle, total = times[3] + times[4], sum(times)
        idle_before, total_before = self._before
        self._before = (idle, total)
        if total <= total_before:
            return None
        return round(100 * (1 - (idle - idle_before) / (total - total_before)), 1)


_cpu = _Cpu()


def _memory() -> dict[str, int] | None:
    text = _text(Path("/proc/meminfo"))
    if not text:
        return None
    lines = (line.split(":") for line in text.splitlines())
    kib = {name: int(value.split()[0]) for name, value in lines}
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
        with socket.socket(kind, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect((target, 9))
            except OSError:
                continue
            found.append(str(sock.getsockname()[0]))
    return [address for address in found if not address.startswith("127.") and address != "::1"]

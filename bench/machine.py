"""The machine and the versions a result belongs to."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.targets import PROXIES


def parse_field(text: str, name: str) -> str | None:
    """The first `name : value` or NAME="value" of a text."""
    match = re.search(rf'^{re.escape(name)}\s*[:=]\s*"?(.*?)"?$', text, re.MULTILINE)
    return match[1] if match else None


def parse_version(text: str) -> str:
    """The first thing like a version in the output, else its first line."""
    match = re.search(r"\d+\.\d+(\.\d+)?[\w.+~-]*", text)
    return match[0] if match else (text.strip().splitlines() or ["unknown"])[0]


def read_text(path: str) -> str:
    try:
        return Path(path).read_text().replace("\0", "")
    except OSError:
        return ""


def read_machine() -> dict[str, str]:
    """No host name and no path: these results are published."""
    memory_kb = int((parse_field(read_text("/proc/meminfo"), "MemTotal") or "0").split()[0])
    model = read_text("/proc/device-tree/model")
    model = model or parse_field(read_text("/proc/cpuinfo"), "model name") or platform.machine()
    system = parse_field(read_text("/etc/os-release"), "PRETTY_NAME") or platform.system()
    return {
        "machine": f"{model}, {os.cpu_count()} cores, {memory_kb / 2**20:.1f} GiB",
        "system": f"{system}, Linux {platform.release()}",
        "Python": platform.python_version(),
    }


def read_version(command: Sequence[str]) -> str:
    """Some say it on standard error."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "not there"
    return parse_version(done.stdout + done.stderr) if done.returncode == 0 else "not there"


def read_versions(targets: Sequence[str]) -> dict[str, str]:
    """Of the targets; the buffered nginx is the same program."""
    programs = {PROXIES[name].version: name for name in reversed(targets)}
    return {name: read_version(command) for command, name in reversed(programs.items())}

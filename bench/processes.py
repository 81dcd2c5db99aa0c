"""What the kernel says about a tree of processes: CPU time and memory (proc(5))."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Stat:
    """The parts of /proc/PID/stat that are read here."""

    pid: int
    parent: int
    ticks: int  # user and system, with those of children already waited for


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident and proportional set size; shared pages count once in the second."""

    rss_kb: int
    pss_kb: int

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.rss_kb + other.rss_kb, self.pss_kb + other.pss_kb)


def parse_stat(text: str) -> Stat:
    """The name in brackets may hold blanks and brackets itself, so split after the last one."""
    before, _, after = text.rpartition(")")
    fields = after.split()
    # utime, stime, cutime and cstime are fields 14 to 17; the state, field 3, is fields[0]
    return Stat(int(before.split(" ", 1)[0]), int(fields[1]), sum(map(int, fields[11:15])))


def parse_smaps_rollup(text: str) -> Memory:
    """The Rss and Pss lines of /proc/PID/smaps_rollup."""
    values = {"Rss": 0, "Pss": 0}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name in values:
            values[name] = int(rest.split()[0])
    return Memory(values["Rss"], values["Pss"])


def plan_tree(root: int, parents: Mapping[int, int]) -> list[int]:
    """The root and all below it, parents first."""
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def read_stats() -> dict[int, Stat]:
    """Every process there is; one that ends meanwhile is left out."""
    stats = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                stat = parse_stat((entry / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue
            stats[stat.pid] = stat
    return stats


def read_tree(root: int) -> list[Stat]:
    """The living processes of the tree."""
    stats = read_stats()
    pids = plan_tree(root, {pid: stat.parent for pid, stat in stats.items()})
    return [stats[pid] for pid in pids if pid in stats]


def read_cpu_s(root: int) -> float:
    """CPU seconds the whole tree has used since it began."""
    return sum(stat.ticks for stat in read_tree(root)) / TICKS_PER_S


def read_memory(root: int) -> Memory:
    """Memory of the whole tree."""
    total = Memory(0, 0)
    for stat in read_tree(root):
        try:
            text = (PROC / str(stat.pid) / "smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += parse_smaps_rollup(text)
    return total

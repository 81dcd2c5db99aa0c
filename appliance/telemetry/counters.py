"""Counters that outlive their processes: a shared map made before the fork.

Each worker writes only its own part and anybody reads all, so there are no locks; a reader may see
a number a moment old, never a torn one (aligned 64-bit stores). A respawned worker goes on in the
part of the one before it. The map is anonymous memory, so untouched parts cost nothing.
"""

import mmap
import time
from collections.abc import Iterator
from ipaddress import IPv6Address

from appliance.telemetry.histogram import BUCKETS, bucket_of

CELL = 8

# What a process's STATE cell holds; the supervisor writes it.
DOWN, STARTING, SERVING, DRAINING = range(4)

# A worker's own cells.
HEARTBEAT_NS, CONNECTIONS, ACCEPTED, LOG_LINES_LOST, RESTARTS, PID, SITES_USED, STATE = range(8)
HOOK_CALLS, HOOK_US, HOOK_OVERRUNS, HOOK_FAULTS = range(8, 12)
WORKER_CELLS = 16

# A site's cells in one worker's part. STATUS_CLASS + 2 counts the 2xx answers.
STATUS_CLASS = 0
SITE_BYTES_IN, SITE_BYTES_OUT, SITE_BACKEND_ERRORS, SITE_TIME_US = 6, 7, 8, 9
HISTOGRAM = 16
NAME_CELL = HISTOGRAM + BUCKETS
# A host name has 253 bytes at most, and one for its length.
NAME_BYTES = 256
SITE_CELLS = NAME_CELL + NAME_BYTES // CELL
# The busiest 4,095 sites of a box are counted by name, the rest together.
SITE_SLOTS = 4096
OTHERS = "(others)"
# Answers that belong to no site: unknown hosts, heads that could not be read.
UNROUTED = "(none)"

# Clients share a cell with one in 65,536: what a limit per client may be off by.
CLIENT_CELLS = 65536
CLIENT_BYTES = CLIENT_CELLS * 4

WORKER_BYTES = WORKER_CELLS * CELL
SITES_BYTES = SITE_SLOTS * SITE_CELLS * CELL
PART_BYTES = WORKER_BYTES + SITES_BYTES + CLIENT_BYTES


class Counters:
    """All workers' parts. One more part at the end belongs to the control process."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._map = mmap.mmap(-1, PART_BYTES * (workers + 1))
        self._parts = [WorkerCounters(self, index) for index in range(workers + 1)]

    @classmethod
    def create(cls, workers: int) -> "Counters":
        """The map for a box with this many workers; to be made before the fork."""
        return cls(workers)

    @property
    def control(self) -> "WorkerCounters":
        """The control process's heartbeat and restarts."""
        return self._parts[-1]

    def worker(self, index: int) -> "WorkerCounters":
        """One worker's part."""
        return self._parts[index]

    def part(self, index: int) -> memoryview:
        """A part's bytes."""
        return memoryview(self._map)[index * PART_BYTES : (index + 1) * PART_BYTES]

    def total(self, cell: int) -> int:
        """A worker cell summed over the box."""
        return sum(part.cells[cell] for part in self._parts[:-1])

    def sites(self) -> dict[str, list[int]]:
        """Each counted site's cells, summed over the workers."""
        found: dict[str, list[int]] = {}
        for part in self._parts[:-1]:
            for name, cells in part.named_sites():
                values = cells[:NAME_CELL].tolist()
                before = found.get(name)
                found[name] = (
                    [a + b for a, b in zip(before, values, strict=True)] if before else values
                )
        return found


class WorkerCounters:
    """One worker's part of the map."""

    def __init__(self, counters: Counters, index: int) -> None:
        self._counters = counters
        part = counters.part(index)
        self.cells = part[:WORKER_BYTES].cast("Q")
        self._sites = part[WORKER_BYTES : WORKER_BYTES + SITES_BYTES]
        self._clients = part[WORKER_BYTES + SITES_BYTES :].cast("I")
        self._slots: dict[str, memoryview] = {}

    def reset_gauges(self) -> None:
        """At a (re)start: no connections yet, and the sites counted so far are known again."""
        self.cells[CONNECTIONS] = 0
        if any(self._clients):
            self._clients[:] = memoryview(bytes(CLIENT_BYTES)).cast("I")
        self._slots = dict(self.named_sites())

    def beat(self, now_ns: int) -> None:
        """Says that the process is alive."""
        self.cells[HEARTBEAT_NS] = now_ns

    def age_s(self) -> float:
        """How long ago it last said so."""
        return (time.monotonic_ns() - self.cells[HEARTBEAT_NS]) / 1e9

    def named_sites(self) -> Iterator[tuple[str, memoryview]]:
        """The sites given a slot so far."""
        for slot in range(self.cells[SITES_USED]):
            cells = self._site_cells(slot)
            name = bytes(cells[NAME_CELL:].cast("B"))
            yield name[1 : 1 + name[0]].decode(errors="replace"), cells

    def _site_cells(self, slot: int) -> memoryview:
        start = slot * SITE_CELLS * CELL
        return self._sites[start : start + SITE_CELLS * CELL].cast("Q")

    def site(self, host: str) -> memoryview:
        """The cells of a site, given out when it first sees traffic."""
        cells = self._slots.get(host)
        if cells is not None:
            return cells
        used = self.cells[SITES_USED]
        if used >= SITE_SLOTS - 1 and host != OTHERS:
            return self.site(OTHERS)
        cells = self._site_cells(used)
        name = host.encode()[: NAME_BYTES - 1]
        cells[NAME_CELL:].cast("B")[: len(name) + 1] = bytes((len(name),)) + name
        # The name is whole before the slot counts: a reader never sees half of it.
        self.cells[SITES_USED] = used + 1
        self._slots[host] = cells
        return cells

    def answered(
        self, site: memoryview | None, status: int, bytes_in: int, bytes_out: int, total_us: int
    ) -> None:
        """Counts one answer."""
        if site is None:
            site = self.site(UNROUTED)
        site[status // 100] += 1
        site[HISTOGRAM + bucket_of(total_us)] += 1
        site[SITE_TIME_US] += total_us
        site[SITE_BYTES_OUT] += bytes_out
        if bytes_in:
            site[SITE_BYTES_IN] += bytes_in

    def backend_failed(self, site: memoryview | None) -> None:
        """Counts one failure of a backend."""
        if site is not None:
            site[SITE_BACKEND_ERRORS] += 1

    def opened(self, ip: str) -> tuple[int, int]:
        """Counts a client's connection; gives all of the box's and this client's, with this one."""
        self.cells[CONNECTIONS] += 1
        self.cells[ACCEPTED] += 1
        cell = _client_cell(ip)
        self._clients[cell] += 1
        parts = self._counters._parts[:-1]
        return self._counters.total(CONNECTIONS), sum(part._clients[cell] for part in parts)

    def closed(self, ip: str) -> None:
        """Counts a client's connection as ended."""
        self.cells[CONNECTIONS] -= 1
        self._clients[_client_cell(ip)] -= 1


def _client_cell(ip: str) -> int:
    """IPv6 clients are told apart by their /64: one customer has all of it."""
    key: str | int = int(IPv6Address(ip)) >> 64 if ":" in ip else ip
    return hash((key, "client")) % CLIENT_CELLS

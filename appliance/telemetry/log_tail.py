"""The last lines of the access log in shared memory, for whoever looks on.

Each worker has a ring, which its log's writer fills beside the log itself: a full disk, a pipe or
standard output hides nothing. There are no locks: a reader leaves out what was written over while
it read, and counts it.
"""

import mmap
from typing import NamedTuple

# Some 600 lines of a worker, looked at each second; a busier second is shown in part.
RING_BYTES = 128 * 1024
_CELLS = 2
BEGUN, DONE = range(_CELLS)
_HEAD_BYTES = 16


class Tail(NamedTuple):
    """What is new: whole lines, where to go on, and how many bytes were missed."""

    lines: list[bytes]
    at: int
    missed_bytes: int


class LogTails:
    """All workers' rings; to be made before the fork."""

    def __init__(self, workers: int) -> None:
        size = _HEAD_BYTES + RING_BYTES
        self._map = mmap.mmap(-1, size * workers)
        view = memoryview(self._map)
        self.rings = [LogRing(view[i * size : (i + 1) * size]) for i in range(workers)]


class LogRing:
    """One worker's lines. Its counters are of all bytes ever written."""

    def __init__(self, memory: memoryview) -> None:
        self._cells = memory[:_HEAD_BYTES].cast("Q")
        self._ring = memory[_HEAD_BYTES:]

    def write(self, data: bytes) -> None:
        """Adds whole lines; of more than fit, the last ones."""
        at = self._cells[DONE]
        end = at + len(data)
        self._cells[BEGUN] = end
        kept = data[-RING_BYTES:]
        start = (end - len(kept)) % RING_BYTES
        first = min(len(kept), RING_BYTES - start)
        self._ring[start : start + first] = kept[:first]
        self._ring[: len(kept) - first] = kept[first:]
        self._cells[DONE] = end

    def read(self, seen: int) -> Tail:
        """What was written since `seen`, an earlier reading's `at` (0: all that is there)."""
        done = self._cells[DONE]
        start = max(seen, done - RING_BYTES)
        data = self._copy(start, done)
        first = max(start, self._cells[BEGUN] - RING_BYTES)
        if first > seen:
            # The line at the seam is not whole.
            cut = data.find(b"\n", first - start) + 1
            data = data[cut:] if cut else b""
        return Tail(data.splitlines(), done, done - seen - len(data) if seen else 0)

    def _copy(self, start: int, end: int) -> bytes:
        at, size = start % RING_BYTES, end - start
        first = min(size, RING_BYTES - at)
        return bytes(self._ring[at : at + first]) + bytes(self._ring[: size - first])

"""The access log: lines are gathered on the hot path and written by one thread.

A full disk or a reader that has stopped never holds up traffic: what does not fit in the bounded
memory, or cannot be written, is dropped by whole lines and counted.
"""

import os
import queue
import select
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator

# About 20,000 lines: what a stalled disk may make a worker hold.
MAX_HELD_BYTES = 4 << 20
# Lines are put together while they are still in the processor's first cache, and handed over in
# larger batches: each hand-over stops this thread for a moment.
CHUNK_BYTES = 16 << 10
BATCH_BYTES = 256 << 10
# Workers share standard output. Where that is a pipe, only writes of PIPE_BUF bytes or less stay
# in one piece (pipe(7)).
PIPE_PIECE_BYTES = select.PIPE_BUF
# A reader whose pipe does not block us is waited for this long before lines are lost.
READER_TIMEOUT_S = 1.0
# How often lost lines are spoken of.
COMPLAIN_EVERY_S = 10.0
STDOUT, OFF = "-", "off"


class AccessLog:
    """Adds lines, hands batches to the writer."""

    def __init__(self, target: str, look_on: Callable[[bytes], None] | None = None) -> None:
        """`look_on` is given whole lines too, in the writer's thread, whatever becomes of them."""
        self._lines: list[bytes] = []
        self._gathered = 0
        self._chunks: list[bytes] = []
        self._chunks_bytes = 0
        self._handed_bytes = 0
        self._lost_here = 0
        self._batches: queue.SimpleQueue[list[bytes] | str] = queue.SimpleQueue()
        self._writer = _Writer(target, self._batches, look_on)
        if target != OFF:
            self._writer.start()

    @property
    def lost(self) -> int:
        """Lines that never reached the log."""
        return self._lost_here + self._writer.lost

    def add(self, line: bytes) -> None:
        """Gathers one line, newline included."""
        self._lines.append(line)
        self._gathered += len(line)
        if self._gathered >= CHUNK_BYTES:
            self._join()
            if self._chunks_bytes >= BATCH_BYTES:
                self.flush()

    def _join(self) -> None:
        """Makes a chunk of the lines, or drops them where too much waits already."""
        lines, self._lines = self._lines, []
        size, self._gathered = self._gathered, 0
        waiting = self._handed_bytes + self._chunks_bytes - self._writer.done_bytes
        if waiting + size > MAX_HELD_BYTES:
            self._lost_here += len(lines)
            self._writer.complain(self.lost, "more lines than it can take")
            return
        self._chunks.append(b"".join(lines))
        self._chunks_bytes += size

    def flush(self) -> None:
        """Hands what is gathered to the writer."""
        if self._lines:
            self._join()
        if self._chunks:
            self._batches.put(self._chunks)
            self._handed_bytes += self._chunks_bytes
            self._chunks, self._chunks_bytes = [], 0

    def reopen(self) -> None:
        """Opens the file anew, after a rotation."""
        self.flush()
        self._batches.put("reopen")

    def close(self, timeout_s: float) -> None:
        """Writes what is left, for as long as `timeout_s`."""
        self.flush()
        self._batches.put("close")
        if self._writer.is_alive():
            self._writer.join(timeout_s)


class _Writer(threading.Thread):
    def __init__(
        self,
        target: str,
        batches: "queue.SimpleQueue[list[bytes] | str]",
        look_on: Callable[[bytes], None] | None,
    ) -> None:
        super().__init__(name="access-log", daemon=True)
        self._target = target
        self._look_on = look_on
        self._batches = batches
        self._file = -1
        self._is_regular = True
        self._half_line = False
        self._complained_s = -COMPLAIN_EVERY_S
        self.lost = 0
        self.done_bytes = 0

    def run(self) -> None:
        while True:
            batch = self._batches.get()
            if isinstance(batch, list):
                self._write_batch(batch)
            elif batch == "reopen":
                self._close()
            else:
                self._close()
                return

    def _open(self) -> None:
        if self._file >= 0:
            return
        if self._target == STDOUT:
            self._file = 1
        else:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._target, flags, 0o640)
        found = os.fstat(self._file)
        self._half_line = self._half_line and found.st_size > 0
        self._is_regular = stat.S_ISREG(found.st_mode)

    def _close(self) -> None:
        if self._file >= 0 and self._target != STDOUT:
            os.close(self._file)
        self._file = -1

    def _write_batch(self, chunks: list[bytes]) -> None:
        data = b"".join(chunks)
        if self._look_on is not None:
            self._look_on(data)
        begun = 0
        try:
            self._open()
            for piece in [data] if self._is_regular else split_lines(data, PIPE_PIECE_BYTES):
                begun += len(piece)
                self._write_piece(piece)
        except OSError as error:
            self.lost += data.count(b"\n", begun)
            self.complain(self.lost, error.strerror or str(error))
        finally:
            self.done_bytes += len(data)

    def _write_piece(self, data: bytes) -> None:
        """Writes whole lines; what an earlier failure left half-written is ended first."""
        done = 0
        try:
            while self._half_line:
                self._half_line = not self._write(b"\n")
            while done < len(data):
                done += self._write(data[done:])
        except OSError:
            self.lost += data.count(b"\n", done)
            raise
        finally:
            if done:
                self._half_line = data[done - 1] != 0x0A

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self._file, data)
        except BlockingIOError:
            # Whoever gave us this pipe made it non-blocking.
            _, ready, _ = select.select([], [self._file], [], READER_TIMEOUT_S)
            if not ready:
                raise
            return 0

    def complain(self, lost: int, why: str) -> None:
        """Says on standard error, now and then, that lines are being lost."""
        now_s = time.monotonic()
        if now_s - self._complained_s < COMPLAIN_EVERY_S:
            return
        self._complained_s = now_s
        text = f"gatelight: {lost} lines of the access log {self._target} are lost: {why}\n"
        try:
            sys.stderr.write(text)
        except OSError:
            return


def split_lines(data: bytes, piece_bytes: int) -> Iterator[bytes]:
    """Pieces of whole lines, each as large as `piece_bytes` or one single longer line."""
    start = 0
    while len(data) - start > piece_bytes:
        end = data.rfind(b"\n", start, start + piece_bytes) + 1 or data.find(b"\n", start) + 1
        yield data[start:end]
        start = end
    if start < len(data):
        yield data[start:]

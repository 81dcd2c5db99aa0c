"""The access log: lines are gathered on the hot path and written by one thread.

A full disk or a reader that has stopped never holds up traffic: what does not fit in the bounded
memory, or cannot be written, is dropped by whole lines and counted.
"""

import os
import queue
import sys
import threading
import time

# About 20,000 lines: what a stalled disk may make a worker hold.
MAX_HELD_BYTES = 4 << 20
# One write call takes the lines of this many bytes.
BATCH_BYTES = 64 << 10
# How often lost lines are spoken of.
COMPLAIN_EVERY_S = 10.0
STDOUT, OFF = "-", "off"


class AccessLog:
    """Adds lines, hands batches to the writer."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._lines: list[bytes] = []
        self._gathered = 0
        self._added_bytes = 0
        self._lost_here = 0
        self._batches: queue.SimpleQueue[list[bytes] | str] = queue.SimpleQueue()
        self._writer = _Writer(target, self._batches)
        if target != OFF:
            self._writer.start()

    @property
    def lost(self) -> int:
        """Lines that never reached the log."""
        return self._lost_here + self._writer.lost

    def add(self, line: bytes) -> None:
        """Gathers one line, newline included."""
        size = len(line)
        if self._added_bytes - self._writer.done_bytes > MAX_HELD_BYTES:
            self._lost_here += 1
            self._writer.complain(self.lost, "more lines than it can take")
            return
        self._lines.append(line)
        self._added_bytes += size
        self._gathered += size
        if self._gathered >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hands what is gathered to the writer."""
        if self._lines:
            self._batches.put(self._lines)
            self._lines = []
            self._gathered = 0

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
    def __init__(self, target: str, batches: "queue.SimpleQueue[list[bytes] | str]") -> None:
        super().__init__(name="access-log", daemon=True)
        self._target = target
        self._batches = batches
        self._file = -1
        self._complained_s = -COMPLAIN_EVERY_S
        self.lost = 0
        self.done_bytes = 0

    def run(self) -> None:
        while True:
            batch = self._batches.get()
            if isinstance(batch, list):
                self._write(batch)
            elif batch == "reopen":
                self._close()
            else:
                return

    def _open(self) -> int:
        if self._target == STDOUT:
            return 1
        if self._file < 0:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._target, flags, 0o640)
        return self._file

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _write(self, lines: list[bytes]) -> None:
        data = b"".join(lines)
        done = 0
        try:
            file = self._open()
            while done < len(data):
                done += os.write(file, data[done:])
        except OSError as error:
            self._drop(data, done, error)
        finally:
            self.done_bytes += len(data)

    def _drop(self, data: bytes, done: int, error: OSError) -> None:
        if done and data[done - 1 : done] != b"\n":
            # Half a line is in the file: end it, as soon as anything can be written again.
            self._batches.put([b"\n"])
            self.done_bytes -= 1
        self.lost += data.count(b"\n", done)
        self.complain(self.lost, error.strerror or str(error))

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

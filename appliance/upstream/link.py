"""Two sockets joined: bytes go across without being looked at, as cheaply as can be.

Each direction is a pump. It begins with plain reads and writes, which need nothing while a
connection is quiet; a transfer that turns out long goes through a pipe by splice(2), so that its
bytes never come up to us (docs/decisions/0006-passthrough.md). A socket that takes no more stops
the reading from the other one, an end of stream is carried over, and what breaks one side breaks
the other.
"""

import asyncio
import fcntl
import os
import socket
import struct
from collections.abc import Callable

# What a plain read takes at most, and so what waits where the other side takes no more.
READ_BYTES = 64 * 1024
# From here on a transfer counts as long; one that trickles in small pieces never does.
LONG_BYTES = 1 << 20
SMALL_BYTES = 8 * 1024
# The most that an unprivileged pipe holds (pipe(7), pipe-max-size); a smaller one works too.
PIPE_BYTES = 1 << 20
# A pump that has carried nothing for this long gives its pipe back.
PIPE_IDLE_S = 2.0
# For a worker: each is two files and up to 1 MiB of the kernel's memory. The others read and write.
MAX_PIPES = 64
# What a client still sends to a backend that takes no more is thrown away for this long, so that
# the answer it was sent is not lost to a reset.
LINGER_S = 5.0

_FLAGS = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
# All pumps share it: what is read is written, or copied, before the next read.
_buffer = memoryview(bytearray(READ_BYTES))
_pipes: set[tuple[int, int]] = set()


def _take_pipe() -> tuple[int, int] | None:
    """A pipe's two ends, to read from and to write to; None when there are enough already."""
    if len(_pipes) >= MAX_PIPES:
        return None
    try:
        pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    _pipes.add(pipe)
    try:
        fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        # Past pipe-user-pages-soft: it stays as small as it is.
        pass
    return pipe


def _give_pipe_back(pipe: tuple[int, int]) -> None:
    _pipes.discard(pipe)
    for end in pipe:
        os.close(end)


class Pump:
    """One direction, from `source` to `target`."""

    __slots__ = (
        "_held",
        "_in_pipe",
        "_is_blocked",
        "_link",
        "_pipe",
        "_run_bytes",
        "_seen_bytes",
        "_source",
        "_target",
        "drops",
        "has_ended",
        "moved",
    )

    def __init__(self, link: "Link", source: socket.socket, target: socket.socket) -> None:
        self._link = link
        self._source = source
        self._target = target
        self._held = memoryview(b"")
        self._pipe: tuple[int, int] | None = None
        self._in_pipe = 0
        self._is_blocked = False
        self._run_bytes = self._seen_bytes = 0
        self.moved = 0
        self.drops = False
        """The target takes nothing any more."""
        self.has_ended = False
        link.loop.add_reader(source.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        try:
            if self._pipe is None:
                count = self._source.recv_into(_buffer)
            else:
                count = os.splice(self._source.fileno(), self._pipe[1], PIPE_BYTES, flags=_FLAGS)
        except BlockingIOError:
            return
        except OSError:
            self._link.abort()
            return
        if not count:
            self._end()
        elif not self.drops:
            self.moved += count
            self._link.last_used_s = self._link.loop.time()
            if self._pipe is None:
                self._send(_buffer[:count])
            else:
                self._in_pipe = count
                self._drain_pipe()
            self._choose_way(count)

    def _send(self, data: memoryview) -> None:
        try:
            sent = self._target.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop()
            return
        if sent < len(data):
            self._held = memoryview(bytes(data[sent:]))
            self._block()

    def _drain_pipe(self) -> None:
        pipe = self._pipe
        while self._in_pipe and pipe is not None:
            try:
                sent = os.splice(pipe[0], self._target.fileno(), self._in_pipe, flags=_FLAGS)
            except BlockingIOError:
                self._block()
                return
            except OSError:
                self._drop()
                return
            self._in_pipe -= sent

    def _block(self) -> None:
        """Waits until the target takes bytes again, and reads none until then."""
        if not self._is_blocked:
            self._is_blocked = True
            self._link.loop.remove_reader(self._source.fileno())
            self._link.loop.add_writer(self._target.fileno(), self._on_writable)

    def _on_writable(self) -> None:
        if self._in_pipe:
            self._drain_pipe()
        else:
            held, self._held = self._held, memoryview(b"")
            self._send(held)
        if not self._in_pipe and not self._held:
            self._unblock()

    def _unblock(self) -> None:
        if self._is_blocked:
            self._is_blocked = False
            self._link.loop.remove_writer(self._target.fileno())
            self._link.loop.add_reader(self._source.fileno(), self._on_readable)

    # Pipes.

    def _choose_way(self, count: int) -> None:
        """A long transfer gets a pipe, and one that trickles loses it."""
        if count < SMALL_BYTES:
            self._run_bytes = 0
            if not self._in_pipe:
                self._leave_pipe()
            return
        self._run_bytes += count
        if self._pipe is None and self._run_bytes >= LONG_BYTES and not self._is_blocked:
            self._run_bytes = 0
            self._pipe = _take_pipe()
            if self._pipe is not None:
                self._link.loop.call_later(PIPE_IDLE_S, self._look_after_pipe)

    def _look_after_pipe(self) -> None:
        if self._pipe is None:
            return
        if self.moved == self._seen_bytes and not self._in_pipe:
            self._leave_pipe()
            return
        self._seen_bytes = self.moved
        self._link.loop.call_later(PIPE_IDLE_S, self._look_after_pipe)

    def _leave_pipe(self) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            _give_pipe_back(pipe)

    # The end.

    def _drop(self) -> None:
        """The target is gone: what comes for it is thrown away, until the source ends too."""
        self.drops = True
        self._in_pipe, self._held = 0, memoryview(b"")
        self._leave_pipe()
        self._unblock()
        self._link.on_ended()

    def _end(self) -> None:
        self.has_ended = True
        self._link.loop.remove_reader(self._source.fileno())
        self._leave_pipe()
        try:
            self._target.shutdown(socket.SHUT_WR)
        except OSError:
            # Not connected any more: there is nobody to tell.
            pass
        self._link.on_ended()

    def close(self) -> None:
        """Watches its sockets no longer."""
        self._link.loop.remove_reader(self._source.fileno())
        self._link.loop.remove_writer(self._target.fileno())
        self._leave_pipe()


class Link:
    """A client's socket and a backend's, joined for good; `on_closed` is called once."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        client: socket.socket,
        backend: socket.socket,
        on_closed: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.last_used_s = loop.time()
        self._on_closed = on_closed
        self._sockets = (client, backend)
        self._is_closed = False
        self._up = Pump(self, client, backend)
        self._down = Pump(self, backend, client)

    @property
    def bytes_in(self) -> int:
        """From the client."""
        return self._up.moved

    @property
    def bytes_out(self) -> int:
        """To the client."""
        return self._down.moved

    def idle_since_s(self) -> float:
        """When a byte last went either way."""
        return self.last_used_s

    def count_early(self, size_bytes: int) -> None:
        """What the client had sent before the sockets were joined."""
        self._up.moved += size_bytes

    def on_ended(self) -> None:
        """A pump has nothing to carry any more."""
        up, down = self._up, self._down
        if up.has_ended and down.has_ended:
            self._close(with_reset=False)
        elif up.drops and down.drops:
            self.abort()
        elif (up.drops and down.has_ended) or (down.drops and up.has_ended):
            self.loop.call_later(LINGER_S, self._close, False)

    def abort(self) -> None:
        """Ends both sides at once, and lets them know."""
        self._close(with_reset=True)

    def _close(self, with_reset: bool) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._up.close()
        self._down.close()
        for sock in self._sockets:
            if with_reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            sock.close()
        self._on_closed()

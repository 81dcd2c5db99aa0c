"""An answer on its way to a client in HTTP/1: its head, and how its body is framed."""

from appliance.proxy.transport import Transport
from appliance.wire.chunked import encode_last_chunk

# Below this, joining a chunk's size line, data and end costs less than three writes.
JOINED_CHUNK_BYTES = 16 * 1024


class Answer:
    """Writes one answer; the head waits for the first of the body, which mostly came with it."""

    __slots__ = ("_head", "_transport", "chunked")

    def __init__(self, transport: Transport, head: bytes, chunked: bool) -> None:
        self._transport = transport
        self._head = head
        self.chunked = chunked

    def flush(self) -> None:
        """Sends a head whose body has not begun yet."""
        if self._head:
            self._write(b"")

    def send(self, data: bytes) -> None:
        """A piece of the body, never empty."""
        if not self.chunked:
            self._write(data)
        elif len(data) <= JOINED_CHUNK_BYTES:
            self._write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._write(b"%x\r\n" % len(data))
            self._transport.write(data)
            self._transport.write(b"\r\n")

    def end(self, last: bytes, trailers: bytes) -> None:
        """The last piece, which may be empty, and the end; trailers only where it is chunked."""
        if self.chunked:
            if last:
                self.send(last)
            last = encode_last_chunk(trailers)
        self._write(last)

    def _write(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if head:
            self._transport.write(head + data)
        elif data:
            self._transport.write(data)

"""The body of a request on its way to a backend: where it ends, and how it is framed (PURE)."""

from appliance.wire.chunked import ChunkedReader, encode_last_chunk
from appliance.wire.fields import Framing


class RequestBody:
    """Follows one body; `feed` gives what goes to the backend, framed as it came."""

    __slots__ = ("_chunks", "_left", "done", "size_bytes")

    def __init__(self, framing: Framing) -> None:
        self._chunks = ChunkedReader() if framing.chunked else None
        self._left = framing.length or 0
        self.done = not framing.chunked and not self._left
        self.size_bytes = 0
        """What has come so far, framing not counted."""

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """The bytes for the backend, and those after the body's end.

        Raises MalformedHeadError where a chunk or a trailer is malformed.
        """
        if self._chunks is not None:
            return self._feed_chunks(self._chunks, data)
        size, left = len(data), self._left
        if size < left:
            self._left = left - size
            self.size_bytes += size
            return data, b""
        self._left = 0
        self.done = True
        self.size_bytes += left
        return data[:left], data[left:]

    def _feed_chunks(self, chunks: ChunkedReader, data: bytes) -> tuple[bytes, bytes]:
        pieces = chunks.feed(data)
        self.size_bytes += sum(map(len, pieces))
        framed = b"".join([b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces])
        if not chunks.done:
            return framed, b""
        self.done = True
        return framed + encode_last_chunk(chunks.trailers), chunks.surplus

"""The chunked transfer coding, read strictly and a piece at a time (RFC 9112 section 7.1).

Fed with whatever the socket gave, it yields the pieces of data without copying more than slices.
Chunk extensions are checked and dropped; trailers are kept for the other side. A size that does
not fit, junk after a size, a bare LF or a missing CRLF is refused: those are the seams at which two
parsers come apart.
"""

import enum
import re

from appliance.wire.fields import MalformedHeadError, parse_trailer_line

# 15 hex digits stay below 2**60: larger than any body, smaller than any integer that overflows.
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
# A size, and extensions that nobody uses.
MAX_SIZE_LINE_BYTES = 256
# Checksums and timings, not data.
MAX_TRAILER_BYTES = 8192
MAX_TRAILER_LINES = 64

LAST_CHUNK = b"0\r\n\r\n"


class Part(enum.Enum):
    """What comes next on the wire."""

    SIZE = enum.auto()
    DATA = enum.auto()
    DATA_END = enum.auto()
    TRAILER = enum.auto()
    DONE = enum.auto()


class ChunkedReader:
    """Undoes the chunked coding. After DONE, `surplus` holds what followed the body."""

    __slots__ = (
        "_held",
        "_left",
        "_trailer_bytes",
        "_trailer_lines",
        "part",
        "surplus",
        "trailers",
    )

    def __init__(self) -> None:
        self.part = Part.SIZE
        self.trailers = b""
        self.surplus = b""
        self._held = b""
        self._left = 0
        self._trailer_lines = 0
        self._trailer_bytes = 0

    @property
    def done(self) -> bool:
        return self.part is Part.DONE

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces of body in `data`. Raises MalformedHeadError."""
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        position = 0
        while position < len(data) and self.part is not Part.DONE:
            if self.part is Part.DATA:
                piece = data[position : position + self._left]
                pieces.append(piece)
                position += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self.part = Part.DATA_END
                continue
            read = self._read_line(data, position)
            if read < 0:
                self._held = data[position:]
                return pieces
            position = read
        if self.part is Part.DONE:
            self.surplus = data[position:]
        return pieces

    def _read_line(self, data: bytes, position: int) -> int:
        """Takes one line; the place after it, or -1 where its end has not arrived."""
        if self.part is Part.DATA_END:
            return self._read_data_end(data, position)
        limit = MAX_SIZE_LINE_BYTES if self.part is Part.SIZE else MAX_TRAILER_BYTES
        end = data.find(b"\r\n", position, position + limit + 2)
        if end < 0:
            self._check_unfinished(data[position : position + limit + 2], limit)
            return -1
        line = data[position:end]
        if self.part is Part.SIZE:
            self._take_size(line)
        else:
            self._take_trailer(line)
        return end + 2

    def _read_data_end(self, data: bytes, position: int) -> int:
        ending = data[position : position + 2]
        if ending == b"\r\n":
            self.part = Part.SIZE
            return position + 2
        if ending == b"\r":
            return -1
        raise MalformedHeadError("a chunk is longer than its size says")

    def _check_unfinished(self, line: bytes, limit: int) -> None:
        if len(line) > limit:
            raise MalformedHeadError("a chunk's size line or a trailer is too long")
        if b"\n" in line or b"\r" in line[:-1]:
            raise MalformedHeadError("a line of the chunked coding is ended by a bare CR or LF")
        if self.part is Part.SIZE:
            start = line.removesuffix(b"\r")
            if start and _SIZE_LINE.fullmatch(start) is None:
                raise MalformedHeadError("a chunk's size is not a number that fits")

    def _take_size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise MalformedHeadError("a chunk's size is not a number that fits")
        self._left = int(match[1], 16)
        self.part = Part.DATA if self._left else Part.TRAILER

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            self.part = Part.DONE
            return
        self._trailer_lines += 1
        self._trailer_bytes += len(line)
        self.trailers += parse_trailer_line(line)
        if self._trailer_bytes > MAX_TRAILER_BYTES or self._trailer_lines > MAX_TRAILER_LINES:
            raise MalformedHeadError("the trailers are too large", status=431)


def encode_last_chunk(trailers: bytes) -> bytes:
    """The end of a chunked body, with `trailers` as ready lines."""
    return b"0\r\n%b\r\n" % trailers if trailers else LAST_CHUNK

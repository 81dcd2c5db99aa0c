"""The server's half of RFC 6455, pure: bytes in, messages out, and the other way round.

No extensions. A message may be at most MAX_MESSAGE_BYTES, in any number of fragments.
"""

import base64
import hashlib
from collections.abc import Iterator

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
GOING_AWAY, PROTOCOL_ERROR, UNSUPPORTED, NOT_UTF8, TOO_BIG = 1001, 1002, 1003, 1007, 1009

# A line of a chat is far shorter; the bound is what a hostile one may make us hold.
MAX_MESSAGE_BYTES = 64 * 1024
# RFC 6455 5.5
MAX_CONTROL_BYTES = 125
# RFC 6455 1.3
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Frame = tuple[bool, int, bytes]
Message = tuple[int, bytes]


class BadFrame(Exception):  # noqa: N818  # what it is, in words
    """What the peer sent is refused; `code` is for the close frame (RFC 6455 7.4.1)."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code


def accept_key(key: str) -> str:
    """The proof that the handshake was understood (RFC 6455 4.2.2)."""
    digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def encode_frame(kind: int, payload: bytes) -> bytes:
    """One whole, unmasked frame (RFC 6455 5.2)."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | kind, size))
    elif size < 65536:
        head = bytes((0x80 | kind, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | kind, 127)) + size.to_bytes(8, "big")
    return head + payload


def encode_close(code: int) -> bytes:
    """A close frame with its reason as a number."""
    return encode_frame(CLOSE, code.to_bytes(2, "big"))


def unmask(payload: bytes, mask: bytes) -> bytes:
    """Each byte with the mask's in turn (RFC 6455 5.3)."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


class Reader:
    """Turns a client's bytes into messages: texts, pings, pongs and the close."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._parts: list[bytes] | None = None

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that `data` completes. Raises BadFrame."""
        self._waiting += data
        while (frame := self._take_frame()) is not None:
            message = self._join(*frame)
            if message is not None:
                yield message

    def _take_frame(self) -> Frame | None:
        waiting = self._waiting
        if len(waiting) < 2:
            return None
        is_last, kind, size = bool(waiting[0] & 0x80), waiting[0] & 0x0F, waiting[1] & 0x7F
        if waiting[0] & 0x70:
            raise BadFrame(PROTOCOL_ERROR, "reserved bits are set")
        if not waiting[1] & 0x80:
            raise BadFrame(PROTOCOL_ERROR, "a client's frame must be masked")
        if kind >= CLOSE and (size > MAX_CONTROL_BYTES or not is_last):
            raise BadFrame(PROTOCOL_ERROR, "a control frame is short and whole")
        start = {126: 4, 127: 10}.get(size, 2)
        if len(waiting) < start + 4:
            return None
        if size >= 126:
            size = int.from_bytes(waiting[2:start], "big")
        if size > MAX_MESSAGE_BYTES:
            raise BadFrame(TOO_BIG, "the message is too big")
        end = start + 4 + size
        if len(waiting) < end:
            return None
        payload = unmask(bytes(waiting[start + 4 : end]), bytes(waiting[start : start + 4]))
        del waiting[:end]
        return is_last, kind, payload

    def _join(self, is_last: bool, kind: int, payload: bytes) -> Message | None:
        """Fragments wait here for their last one; control frames may come between (5.4)."""
        if kind in (CLOSE, PING, PONG):
            return kind, payload
        if kind == BINARY:
            raise BadFrame(UNSUPPORTED, "texts only")
        if kind not in (CONTINUATION, TEXT) or (kind == TEXT) != (self._parts is None):
            raise BadFrame(PROTOCOL_ERROR, "this frame does not belong here")
        parts = self._parts = (self._parts or []) + [payload]
        if sum(map(len, parts)) > MAX_MESSAGE_BYTES:
            raise BadFrame(TOO_BIG, "the message is too big")
        if not is_last:
            return None
        self._parts = None
        whole = b"".join(parts)
        try:
            whole.decode()
        except UnicodeDecodeError:
            raise BadFrame(NOT_UTF8, "the text is not UTF-8") from None
        return TEXT, whole

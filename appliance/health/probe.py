"""One look at one backend: connect, and where a path is given, ask for it.

Reads no more of the answer than its head, so that an answer of any size costs the same.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from appliance.wire.fields import MalformedHeadError
from appliance.wire.response import parse_response

# As much as traffic allows by default; a health page has no business with more.
MAX_HEAD_BYTES = 32 * 1024
MAX_FIELDS = 128


def encode_question(path: str, host: str) -> bytes:
    """The request of a check."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: gatelight-health\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode()


def find_fault(head: bytes) -> str | None:
    """What is wrong with an answer's head (without the empty line); None when it is well."""
    try:
        status = parse_response(head, MAX_FIELDS).status
    except MalformedHeadError as error:
        return f"its answer is not valid HTTP: {error.what}"
    return None if 200 <= status < 400 else f"it answered {status}"


class Probe(asyncio.Protocol):
    """The receiver of one check's answer; tells the outcome once, None for a success."""

    def __init__(self, question: bytes, done: Callable[[str | None], None]) -> None:
        self._question = question
        self._done = done
        self._is_done = False
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        if self._question:
            transport.write(self._question)
        else:
            self.end(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while not self._is_done and (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
            # A 1xx goes before the answer proper.
            if not head.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):
                self.end(find_fault(head))
        if len(self._buffer) > MAX_HEAD_BYTES:
            self.end(f"the head of its answer is larger than {MAX_HEAD_BYTES} bytes")

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(str(exc) if exc else "it closed the connection without an answer")

    def end(self, error: str | None) -> None:
        """Tells the outcome, unless that was told already, and ends the connection."""
        if self._is_done:
            return
        self._is_done = True
        if self._transport is not None:
            self._transport.abort()
        self._done(error)

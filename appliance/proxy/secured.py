"""TLS with a client: between its socket and whatever receives its requests.

Towards the socket it is the receiver, towards the receiver it is the transport, so everything above
works the same over TLS. The bytes go through OpenSSL in memory: what was read before it was known
whose the connection is goes in like all that follows (docs/decisions/0005-tls-in-memory.md).

An end is an end only with close_notify (RFC 8446 6.1). A socket that ends without it may have been
cut off by anybody on the way, so then the whole connection is over.
"""

import asyncio
import enum
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from appliance.proxy.transport import Receiver, Transport

# RFC 8446 5.1: what one record holds.
MAX_RECORD_BYTES = 1 << 14
# As much as goes into OpenSSL's memory at once. That memory only grows, so this bounds what a
# connection keeps after a large transfer; smaller pieces cost more calls.
MAX_PIECE_BYTES = 1 << 16
# What OpenSSL may answer by itself to one piece. A client that needs new keys asks for them once;
# 2400 such wishes fit into a piece, each costs more than a request, and all are met at a stretch.
MAX_OWN_ANSWER_BYTES = 1 << 10


class State(enum.Enum):
    """Where the connection stands; SHUT: our side has ended, the client's has not."""

    ARRIVED = enum.auto()
    HANDSHAKE = enum.auto()
    OPEN = enum.auto()
    SHUT = enum.auto()
    CLOSED = enum.auto()


_ARRIVED, _HANDSHAKE, _OPEN = State.ARRIVED, State.HANDSHAKE, State.OPEN
_SHUT, _CLOSED = State.SHUT, State.CLOSED


class Secured(asyncio.Protocol, ABC):
    """One connection, from before its hello to its end.

    What is built on it says what its first bytes are (`arrived`), and who receives what follows
    (`opened`), or hears why nothing does (`failed`). It stays the socket's receiver throughout: to
    put another in its place costs more system calls than a request.
    """

    __slots__ = (
        "_call_soon",
        "_decrypt",
        "_encrypt",
        "_has_ended",
        "_held",
        "_incoming",
        "_is_full",
        "_is_held_back",
        "_is_paused",
        "_is_told",
        "_outgoing",
        "_receiver",
        "_session",
        "_state",
        "_ticket_bytes",
        "transport",
    )

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self.transport: Transport
        self._call_soon = call_soon
        self._receiver: Receiver | None = None
        self._state = _ARRIVED
        self._is_paused = self._is_full = self._is_held_back = False
        self._has_ended = self._is_told = False
        self._held = b""
        self._ticket_bytes = 0

    # What is built on it.

    @abstractmethod
    def arrived(self, data: bytes) -> None:
        """Bytes that came before `begin`."""

    @abstractmethod
    def opened(self) -> Receiver:
        """The handshake is done: who receives what is decrypted."""

    @abstractmethod
    def failed(self, why: str) -> None:
        """It is over before there was a receiver; said once."""

    def begin(self, first: ssl.SSLContext, own: ssl.SSLContext, early: bytes) -> None:
        """Begins the handshake with the bytes that came before.

        `first`: the context all connections begin with, as session tickets are encrypted with its
        keys; `own`: the one with the certificate.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = first.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._session.context = own
        self._decrypt, self._encrypt = self._session.read, self._session.write
        self._state = _HANDSHAKE
        self.data_received(early)

    # The socket's callbacks.

    def data_received(self, data: bytes) -> None:
        if self._state is _ARRIVED:
            self.arrived(data)
            return
        if len(data) > MAX_PIECE_BYTES:
            for start in range(0, len(data), MAX_PIECE_BYTES):
                self.data_received(data[start : start + MAX_PIECE_BYTES])
            return
        self._incoming.write(data)
        if self._state is _HANDSHAKE:
            self._shake_hands()
        else:
            self._read_on()

    def _shake_hands(self) -> None:
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            # The alert that says why goes out first.
            self._flush()
            self._state = _CLOSED
            self.transport.close()
            self._fail(error.reason or str(error))
            return
        if self._incoming.pending and self._session.version() == "TLSv1.3":
            # All that is left to send is a ticket. A request is here: it goes out with the answer.
            self._ticket_bytes = self._outgoing.pending
        else:
            self._flush()
        self._state = _OPEN
        self._receiver = self.opened()
        self._receiver.connection_made(self)
        self._read_on()

    def _read_on(self) -> None:
        """Hands on all that can be decrypted by now."""
        receiver, state = self._receiver, self._state
        if self._is_paused or self._is_told or receiver is None or state is _CLOSED:
            return
        data = self._read()
        if self._outgoing.pending > self._ticket_bytes and not self._answer_for_openssl():
            return
        if self._held:
            data, self._held = self._held + data, b""
        if data:
            receiver.data_received(data)
        if self._has_ended and self._state is not _CLOSED:
            self._is_told = True
            if not receiver.eof_received():
                self.close()

    def _answer_for_openssl(self) -> bool:
        """Sends what is not the receiver's, such as the answer to a key update; False: cut off.

        Whoever asks for such answers and takes none is not read on, or they would pile up.
        """
        if self._outgoing.pending > MAX_OWN_ANSWER_BYTES:
            self.abort()
            return False
        self._flush()
        if self._is_full:
            self._is_held_back = True
            self.transport.pause_reading()
        return True

    def _read(self) -> bytes:
        incoming, decrypt = self._incoming, self._decrypt
        pieces: list[bytes] = []
        try:
            # To ask when there is nothing raises, which costs more than reading.
            while incoming.pending:
                data = decrypt(MAX_RECORD_BYTES)
                if not data:
                    self._has_ended = True
                    break
                if not incoming.pending and not pieces:
                    return data
                pieces.append(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            # How the end is told once our side has ended.
            self._has_ended = True
        except ssl.SSLError:
            self._flush()
            self.transport.close()
        return b"".join(pieces)

    def eof_received(self) -> bool:
        """The socket's end: only after the client's own is our side still wanted."""
        return self._has_ended and self._state is _OPEN

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = _CLOSED
        # Not held on to: what points at each other would wait for the garbage collector.
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.connection_lost(exc)
        elif not self._is_told:
            self._fail("the connection ended")

    def _fail(self, why: str) -> None:
        self._is_told = True
        self.failed(why)

    def pause_writing(self) -> None:
        self._is_full = True
        if self._receiver is not None:
            self._receiver.pause_writing()

    def resume_writing(self) -> None:
        self._is_full = False
        if self._is_held_back:
            self._is_held_back = False
            if not self._is_paused:
                self.transport.resume_reading()
        if self._receiver is not None:
            self._receiver.resume_writing()

    # The receiver's transport.

    def write(self, data: bytes) -> None:
        """Encrypts and sends; nothing once our side has ended."""
        if self._state is not _OPEN or not data:
            return
        self._ticket_bytes = 0
        try:
            if len(data) <= MAX_PIECE_BYTES:
                self._encrypt(data)
                self.transport.write(self._outgoing.read())
                return
            view = memoryview(data)
            for start in range(0, len(data), MAX_PIECE_BYTES):
                self._encrypt(view[start : start + MAX_PIECE_BYTES])
                self.transport.write(self._outgoing.read())
        except ssl.SSLError:
            self.transport.abort()

    def _flush(self) -> None:
        self._ticket_bytes = 0
        data = self._outgoing.read()
        if data and self._state is not _SHUT:
            self.transport.write(data)

    def pause_reading(self) -> None:
        self._is_paused = True
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        self._is_paused = False
        if not self._is_held_back:
            self.transport.resume_reading()
        if self._incoming.pending or self._held or self._has_ended:
            self._call_soon(self._read_on)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Ends our side; the client may go on."""
        if self._state is _OPEN:
            # Goodbye must be all that OpenSSL has before it: it cannot read on past what it meets.
            self._held += self._read()
            self._say_goodbye()
            self._state = _SHUT
            self.transport.write_eof()

    def _say_goodbye(self) -> None:
        try:
            self._session.unwrap()
        except ssl.SSLError:
            # Wanting to read means only that the client has not said goodbye yet.
            pass
        self._flush()

    def close(self) -> None:
        """Ends the connection once what was written is sent."""
        if self._state is _OPEN:
            self._say_goodbye()
        self._state = _CLOSED
        self.transport.close()

    def abort(self) -> None:
        """Ends the connection at once."""
        self._state = _CLOSED
        self.transport.abort()

    def set_protocol(self, protocol: Any) -> None:
        """Another receiver from here on."""
        self._receiver = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._session
        return self.transport.get_extra_info(name, default)

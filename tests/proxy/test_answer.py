"""How an answer is framed for a client."""

from typing import cast

from appliance.proxy.answer import JOINED_CHUNK_BYTES, Answer
from appliance.proxy.transport import Transport


class Written:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)


def answer(chunked: bool) -> tuple[Answer, Written]:
    written = Written()
    return Answer(cast(Transport, written), b"HEAD\r\n\r\n", chunked), written


def test_the_head_goes_out_with_the_first_of_the_body() -> None:
    it, written = answer(chunked=False)
    it.send(b"one")
    it.send(b"two")
    it.end(b"", b"")
    assert written.writes == [b"HEAD\r\n\r\none", b"two"]


def test_a_head_alone_can_be_flushed_once() -> None:
    it, written = answer(chunked=False)
    it.flush()
    it.flush()
    it.end(b"", b"")
    assert written.writes == [b"HEAD\r\n\r\n"]


def test_pieces_become_chunks_with_an_end_and_trailers() -> None:
    it, written = answer(chunked=True)
    it.send(b"a" * 26)
    it.end(b"z", b"Digest: x\r\n")
    assert b"".join(written.writes) == (
        b"HEAD\r\n\r\n1a\r\n" + b"a" * 26 + b"\r\n1\r\nz\r\n0\r\nDigest: x\r\n\r\n"
    )


def test_a_large_chunk_is_not_copied() -> None:
    it, written = answer(chunked=True)
    large = b"x" * (JOINED_CHUNK_BYTES + 1)
    it.send(large)
    assert any(piece is large for piece in written.writes)
    assert b"".join(written.writes) == b"HEAD\r\n\r\n4001\r\n" + large + b"\r\n"

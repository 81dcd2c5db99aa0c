"""The chat's half of RFC 6455, without a network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websocket import (
    CLOSE,
    MAX_MESSAGE_BYTES,
    PING,
    TEXT,
    BadFrame,
    Message,
    Reader,
    accept_key,
    encode_close,
    encode_frame,
    unmask,
)

MASK = b"\x01\x02\x03\x04"


def masked(first: int, payload: bytes) -> bytes:
    """A client's frame."""
    plain = encode_frame(first & 0x0F, payload)
    head = bytes((first, plain[1] | 0x80)) + plain[2 : len(plain) - len(payload)]
    return head + MASK + unmask(payload, MASK)


TEXT_FRAME = masked(0x81, "grüß dich".encode())
GOOD: dict[str, tuple[bytes, list[Message]]] = {
    "one text": (TEXT_FRAME, [(TEXT, "grüß dich".encode())]),
    "an empty text": (masked(0x81, b""), [(TEXT, b"")]),
    "two frames": (TEXT_FRAME * 2, [(TEXT, "grüß dich".encode())] * 2),
    "fragments with a ping between": (
        masked(0x01, b"a\xc3") + masked(0x89, b"p") + masked(0x80, b"\xbc"),
        [(PING, b"p"), (TEXT, b"a\xc3\xbc")],
    ),
    "126 bytes": (masked(0x81, b"x" * 126), [(TEXT, b"x" * 126)]),
    "the biggest": (masked(0x81, b"x" * MAX_MESSAGE_BYTES), [(TEXT, b"x" * MAX_MESSAGE_BYTES)]),
    "close": (masked(0x88, b"\x03\xe8"), [(CLOSE, b"\x03\xe8")]),
}
BAD = {
    "unmasked": (encode_frame(TEXT, b"a"), 1002),
    "reserved bit": (masked(0xC1, b"a"), 1002),
    "unknown kind": (masked(0x83, b"a"), 1002),
    "a continuation of nothing": (masked(0x80, b"a"), 1002),
    "a text within a text": (masked(0x01, b"a") + masked(0x81, b"b"), 1002),
    "a ping in fragments": (masked(0x09, b"a"), 1002),
    "a long ping": (masked(0x89, b"a" * 126), 1002),
    "binary": (masked(0x82, b"a"), 1003),
    "not UTF-8": (masked(0x81, b"\xff"), 1007),
    "too big": (masked(0x81, b"x" * (MAX_MESSAGE_BYTES + 1)), 1009),
    "too big in fragments": (masked(0x01, b"x" * MAX_MESSAGE_BYTES) + masked(0x80, b"x"), 1009),
    "a size beyond all": (b"\x81\xff" + b"\xff" * 8 + MASK, 1009),
}


@pytest.mark.parametrize(("data", "messages"), GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("step", [1, 7, 1 << 20], ids=["byte by byte", "in sevens", "whole"])
def test_messages_come_out_however_they_are_cut(
    data: bytes, messages: list[Message], step: int
) -> None:
    reader = Reader()
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    assert [message for piece in pieces for message in reader.feed(piece)] == messages


@pytest.mark.parametrize(("data", "code"), BAD.values(), ids=BAD)
def test_what_the_rfc_forbids_is_refused_with_its_number(data: bytes, code: int) -> None:
    with pytest.raises(BadFrame) as caught:
        list(Reader().feed(data))
    assert caught.value.code == code


@given(st.binary(max_size=300))
def test_masking_twice_changes_nothing(payload: bytes) -> None:
    assert unmask(unmask(payload, MASK), MASK) == payload


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_end_it_in_another_way_than_a_refusal(pieces: list[bytes]) -> None:
    reader = Reader()
    try:
        for piece in pieces:
            list(reader.feed(piece))
    except BadFrame:
        pass


def test_the_handshake_is_answered_as_the_rfc_shows() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_close_frame_carries_its_number() -> None:
    assert encode_close(1001) == b"\x88\x02\x03\xe9"

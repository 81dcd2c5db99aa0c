"""The chunked coding: whole, byte by byte, with trailing bytes, and whatever Hypothesis finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.wire.chunked import ChunkedReader, encode_last_chunk
from appliance.wire.fields import MalformedHeadError

GOOD = {
    "empty": (b"0\r\n\r\n", b"", b""),
    "one chunk": (b"5\r\nhello\r\n0\r\n\r\n", b"hello", b""),
    "two chunks": (b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc", b""),
    "upper and lower hex": (
        b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
        b"0123456789" * 2,
        b"",
    ),
    "leading zeros": (b"0005\r\nhello\r\n000\r\n\r\n", b"hello", b""),
    "extension": (b'5;a="b;c"\r\nhello\r\n0;x\r\n\r\n', b"hello", b""),
    "space before extension": (b"5 ;a\r\nhello\r\n0\r\n\r\n", b"hello", b""),
    "CRLF in data": (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n", b""),
    "trailers": (b"0\r\nX-A: 1\r\nX-B:2\r\n\r\n", b"", b"X-A: 1\r\nX-B: 2\r\n"),
    "trailers that frame": (b"0\r\nContent-Length: 1\r\nX: 1\r\nHost: b\r\n\r\n", b"", b"X: 1\r\n"),
}
BAD = {
    "no size": b"\r\nhello",
    "not hex": b"g\r\n",
    "0x": b"0x5\r\nhello\r\n",
    "sign": b"+5\r\nhello\r\n",
    "negative": b"-1\r\n",
    "sixteen digits": b"1000000000000000\r\n",
    "leading space": b" 5\r\nhello\r\n",
    "junk after size": b"5 hello\r\n",
    "LF after size": b"5\nhello\r\n",
    "bare CR in extension": b"5;a\rb\r\nhello",
    "NUL in extension": b"5;\0\r\nhello",
    "long extension": b"5;" + b"a" * 300 + b"\r\n",
    "data longer than size": b"5\r\nhello!\r\n",
    "LF after data": b"5\r\nhello\n0\r\n\r\n",
    "CR alone after data": b"5\r\nhello\rX",
    "folded trailer": b"0\r\nX: a\r\n b\r\n\r\n",
    "trailer without colon": b"0\r\nX\r\n\r\n",
    "bare LF trailer": b"0\r\nX: 1\n\r\n\r\n",
    "too many trailers": b"0\r\n" + b"X: 1\r\n" * 100 + b"\r\n",
    "endless trailer": b"0\r\nX: " + b"a" * 9000,
}


@pytest.mark.parametrize(("data", "body", "trailers"), GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("step", [1, 2, 3, 10_000])
@pytest.mark.parametrize("surplus", [b"", b"GET / HTTP/1.1\r\n"], ids=["end", "surplus"])
def test_a_good_body_is_read_however_it_is_cut(
    data: bytes, body: bytes, trailers: bytes, step: int, surplus: bytes
) -> None:
    reader = ChunkedReader()
    whole = data + surplus
    found, left = b"", b""
    for start in range(0, len(whole), step):
        piece = whole[start : start + step]
        if reader.done:
            left += piece
        else:
            found += b"".join(reader.feed(piece))
            left += reader.surplus
    assert reader.done
    assert (found, reader.trailers, left) == (body, trailers, surplus)


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
@pytest.mark.parametrize("step", [1, 7, 20_000])
def test_a_body_in_doubt_is_refused_however_it_is_cut(data: bytes, step: int) -> None:
    reader = ChunkedReader()
    with pytest.raises(MalformedHeadError):
        feed_in_steps(reader, data, step)


def feed_in_steps(reader: ChunkedReader, data: bytes, step: int) -> bytes:
    return b"".join(
        b"".join(reader.feed(data[start : start + step])) for start in range(0, len(data), step)
    )


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=10), st.integers(1, 50))
def test_what_is_encoded_is_read_back(pieces: list[bytes], step: int) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + encode_last_chunk(b"")
    reader = ChunkedReader()
    assert feed_in_steps(reader, data, step) == b"".join(pieces)
    assert reader.done


@given(st.binary(max_size=200), st.integers(1, 20))
def test_any_bytes_are_read_alike_whole_and_in_pieces(data: bytes, step: int) -> None:
    outcomes = []
    for size in (step, len(data) or 1):
        reader = ChunkedReader()
        try:
            found = feed_until_done(reader, data, size)
        except MalformedHeadError:
            outcomes.append((b"", "refused"))
        else:
            outcomes.append((found, reader.part.name))
    assert outcomes[0] == outcomes[1]


def feed_until_done(reader: ChunkedReader, data: bytes, step: int) -> bytes:
    found = b""
    for start in range(0, len(data), step):
        if reader.done:
            break
        found += b"".join(reader.feed(data[start : start + step]))
    return found

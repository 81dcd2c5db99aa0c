"""Where a request's body ends, and how it goes on to the backend."""

import pytest

from appliance.proxy.request_body import RequestBody
from appliance.wire.fields import Framing, MalformedHeadError


def test_a_body_of_known_length_goes_on_as_it_came() -> None:
    body = RequestBody(Framing(5, False))
    assert body.feed(b"he") == (b"he", b"")
    assert not body.done
    assert body.feed(b"lloGET /next") == (b"llo", b"GET /next")
    assert body.done
    assert body.size_bytes == 5


def test_a_body_of_no_bytes_is_done_from_the_start() -> None:
    assert RequestBody(Framing(0, False)).done


def test_chunks_go_on_as_chunks_with_their_trailers() -> None:
    body = RequestBody(Framing(None, True))
    assert body.feed(b"3;name=value\r\nabc\r\n") == (b"3\r\nabc\r\n", b"")
    assert not body.done
    framed, after = body.feed(b"0\r\nDigest: x\r\n\r\nPOST /")
    assert (framed, after) == (b"0\r\nDigest: x\r\n\r\n", b"POST /")
    assert body.done
    assert body.size_bytes == 3


def test_chunks_fed_byte_by_byte_say_the_same() -> None:
    body = RequestBody(Framing(None, True))
    framed = b"".join(
        body.feed(bytes([byte]))[0] for byte in b"4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n"
    )
    again = RequestBody(Framing(None, True))
    again.feed(framed)
    assert again.done
    assert again.size_bytes == body.size_bytes == 9


def test_a_malformed_chunk_is_refused() -> None:
    with pytest.raises(MalformedHeadError):
        RequestBody(Framing(None, True)).feed(b"zz\r\n")

"""Request heads: what is read, what is refused, and that one can never pass for two."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.wire.fields import MalformedHeadError
from appliance.wire.request import check_unfinished_head, parse_request

FIELDS = 128


def head(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("latin-1")


def test_a_plain_request() -> None:
    request = parse_request(head("GET /a?b HTTP/1.1", "Host: A.test", "X-One:  1 "), FIELDS)
    assert (request.line.method, request.line.target) == (b"GET", b"/a?b")
    assert request.host == b"A.test"
    assert request.fields.lines == b"X-One: 1\r\n"
    assert request.fields.keep_alive
    assert not request.fields.has_body


def test_the_absolute_form_is_sent_on_in_origin_form() -> None:
    request = parse_request(head("GET http://a.test?x HTTP/1.1", "Host: A.TEST"), FIELDS)
    assert (request.line.target, request.host) == (b"/?x", b"a.test")


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "Keep-Alive, CLOSE", False),
        ("1.0", None, False),
        ("1.0", "keep-alive", True),
    ],
)
def test_keep_alive_follows_version_and_connection(
    version: str, connection: str | None, kept: bool
) -> None:
    more = [f"Connection: {connection}"] if connection else []
    request = parse_request(head(f"GET / HTTP/{version}", "Host: a", *more), FIELDS)
    assert request.fields.keep_alive is kept


def test_hop_by_hop_forwarding_and_nominated_fields_are_taken_out() -> None:
    request = parse_request(
        head(
            "GET / HTTP/1.1",
            "Host: a",
            "Connection: close, X-Mine",
            "X-Mine: 1",
            "TE: trailers",
            "Proxy-Connection: x",
            "Keep-Alive: 5",
            "X-Forwarded-For: 1.2.3.4",
            "X_Forwarded_For: 1.2.3.4",
            "Forwarded: for=1.2.3.4",
            "X-Kept: yes",
        ),
        FIELDS,
    )
    assert request.fields.lines == b"X-Kept: yes\r\n"
    assert request.fields.named[b"x-forwarded-for"] == b"1.2.3.4"


@pytest.mark.parametrize("cached", [True, False], ids=["short", "long"])
@pytest.mark.parametrize("bad", ["X\x00: 1", "X: \x01", "X: a\x7f", "(X): 1", ": 1", "", "X: \x0b"])
def test_a_bad_field_line_is_refused_whether_or_not_lines_are_kept(bad: str, cached: bool) -> None:
    filler = [] if cached else ["X-Filler: " + "a" * 3000]
    for _ in range(2):
        with pytest.raises(MalformedHeadError):
            parse_request(head("GET / HTTP/1.1", "Host: a", *filler, bad), FIELDS)


TOKENS = st.text("abcdefXYZ-", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)


@given(st.lists(st.tuples(TOKENS, VALUES), max_size=20))
def test_ordinary_fields_go_on_in_order_and_unchanged(pairs: list[tuple[str, str]]) -> None:
    plain = [(f"Z{name}", value) for name, value in pairs]
    lines = [f"{name}: {value}" for name, value in plain]
    request = parse_request(head("GET / HTTP/1.1", "Host: a", *lines), FIELDS)
    assert request.fields.lines == head(*lines, "")


@given(st.binary(max_size=120))
def test_any_bytes_are_a_request_or_refused_and_never_smuggle_a_line(data: bytes) -> None:
    block = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + data.replace(b"\r\n\r\n", b"")
    try:
        request = parse_request(block, FIELDS)
    except MalformedHeadError:
        return
    sent = request.fields.lines
    assert b"\0" not in sent
    assert re.fullmatch(rb"([^\r\n:\s]+: [^\r\n]*\r\n)*", sent)


def test_an_unfinished_head_that_cannot_become_good_is_refused_early() -> None:
    check_unfinished_head(b"GET / HTTP/1.1\r\nHost: a\r", 1000)
    for data, status in (
        (b"GET / HTTP/1.1\nHost", 400),
        (b"GET /\0", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 1000, 431),
        (b"GET /" + b"a" * 9000, 414),
    ):
        with pytest.raises(MalformedHeadError) as caught:
            check_unfinished_head(data, 1000 if status == 431 else 32768)
        assert caught.value.status == status

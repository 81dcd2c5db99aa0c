"""Lines of the access log."""

import json
import re
from time import localtime, strftime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telemetry.log_lines import (
    MAX_REMEMBERED_BYTES,
    clock_text,
    combined_line,
    escape,
    iso_text,
    json_line,
    quote_request,
    quote_visitor,
)

NOW_S = 1_700_000_000
NGINX = re.compile(
    rb'(?P<client>\S+) - - \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d+) (?P<bytes>\d+)'
    rb' "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"'
    rb" site=(?P<site>\S+) backend=(?P<backend>\S+) total_ms=(?P<total>[\d.]+)"
    rb" backend_ms=(?P<backend_ms>[\d.]+)\n"
)


def fields(**changed: Any) -> tuple[Any, ...]:
    values = {
        "time_text": clock_text(NOW_S),
        "client_ip": b"192.0.2.7",
        "request_line": b"GET / HTTP/1.1",
        "status": 200,
        "bytes_out": 612,
        "bytes_in": 5,
        "visitor": (b"", b"curl/8"),
        "site": b"a.test",
        "backend": b"http://10.0.0.1:80",
        "total_us": 1234,
        "backend_us": 1000,
    }
    return tuple((values | changed).values())


def test_combined_is_nginx_s_line_with_ours_behind() -> None:
    time = strftime("%d/%b/%Y:%H:%M:%S %z", localtime(NOW_S)).encode()
    assert combined_line(*fields()) == (
        b'192.0.2.7 - - [%b] "GET / HTTP/1.1" 200 612 "-" "curl/8"'
        b" site=a.test backend=http://10.0.0.1:80 total_ms=1.234 backend_ms=1.000\n" % time
    )


def test_what_is_not_there_is_a_dash() -> None:
    line = combined_line(*fields(request_line=b"", visitor=(b"", b""), site=b"", backend=b""))
    assert b'"-" 200 612 "-" "-" site=- backend=- ' in line


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (b"plain / ?=&%20", b"plain / ?=&%20"),
        (b'say "hi"', rb"say \x22hi\x22"),
        (b"back\\slash", rb"back\x5Cslash"),
        (b"a\r\nb", rb"a\x0D\x0Ab"),
        (b"\x00\x1b[2J\x7f", rb"\x00\x1B[2J\x7F"),
        ("é".encode(), rb"\xC3\xA9"),
        (b"", b"-"),
    ],
    ids=["plain", "quotes", "backslash", "line ends", "controls", "not ASCII", "empty"],
)
def test_a_value_cannot_leave_its_quotes(value: bytes, written: bytes) -> None:
    assert escape(value) == written


@given(st.binary(), st.binary(), st.binary())
def test_any_request_gives_one_line_that_reads_back(
    request: bytes, referer: bytes, agent: bytes
) -> None:
    line = combined_line(*fields(request_line=request, visitor=(referer, agent)))
    match = NGINX.fullmatch(line)
    assert match is not None
    for name, sent in (("request", request), ("referer", referer), ("agent", agent)):
        assert match[name] == escape(sent)


@given(st.binary(), st.binary())
def test_any_request_gives_one_line_of_json(request: bytes, agent: bytes) -> None:
    line = json_line(*fields(request_line=request, visitor=(b"", agent)))
    assert line.count(b"\n") == 1
    assert json.loads(line)["request"].encode("latin-1") == request


def test_json_has_the_fields_by_name() -> None:
    found = json.loads(json_line(*fields(time_text=iso_text(NOW_S))))
    time = found.pop("time")
    assert re.fullmatch(r"2023-11-1\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", time)
    assert found == {
        "client": "192.0.2.7",
        "request": "GET / HTTP/1.1",
        "status": 200,
        "bytes_out": 612,
        "bytes_in": 5,
        "referer": "",
        "user_agent": "curl/8",
        "site": "a.test",
        "backend": "http://10.0.0.1:80",
        "total_ms": 1.234,
        "backend_ms": 1.0,
    }


def test_long_fields_are_not_remembered() -> None:
    """What clients may choose must not fill the memory."""
    quote_visitor.cache_clear()
    quote_request.cache_clear()
    texts = (b"short", b"x" * MAX_REMEMBERED_BYTES, b"y" * (MAX_REMEMBERED_BYTES + 1))
    for text in texts:
        line = combined_line(*fields(request_line=text, visitor=(b"", text)))
        assert b'"%b" 200 612 "-" "%b" ' % (text, text) in line
    assert quote_visitor.cache_info().currsize == 2
    assert quote_request.cache_info().currsize == 2

"""Lines of the access log read back, and chosen from."""

from typing import Any

import pytest

from appliance.telemetry.log_lines import combined_connection_line, combined_line, json_line
from appliance.telemetry.log_view import Wanted, choose, parse_line

VALUES: Any = (
    b"28/Nov/2026:15:05:40 +0000",
    b"192.168.1.7",
    b'GET /a"b HTTP/1.1',
    502,
    616,
    0,
    (b"", b"curl/8"),
    b"a.test",
    b"http://127.0.0.1:9",
    3754,
    250,
)


@pytest.mark.parametrize("write", [combined_line, combined_connection_line, json_line])
def test_each_form_is_read_back(write: Any) -> None:
    line = parse_line(write(*VALUES).rstrip(b"\n"))
    assert line is not None
    assert line | {"request": ""} == {
        "time": "28/Nov/2026:15:05:40 +0000",
        "client": "192.168.1.7",
        "request": "",
        "status": 502,
        "bytes_out": 616,
        "site": "a.test",
        "backend": "http://127.0.0.1:9",
        "total_ms": 3.754,
        "backend_ms": 0.25,
        "user_agent": "curl/8",
    }
    assert "GET /a" in line["request"]


@pytest.mark.parametrize("text", [b"", b"{", b"{}", b"[]", b"hello", b'"' * 1000, b'{"time": 1}'])
def test_what_is_no_line_is_none(text: bytes) -> None:
    assert parse_line(text) is None


LINES = [
    combined_line(*(*VALUES[:3], status, *VALUES[4:7], site, *VALUES[8:])).rstrip(b"\n")
    for status, site in ((200, b"a.test"), (404, b"b.test"), (502, b"a.test"), (503, b"b.test"))
]


@pytest.mark.parametrize(
    ("wanted", "statuses"),
    [
        (Wanted(), [200, 404, 502, 503]),
        (Wanted(site="a.test"), [200, 502]),
        (Wanted(status="5xx"), [502, 503]),
        (Wanted(status="404"), [404]),
        (Wanted(site="b.test", status="5xx"), [503]),
        (Wanted(contains="CURL"), [200, 404, 502, 503]),
        (Wanted(contains="b.test"), [404, 503]),
        (Wanted(contains="nowhere"), []),
    ],
)
def test_those_that_are_wanted_are_chosen(wanted: Wanted, statuses: list[int]) -> None:
    found = choose([b"no line", *LINES], wanted, 10)
    assert [line["status"] for line in found] == statuses
    assert len(choose(LINES, wanted, 1)) == min(1, len(statuses))

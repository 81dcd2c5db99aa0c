"""Marks for hipache and its health checkers."""

from typing import Any

import pytest

from appliance.stores.dead_writer import DEAD_S, plan_marks

B, C, D = b"http://b", b"http://c:80", b"http://d"
EXPIRE = ("EXPIRE", "dead:a", DEAD_S)

CASES: list[Any] = [
    pytest.param(
        [B, C],
        [],
        "http://c",
        [("SADD", "dead:a", 1), EXPIRE, ("PUBLISH", "dead", b"a;http://c:80;1;2")],
        id="one of two, told as it is listed",
    ),
    pytest.param(
        [B, C, B],
        [],
        "http://b",
        [
            ("SADD", "dead:a", 0, 2),
            EXPIRE,
            ("PUBLISH", "dead", b"a;http://b;0;3"),
            ("PUBLISH", "dead", b"a;http://b;2;3"),
        ],
        id="listed twice",
    ),
    pytest.param(
        [B, C, D],
        [b"1"],
        "http://b",
        [("SADD", "dead:a", 0), EXPIRE, ("PUBLISH", "dead", b"a;http://b;0;3")],
        id="another is dead already",
    ),
    pytest.param([B], [], "http://b", [], id="the only one"),
    pytest.param([B, B], [], "http://b", [], id="the only one, listed twice"),
    pytest.param([B, C], [b"1"], "http://b", [], id="the last that is alive"),
    pytest.param([B, b"rubbish"], [], "http://b", [], id="the last that can be asked"),
    pytest.param([B, C], [], "http://d", [], id="not in the list"),
    pytest.param([], [], "http://b", [], id="no list"),
]


@pytest.mark.parametrize(("urls", "marks", "url", "commands"), CASES)
def test_a_backend_is_marked_as_hipache_does_it(
    urls: list[bytes], marks: list[bytes], url: str, commands: list[Any]
) -> None:
    assert plan_marks("a", "dead:a", [b"id", *urls], marks, url) == commands

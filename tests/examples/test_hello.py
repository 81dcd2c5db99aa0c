"""The hello backend says who answered."""

import http.client
from collections.abc import Iterator

import pytest

from tests.support.program import running


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running("examples/hello/hello.py", "--port", "0", "--name", "hello 7") as program:
        yield program.read_until("http://").removeprefix("http://")


def ask(address: str, method: str, path: str, fields: dict[str, str]) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request(method, path, headers=fields)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, response.headers["Content-Type"], text


def test_it_says_its_name_the_host_and_for_whom(address: str) -> None:
    fields = {"Host": "hello.localhost", "X-Forwarded-For": "192.0.2.7"}
    status, kind, text = ask(address, "GET", "/where", fields)
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    assert text.splitlines() == [
        "hello 7 answered",
        "host: hello.localhost",
        "path: /where",
        "x-forwarded-for: 192.0.2.7",
    ]


def test_a_browser_gets_a_page_in_which_nothing_from_the_request_is_markup(address: str) -> None:
    fields = {"Accept": "text/html", "X-Forwarded-For": "<script>"}
    status, kind, text = ask(address, "GET", "/", fields)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


def test_head_has_no_body(address: str) -> None:
    assert ask(address, "HEAD", "/", {})[::2] == (200, "")

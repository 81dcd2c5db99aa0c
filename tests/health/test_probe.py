"""What a check makes of an answer."""

import pytest

from appliance.health.active import question_for
from appliance.health.probe import MAX_HEAD_BYTES, Probe, encode_question
from appliance.routing.model import Check, Site, parse_backend

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NOT_A_STATUS = "its answer is not valid HTTP: the status line is malformed"


class Socket:
    def __init__(self) -> None:
        self.sent = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.aborted = True


def outcome(answer: bytes, step: int = 0, ends: bool = True) -> str | None:
    """What comes of an answer fed whole or in steps; "pending" where nothing does."""
    found: list[str | None] = []
    probe = Probe(b"GET", found.append)
    sock = Socket()
    probe.connection_made(sock)
    step = step or len(answer) or 1
    for start in range(0, len(answer), step):
        probe.data_received(answer[start : start + step])
    if ends:
        probe.connection_lost(None)
    assert len(found) <= 1
    assert not found or sock.aborted
    return found[0] if found else "pending"


@pytest.mark.parametrize("step", [0, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(OK, None, id="200"),
        pytest.param(b"HTTP/1.0 302 Found\r\nLocation: /login\r\n\r\n", None, id="302"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", None, id="204"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, None, id="after a 100"),
        pytest.param(OK.replace(b"200", b"503"), "it answered 503", id="503"),
        pytest.param(OK.replace(b"200", b"404"), "it answered 404", id="404"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", NOT_A_STATUS, id="not HTTP"),
        pytest.param(b"", "it closed the connection without an answer", id="closed"),
        pytest.param(OK[:20], "it closed the connection without an answer", id="half a head"),
    ],
)
def test_a_status_from_200_to_399_is_well(answer: bytes, error: str | None, step: int) -> None:
    assert outcome(answer, step) == error


def test_an_answer_s_body_is_not_waited_for() -> None:
    assert outcome(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", ends=False) is None


def test_a_head_without_an_end_is_bounded() -> None:
    found = outcome(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MAX_HEAD_BYTES, step=65536, ends=False)
    assert found is not None
    assert "larger than" in found


def test_without_a_question_the_connection_is_enough() -> None:
    found: list[str | None] = []
    sock = Socket()
    Probe(b"", found.append).connection_made(sock)
    assert (found, sock.sent, sock.aborted) == ([None], b"", True)


@pytest.mark.parametrize(
    ("site", "host"),
    [
        pytest.param(Site("a.test", ()), "a.test", id="the site's"),
        pytest.param(Site("*.a.test", ()), "a.test", id="a wildcard's suffix"),
        pytest.param(Site("*", ()), "10.0.0.1", id="the backend's for *"),
        pytest.param(Site("a.test", (), host_header="backend"), "10.0.0.1", id="the backend's"),
        pytest.param(Site("a.test", (), host_header="b.test"), "b.test", id="the name given"),
    ],
)
def test_a_check_asks_as_traffic_would(site: Site, host: str) -> None:
    backend = parse_backend("http://10.0.0.1:8000")
    asked = question_for(site, backend, Check(path="/health"))
    assert asked == encode_question("/health", host)
    assert f"\r\nHost: {host}\r\n".encode() in asked
    assert question_for(site, backend, Check()) == b""

"""Hooks have opinions, and nothing they do harms the worker."""

import signal
import sys
import time
from collections.abc import Iterator

import pytest

from appliance.hook_runner import (
    BUDGET_S,
    CALL_LIMIT_S,
    MAX_OVERRUNS,
    OVERRUNS_WITHIN_S,
    Budget,
    HookRunner,
)
from appliance.hooks import Request, Response, answer
from appliance.telemetry.counters import (
    HOOK_CALLS,
    HOOK_FAULTS,
    HOOK_OVERRUNS,
    WORKER_BYTES,
)


class Bench:
    """A runner, and what it has reported."""

    def __init__(self) -> None:
        self.cells = memoryview(bytearray(WORKER_BYTES)).cast("Q")
        self.said: list[tuple[str, str]] = []
        self.runner = HookRunner(self.cells, lambda kind, words: self.said.append((kind, words)))

    def load(self, source: str) -> HookRunner:
        self.runner.load(source, "hooks.py")
        return self.runner


@pytest.fixture
def bench() -> Iterator[Bench]:
    before = signal.getsignal(signal.SIGALRM)
    made = Bench()
    yield made
    made.runner.unload()
    signal.signal(signal.SIGALRM, before)


def request(lines: bytes = b"Accept: */*\r\n", client: bytes = b"192.0.2.7") -> Request:
    return Request(b"GET", b"/a?b=1", b"a.test", lines, client, "http", "a.test")


def test_hooks_are_asked_and_counted(bench: Bench) -> None:
    runner = bench.load(
        "def route(request):\n"
        "    return 'http://b' if request.path == '/a' else None\n"
        "def on_response(request, response):\n"
        "    response.set_header('X-Seen', request.method)\n"
    )
    assert runner.is_on
    assert runner.changes_answers
    assert runner.route(request()) == "http://b"
    assert runner.on_request(request()) is None
    response = Response(200, b"")
    runner.on_response(request(), response)
    assert response.changes == {b"x-seen": b"X-Seen: GET\r\n"}
    assert bench.cells[HOOK_CALLS] == 2
    assert bench.said == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param("def route(request:\n", "SyntaxError", id="syntax"),
        pytest.param("import nowhere", "No module named 'nowhere'", id="import"),
        pytest.param("1 / 0", "ZeroDivisionError", id="top"),
        pytest.param("import sys; sys.exit()", "SystemExit", id="exit"),
    ],
)
def test_a_file_that_does_not_run_leaves_the_one_before(
    bench: Bench, source: str, words: str
) -> None:
    runner = bench.load("def route(request): return 'http://b'")
    bench.load(source)
    assert runner.route(request()) == "http://b"
    ((kind, said),) = bench.said
    assert kind == "fault"
    assert words in said


def test_a_fault_is_told_with_its_traceback_and_is_no_opinion(bench: Bench) -> None:
    runner = bench.load("def route(request):\n    return {}['missing']\n")
    assert runner.route(request()) is None
    ((kind, said),) = bench.said
    assert kind == "fault"
    assert said.startswith("route: Traceback")
    assert 'File "hooks.py", line 2' in said
    assert said.endswith("KeyError: 'missing'")
    assert bench.cells[HOOK_FAULTS] == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param("return 7", "returned 7: return a backend's URL or None", id="a number"),
        pytest.param("import sys; sys.exit(1)", "SystemExit: 1", id="exit"),
        pytest.param("raise KeyboardInterrupt", "KeyboardInterrupt", id="interrupt"),
        pytest.param("return route(request)", "RecursionError", id="recursion"),
    ],
)
def test_nothing_a_hook_does_ends_the_worker(bench: Bench, body: str, words: str) -> None:
    runner = bench.load(f"def route(request):\n    {body}\n")
    assert runner.route(request()) is None
    assert words in bench.said[0][1]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("\n        while True: pass", id="a loop"),
        pytest.param("time.sleep(60)", id="a sleep"),
        pytest.param("\n        try: time.sleep(60)\n        except Exception: pass", id="caught"),
        pytest.param("re.match('(a+)+$', 'a' * 40 + 'b')", id="a regular expression"),
    ],
)
def test_a_call_that_does_not_come_back_is_broken_off(bench: Bench, body: str) -> None:
    runner = bench.load(f"import re, time\ndef route(request):\n    if 1: {body}\n")
    begun_s = time.monotonic()
    assert runner.route(request()) is None
    assert time.monotonic() - begun_s < 30
    ((kind, said),) = bench.said
    assert kind == "fault"
    assert f"it took longer than {CALL_LIMIT_S:g} s" in said
    assert bench.cells[HOOK_OVERRUNS] == 1


def test_hooks_that_keep_overrunning_are_switched_off(bench: Bench) -> None:
    runner = bench.load(f"import time\ndef route(request):\n    time.sleep({BUDGET_S * 1.2})\n")
    for _ in range(MAX_OVERRUNS):
        assert runner.is_on
        runner.route(request())
    assert not runner.is_on
    ((kind, said),) = bench.said
    assert kind == "off"
    assert "route() took" in said
    assert bench.load("def route(request): return 'http://b'").is_on


def test_only_overruns_of_late_count() -> None:
    budget = Budget()
    pause_s = OVERRUNS_WITHIN_S / (MAX_OVERRUNS - 1)
    assert not any(budget.overrun(number * pause_s) for number in range(100))
    budget = Budget()
    found = [budget.overrun(number * pause_s / 2) for number in range(MAX_OVERRUNS)]
    assert found == [False] * (MAX_OVERRUNS - 1) + [True]


def test_a_request_is_read_as_it_came() -> None:
    found = request(b"Accept: a\r\nX-One: 1\r\nx-one: 2\r\nCookie: a=b; c=d; a=e\r\n")
    assert (found.method, found.target, found.path, found.query) == ("GET", "/a?b=1", "/a", "b=1")
    assert (found.host, found.client_ip, found.scheme) == ("a.test", "192.0.2.7", "http")
    assert found.headers["X-ONE"] == "1, 2"
    assert "accept" in found.headers
    assert found.headers.get("missing") is None
    assert sorted(found.headers) == ["accept", "cookie", "x-one"]
    assert found.cookies == {"a": "b", "c": "d"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("X-A", "b\r\nX-C: d", id="two lines"),
        pytest.param("X A", "b", id="no name"),
        pytest.param("X-A", "\N{SNOWMAN}", id="not Latin-1"),
        pytest.param("Content-Length", "5", id="framing"),
        pytest.param("Connection", "close", id="hop by hop"),
        pytest.param("X-Forwarded-For", "1.2.3.4", id="forwarding"),
        pytest.param("X_Real_IP", "1.2.3.4", id="a look-alike"),
        pytest.param("Host", "b", id="host"),
    ],
)
def test_a_field_that_could_do_harm_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        request().set_header(name, value)
    with pytest.raises(ValueError, match=r".+"):
        answer(200, fields={name: value})


@pytest.mark.parametrize("status", [100, 199, 600, "200"])
def test_an_answer_needs_a_status_of_an_answer(status: int) -> None:
    with pytest.raises(ValueError, match="give 200 to 599"):
        answer(status)


def test_without_hooks_no_timer_runs(bench: Bench) -> None:
    bench.load("x = 1")
    assert not bench.runner.is_on
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert sys.gettrace() is None

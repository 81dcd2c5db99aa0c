"""The user's own Python in a real box: saved, at fault, slow, and the examples."""

import re
from pathlib import Path
from typing import Any

import pytest

from appliance.status_command import fetch_status
from tests.support.backend import ScriptedBackend
from tests.support.box import ROOT, Box, site, wait_until

PAGE = (ROOT / "docs/hooks.md").read_text()


def hooked(folder: Path, source: str, *backends: str, more: str = "") -> Box:
    path = folder / "hooks.py"
    path.write_text(source)
    return Box(folder, site("a.test", *backends, more=more), f'hooks = "{path}"')


def hooks_of(box: Box) -> Any:
    return fetch_status(str(box.socket))["proxy"]["hooks"]


def alert_of(box: Box) -> str:
    found = [each for each in fetch_status(str(box.socket))["alerts"] if each["id"] == "hooks"]
    return str(found[0]["text"]) if found else ""


def example(name: str) -> str:
    return (ROOT / "examples/hooks" / name).read_text()


def pointed(source: str, **urls: str) -> str:
    """An example with the ports of the test's backends."""
    for port, url in urls.items():
        source = source.replace(f"http://127.0.0.1:{port.removeprefix('p')}", url)
    return source


def test_beta_testers_go_to_another_backend(tmp_path: Path) -> None:
    with ScriptedBackend() as plain, ScriptedBackend() as beta:
        source = pointed(example("beta_testers.py"), p9001=beta.url)
        with hooked(tmp_path, source, plain.url) as box:
            assert box.get("/one").startswith(b"HTTP/1.1 200")
            assert box.get("/two", more="X-Beta: yes\r\n").startswith(b"HTTP/1.1 200")
            assert [head.split()[1] for head in plain.heads] == [b"/one"]
            assert [head.split()[1] for head in beta.heads] == [b"/two"]
            line = box.log_lines(2)[1]
            assert f"backend={beta.url} " in line


def test_unwanted_programs_are_turned_away(tmp_path: Path) -> None:
    with (
        ScriptedBackend() as backend,
        hooked(tmp_path, example("block_agents.py"), backend.url) as box,
    ):
        refused = box.get(more="User-Agent: BadBot/1.0\r\n")
        assert refused.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert refused.endswith(b"\r\n\r\nThis site is for people.\n")
        assert not backend.heads
        served = box.get(more="User-Agent: Mozilla/5.0\r\n")
        assert served.startswith(b"HTTP/1.1 200")
        assert b"\r\nX-Served-By: gatelight\r\n" in served
        assert '403 25 "-" "BadBot/1.0"' in box.log_lines(2)[0]


def test_a_cookie_chooses_the_backend(tmp_path: Path) -> None:
    with ScriptedBackend() as plain, ScriptedBackend() as blue, ScriptedBackend() as green:
        source = pointed(example("backend_by_cookie.py"), p9001=blue.url, p9002=green.url)
        with hooked(tmp_path, source, plain.url) as box:
            for cookie in ("version=blue", "a=b; version=green", "version=red"):
                box.get(more=f"Cookie: {cookie}\r\n")
            assert [len(each.heads) for each in (blue, green, plain)] == [1, 1, 1]


@pytest.mark.parametrize("block", re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.M))
def test_the_page_s_examples_run(tmp_path: Path, block: str) -> None:
    with ScriptedBackend() as backend, hooked(tmp_path, block, backend.url) as box:
        assert box.get().startswith(b"HTTP/1.1 200")
        found = hooks_of(box)
        assert (found["state"], found["faults_total"]) == ("on", 0)
        assert found["calls_total"] >= 1


def test_a_saved_file_counts_and_a_faulty_one_does_not(tmp_path: Path) -> None:
    with ScriptedBackend() as backend:
        source = "from appliance.hooks import answer\ndef on_request(r): return answer(200, 'one')"
        with hooked(tmp_path, source, backend.url) as box:
            assert box.get().endswith(b"\r\n\r\none")
            path = tmp_path / "hooks.py"
            path.write_text(source.replace("one", "two"))
            wait_until(lambda: box.get().endswith(b"\r\n\r\ntwo"), "the saved file")
            path.write_text("def on_request(r:")
            wait_until(lambda: alert_of(box), "an alert")
            assert "refused: line 1: " in alert_of(box)
            path.write_text("import nowhere")
            wait_until(lambda: "No module named 'nowhere'" in alert_of(box), "another alert")
            assert box.get().endswith(b"\r\n\r\ntwo")
            path.unlink()
            wait_until(lambda: "No such file" in alert_of(box), "a missing file")
            assert box.get().endswith(b"\r\n\r\ntwo")
            path.write_text(source.replace("one", "three"))
            wait_until(lambda: box.get().endswith(b"\r\n\r\nthree"), "the mended file")
            wait_until(lambda: not alert_of(box), "no alert any more")


def test_a_fault_is_logged_with_its_traceback_and_costs_no_request(tmp_path: Path) -> None:
    source = "def route(request):\n    return {}['missing']\n"
    with ScriptedBackend() as backend, hooked(tmp_path, source, backend.url) as box:
        assert box.get().startswith(b"HTTP/1.1 200")
        wait_until(lambda: "KeyError: 'missing'" in box.errors.read_text(), "a traceback")
        assert f'File "{tmp_path}/hooks.py", line 2, in route' in box.errors.read_text()
        wait_until(lambda: alert_of(box) == "a hook is at fault: KeyError: 'missing'", "an alert")
        assert hooks_of(box)["faults_total"] == 1


def test_a_backend_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    source = "def route(request): return request.headers['X-To']"
    with ScriptedBackend() as backend, hooked(tmp_path, source, backend.url) as box:
        for url, why in (
            ("http://nobody.invalid", "no site has a backend of this name"),
            ("ftp://127.0.0.1", 'unknown scheme "ftp"'),
            ("tcp://127.0.0.1:1", "it carries no requests"),
        ):
            assert box.get(more=f"X-To: {url}\r\n").startswith(b"HTTP/1.1 200")
            said = f'route() returned "{url}": {why}'
            wait_until(lambda said=said: said in box.errors.read_text(), said)  # type: ignore[misc]


def test_slow_hooks_are_switched_off_and_stay_off_for_new_workers(tmp_path: Path) -> None:
    source = "import time\ndef route(request): time.sleep(0.03)"
    with ScriptedBackend() as backend, hooked(tmp_path, source, backend.url) as box:
        for _ in range(10):
            assert box.get().startswith(b"HTTP/1.1 200")
        wait_until(lambda: hooks_of(box)["state"] == "off", "hooks switched off")
        wait_until(lambda: "switched off: route() took" in alert_of(box), "an alert")
        calls = hooks_of(box)["calls_total"]
        assert calls == hooks_of(box)["overruns_total"] == 10
        assert box.get().startswith(b"HTTP/1.1 200")
        assert hooks_of(box)["calls_total"] == calls
        (tmp_path / "hooks.py").write_text("def route(request): pass")
        wait_until(lambda: hooks_of(box)["state"] == "on", "hooks on again")


def test_what_hooks_change_is_what_goes_on(tmp_path: Path) -> None:
    source = (
        "def on_request(request):\n"
        "    request.set_header('X-Who', request.client_ip)\n"
        "    request.remove_header('X-Secret')\n"
        "    request.state['path'] = request.path\n"
        "def on_response(request, response):\n"
        "    response.set_header('X-Path', request.state['path'])\n"
        "    response.set_header('X-Status', str(response.status))\n"
    )
    with ScriptedBackend() as backend, hooked(tmp_path, source, backend.url) as box:
        found = box.get("/a?b", more="X-Secret: x\r\nX-Kept: yes\r\n")
        head = backend.heads[0]
        assert b"\r\nX-Who: 127.0.0.1\r\n" in head
        assert b"\r\nX-Kept: yes\r\n" in head
        assert b"Secret" not in head
        assert b"\r\nX-Path: /a\r\nX-Status: 200\r\n" in found

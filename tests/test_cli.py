"""The command: its answers, errors and exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from appliance import __version__
from appliance.cli import main
from appliance.status_command import describe
from tests.support.backend import ScriptedBackend
from tests.support.box import ROOT, Box, site, wait_until

SCHEMA = json.loads((ROOT / "docs/status-schema.json").read_text())
GOOD = '[listen]\nhttp = "127.0.0.1:0"\n[[site]]\nhost = "a.test"\nbackends = ["http://10.0.0.1"]\n'


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "appliance", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "required: COMMAND"),
        (("sevre",), "invalid choice"),
        (("serve",), "required: --config"),
        (("check",), "required: --config"),
        (("forward", ":8080"), "required: BACKEND"),
        (("cert",), "required: WHAT"),
        (("cert", "renew"), "required: HOST"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, tuple) else "",
)
def test_wrong_use_is_exit_code_2_and_said_on_standard_error(
    words: tuple[str, ...], said: str
) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_the_version_is_told() -> None:
    assert run("--version").stdout == f"gatelight {__version__}\n"


def test_a_good_file_is_exit_code_0_and_nothing_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gatelight.toml"
    path.write_text(GOOD)
    assert main(["check", "--config", str(path)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"gatelight: {path} is good: 1 site\n"


def test_each_fault_is_a_line_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gatelight.toml"
    path.write_text(GOOD + 'bakends = []\nsticky = "yes"\n')
    assert main(["check", "--config", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{path}:6: ")
    assert lines[1].startswith(f"{path}:7: ")


def test_faults_of_a_store_s_file_are_found_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, sites = tmp_path / "gatelight.toml", tmp_path / "sites.toml"
    path.write_text(f'[listen]\nhttp = ":0"\n[store]\nfile = "{sites}"\n')
    sites.write_text('[[site]]\nhost = "a b"\nbackends = ["http://10.0.0.1"]\n')
    assert main(["check", "--config", str(path)]) == 1
    assert capsys.readouterr().out.startswith(f"{sites}:2: ")


def test_faults_of_the_hooks_are_found_too(tmp_path: Path) -> None:
    hooks, config = tmp_path / "hooks.py", tmp_path / "gatelight.toml"
    hooks.write_text("x = 1\ndef route(request:\n")
    config.write_text(GOOD + f'[proxy]\nhooks = "{hooks}"\n')
    done = run("check", "--config", str(config))
    assert done.returncode == 1
    assert done.stdout.startswith(f"{hooks}:2: ")
    hooks.unlink()
    gone = run("check", "--config", str(config))
    assert gone.stdout == f"{hooks}: cannot be read: No such file or directory\n"


def test_serve_refuses_a_faulty_file_with_each_fault(tmp_path: Path) -> None:
    path = tmp_path / "gatelight.toml"
    path.write_text(GOOD + 'bakends = []\nsticky = "yes"\n')
    done = run("serve", "--config", str(path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 2


def test_no_box_is_one_line_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "none.sock"
    assert main(["status", "--socket", str(path)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"gatelight: no status from {path} (No such file or directory): "
        "is gatelight serving, and is this its socket?\n"
    )


def test_the_status_of_a_real_box_fits_the_schema_and_reads_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        ScriptedBackend() as backend,
        Box(tmp_path, site("a.test", backend.url, "http://nowhere.invalid"), workers=2) as box,
    ):
        for _ in range(3):
            box.get()
        box.get(host="unknown.test")

        def counted() -> Any:
            status = box.status()
            return status if status["proxy"]["requests_total"] == 4 else None

        status = wait_until(counted, "four requests counted")
        jsonschema.validate(status, SCHEMA, cls=jsonschema.Draft202012Validator)
        assert status["proxy"]["state"] == "serving"
        assert [worker["state"] for worker in status["proxy"]["workers"]] == ["serving"] * 2
        assert status["proxy"]["latency_ms"]["p50"] > 0
        assert status["sites"][0]["origin"].startswith(f"{box.config}:")
        assert main(["status", "--config", str(box.config)]) == 0
        said = capsys.readouterr().out
        assert "requests     4, " in said
        assert "  down     http://nowhere.invalid  the name nowhere.invalid" in said


def test_a_description_shows_what_is_wrong() -> None:
    status = {
        "time": "2026-01-01T00:00:00Z",
        "box": {"hostname": "gate"},
        "proxy": {
            "state": "serving",
            "workers": [{"pid": 7, "state": "hanging", "restarts": 1}],
            "connections": 1,
            "requests_total": 2,
            "requests_per_s": 0.5,
            "latency_ms": {"p50": None, "p99": None},
            "errors_total": 3,
            "log_lines_lost": 4,
            "hooks": {"state": "on", "calls_total": 5, "mean_us": 6.5},
        },
        "alerts": [
            {
                "severity": "critical",
                "text": "a.test has no backend that is up",
                "since": "2026-01-01T00:00:00Z",
                "acknowledged": True,
            }
        ],
        "store": {
            "kind": "file",
            "ok": False,
            "since": "2026-01-02T00:00:00Z",
            "error": "f:1: x: unknown key\nf:2: y: unknown key",
            "changes_by": "watching",
        },
        "sites": [],
        "claim": {"code": "ABC-DEF"},
    }
    said = describe(status)
    assert "nobody has claimed it: the code is ABC-DEF" in said
    assert "7 hanging" in said
    faulty = "file, changes by watching  FAULTY: f:1: x: unknown key\n" + " " * 15
    assert faulty + "f:2: y: unknown key, since 2026-01-02T00:00:00Z" in said
    assert "4 lines lost" in said
    assert "p50 -" in said
    assert "hooks        on, 5 calls, 6.5 us each" in said
    assert (
        "CRITICAL     a.test has no backend that is up, since 2026-01-01T00:00:00Z  (seen)" in said
    )

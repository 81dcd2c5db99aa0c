"""The systemd units: understood by systemd, and in step with the code."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from display.hdmi.cli import make_parser
from display.hdmi.client import SOCKET
from display.hdmi.history import FOLDER
from display.hdmi.probe import BOOT_FOLDERS
from display.hdmi.trial_run import STATUS_FILE
from tests.support.box import ROOT

UNITS = sorted((ROOT / "systemd").glob("gatelight-hdmi*"))
COMMANDS = re.findall(
    r"^ExecStart=gatelight-hdmi (.*)$", "\n".join(p.read_text() for p in UNITS), re.M
)


def text(name: str) -> str:
    return (ROOT / "systemd" / name).read_text()


def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze is not None, "scripts/test installs systemd"
    assert len(UNITS) == 4
    installed = Path(sys.executable).with_name("gatelight-hdmi")
    for unit in UNITS:
        content = unit.read_text().replace("ExecStart=gatelight-hdmi ", f"ExecStart={installed} ")
        (tmp_path / unit.name).write_text(content)
    done = subprocess.run(
        [analyze, "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_units_call_commands_there_are(command: str) -> None:
    make_parser().parse_args(command.split())


def test_the_units_name_the_places_of_the_code() -> None:
    assert f"ListenStream={SOCKET}\n" in text("gatelight-hdmi.socket")
    for name in ("gatelight-hdmi.service", "gatelight-hdmi-trial.service"):
        assert f"RuntimeDirectory={STATUS_FILE.parent.name}\n" in text(name)
        assert "RuntimeDirectoryPreserve=yes\n" in text(name)
    for folder in BOOT_FOLDERS:
        assert f"ConditionPathExists=|/{folder}/{FOLDER}\n" in text("gatelight-hdmi-repair.service")
        assert f"|/{folder}/{FOLDER}/trial.json\n" in text("gatelight-hdmi-trial.service")

"""The screen's systemd files: understood by systemd, and in step with each other."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from display.cli import make_parser
from tests.support.box import ROOT

FOLDER = ROOT / "systemd"
UNIT = (FOLDER / "gatelight-display.service").read_text()
USERS = (FOLDER / "sysusers.d" / "gatelight-display.conf").read_text()
RULES = (FOLDER / "udev" / "60-gatelight-display.rules").read_text()
# Debian's base-passwd has these; the proxy's package makes its own.
KNOWN_GROUPS = {"video", "input", "gatelight"}


def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze is not None, "scripts/test installs systemd"
    installed = Path(sys.executable).with_name("gatelight-display")
    unit = tmp_path / "gatelight-display.service"
    unit.write_text(UNIT.replace("ExecStart=gatelight-display ", f"ExecStart={installed} "))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_calls_a_command_there_is() -> None:
    (line,) = re.findall(r"^ExecStart=gatelight-display (.*)$", UNIT, re.MULTILINE)
    make_parser().parse_args(line.split())


def test_its_user_and_groups_are_made_and_given_devices() -> None:
    (user,) = re.findall(r"^User=(.*)$", UNIT, re.MULTILINE)
    assert re.search(rf"^u {user} ", USERS, re.MULTILINE)
    (line,) = re.findall(r"^SupplementaryGroups=(.*)$", UNIT, re.MULTILINE)
    made = set(re.findall(r"^g (\w+) ", USERS, re.MULTILINE))
    assert set(line.split()) == made | KNOWN_GROUPS
    assert set(re.findall(r'GROUP="(\w+)"', RULES)) == made
    assert f'"{user}"' in (FOLDER / "polkit" / "60-gatelight-display.rules").read_text()


def test_the_helper_for_hdmi_lets_it_in() -> None:
    (user,) = re.findall(r"^User=(.*)$", UNIT, re.MULTILINE)
    assert f"--allow {user}" in (FOLDER / "gatelight-hdmi.service").read_text()

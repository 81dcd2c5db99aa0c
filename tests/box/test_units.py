"""The flashed card's own units: understood by systemd, and in step with the code."""

import re
from pathlib import Path

import pytest

from appliance.box.cli import make_parser
from appliance.telemetry.refusal import REFUSAL_FILE
from tests.support.box import ROOT
from tests.test_units import analyze, copy_unit

UNITS = sorted((ROOT / "systemd/box").iterdir())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_no_fault_in_a_unit(unit: Path, tmp_path: Path) -> None:
    for each in UNITS:
        copy_unit(f"box/{each.name}", tmp_path)
    done = analyze("verify", "--man=no", str(tmp_path / unit.name))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_units_call_commands_there_are() -> None:
    text = "".join(unit.read_text() for unit in UNITS)
    for line in re.findall(r"^ExecStart=gatelight-box (.*)$", text, re.MULTILINE):
        make_parser().parse_args(line.split())


def test_the_refusal_lies_where_the_unit_has_its_folder() -> None:
    unit = (ROOT / "systemd/box/gatelight-box.service").read_text()
    assert f"RuntimeDirectory={REFUSAL_FILE.parent.name}\n" in unit

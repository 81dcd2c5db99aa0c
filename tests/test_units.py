"""The proxy's systemd unit: understood by systemd, shut in, and in step with the code."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.cli import DEFAULT_SOCKET, make_parser
from appliance.config import ProxySettings
from appliance.supervisor import LAST_WORDS_S, WAKE_S
from tests.support.box import ROOT

FOLDER = ROOT / "systemd"
UNIT = (FOLDER / "gatelight.service").read_text()
# systemd-analyze(1), "security": from 0, shut in wholly, to 10.
MOST_EXPOSED = 2.0


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    assert program is not None, "scripts/test installs systemd"
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def copy_unit(name: str, folder: Path) -> Path:
    """With the paths of the commands that are installed here."""
    bin_folder = Path(sys.executable).parent

    def found(match: re.Match[str]) -> str:
        path = bin_folder / match[2]
        assert path.exists(), f"{name} calls {match[2]}"
        return f"{match[1]}{path} "

    content = (FOLDER / name).read_text()
    unit = folder / Path(name).name
    unit.write_text(re.sub(r"^(ExecSt\w+=)(gatelight[\w-]*) ", found, content, flags=re.M))
    return unit


def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    done = analyze("verify", "--man=no", str(copy_unit("gatelight.service", tmp_path)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["gatelight.service", "gatelight-display.service"])
def test_it_is_shut_in(name: str, tmp_path: Path) -> None:
    unit = copy_unit(name, tmp_path)
    done = analyze("security", "--offline=true", "--no-pager", str(unit))
    (exposed,) = re.findall(r"exposure level for \S+: ([0-9.]+) ", done.stdout)
    assert float(exposed) <= MOST_EXPOSED, done.stdout


def value(key: str) -> str:
    (found,) = re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)
    return str(found)


def test_the_unit_calls_a_command_there_is() -> None:
    make_parser().parse_args(value("ExecStart").split()[1:])


def test_the_unit_waits_as_long_as_the_code_does() -> None:
    assert float(value("TimeoutStopSec")) > ProxySettings().drain_s + 3 * LAST_WORDS_S
    assert float(value("WatchdogSec")) > 10 * WAKE_S


def test_the_unit_makes_the_places_of_the_code() -> None:
    assert DEFAULT_SOCKET.startswith(f"/run/{value('RuntimeDirectory')}/")
    assert ProxySettings().state_dir == f"/var/lib/{value('StateDirectory')}"


def test_its_user_is_made_and_has_no_right_but_binding_ports() -> None:
    users = (FOLDER / "sysusers.d" / "gatelight.conf").read_text()
    assert re.search(rf"^u {value('User')} ", users, re.MULTILINE)
    assert value("CapabilityBoundingSet") == value("AmbientCapabilities") == "CAP_NET_BIND_SERVICE"

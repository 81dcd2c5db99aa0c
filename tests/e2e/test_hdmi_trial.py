"""Trials by the real commands, from start to start of a box.

Each command runs in a mount namespace in which /boot and /run are the test's folders, the kernel has
the boot id the test wants, and systemctl writes down what it was asked.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.box import ROOT, wait_until

LINE = b"console=tty1 root=/dev/mmcblk0p2 rootwait\n"
TRIED = b"console=tty1 root=/dev/mmcblk0p2 rootwait video=HDMI-A-1:1280x1024@60D\n"
ON_PI4 = "--model", "pi4", "--driver", "kms"
ENTER = """\
set -e
mount --bind "$1/boot" /boot
mount --bind "$1/run" /run
mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id
PATH=$1/bin:$PATH
shift
exec "$@"
"""
SYSTEMCTL = """\
#!/bin/sh
echo "$*" >>"${0%/bin/*}/asked"
"""


@dataclass
class Box:
    """A box made of folders."""

    folder: Path
    boots: int = 0

    def start(self) -> None:
        """The next start: another boot id, an empty /run."""
        self.boots += 1
        (self.folder / "boot_id").write_text(f"boot-{self.boots}\n")
        for path in (self.folder / "run").rglob("*.json"):
            path.unlink()

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """A command of ours in the box."""
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", ENTER, "sh"]
        command += [str(self.folder), sys.executable, "-m", "display.hdmi.cli", *words]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *words: str) -> str:
        """What a command says; it succeeds."""
        process = self.begin(*words)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out.strip()

    def asked(self) -> list[str]:
        """What systemctl was asked to do."""
        asked = (self.folder / "asked").read_text().splitlines()
        return [line for line in asked if not line.startswith("is-enabled")]

    @property
    def line(self) -> bytes:
        return (self.folder / "boot/firmware/cmdline.txt").read_bytes()

    @property
    def state(self) -> Path:
        return self.folder / "run/gatelight-hdmi/trial.json"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """Started once, with a mode set on trial and the restart asked for."""
    for name in ("boot/firmware", "run", "bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "boot/firmware/config.txt").write_bytes(b"dtoverlay=vc4-kms-v3d\n")
    (tmp_path / "boot/firmware/cmdline.txt").write_bytes(LINE)
    (tmp_path / "bin/systemctl").write_text(SYSTEMCTL)
    (tmp_path / "bin/systemctl").chmod(0o755)
    box = Box(tmp_path)
    box.start()
    box.run("set", "--mode", "1280x1024@60", "--yes", "--try", "60", *ON_PI4)
    assert box.line == TRIED
    assert box.asked() == ["--no-block reboot"]
    box.start()
    return box


def test_a_mode_that_somebody_confirms_stays(box: Box) -> None:
    trial = box.begin("trial")
    wait_until(box.state.exists, "the trial counts down")
    table = json.loads(box.state.read_bytes())
    assert table.keys() == {"port", "mode", "ends_monotonic_s"}
    assert box.state.stat().st_mode & 0o444 == 0o444
    assert box.run("confirm") == "1280x1024@60.02 on HDMI 0 stays"
    assert trial.communicate(timeout=60)[0].strip() == "trial of 1280x1024@60.02: answered"
    assert (box.line, box.asked(), box.state.exists()) == (TRIED, ["--no-block reboot"], False)
    box.start()
    assert box.run("trial") == "no trial"
    assert box.run("undo").startswith("undone: cmdline.txt as before")
    assert box.line == LINE


def test_a_mode_that_somebody_takes_back_goes_with_a_restart(box: Box) -> None:
    trial = box.begin("trial")
    wait_until(box.state.exists, "the trial counts down")
    assert box.run("undo") == "the trial of 1280x1024@60.02 has ended: the old files are back"
    assert trial.communicate(timeout=60)[0].strip() == "trial of 1280x1024@60.02: answered"
    assert (box.line, box.asked()) == (LINE, ["--no-block reboot"] * 2)


def test_a_plug_pulled_during_the_trial_brings_the_old_picture_with_one_restart(box: Box) -> None:
    trial = box.begin("trial")
    wait_until(box.state.exists, "the trial counts down")
    trial.kill()
    trial.communicate(timeout=60)
    box.start()
    assert box.run("repair") == ""
    said = "trial of 1280x1024@60.02: booted, new files, so the old files go back"
    assert box.run("trial") == said
    assert (box.line, box.asked()) == (LINE, ["--no-block reboot"] * 2)
    box.start()
    assert box.run("trial") == "no trial"
    assert box.run("history") == "nothing was changed yet"

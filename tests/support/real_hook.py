"""HDMI settings and Debian's real raspi-firmware hook, on a made-up root.

    python -m tests.support.real_hook HOOK FOLDER

The hook runs unchanged in a mount namespace in which /boot and /etc/default are those of the made-up
root. It is told two things: that the architecture is arm64, and that it is in a chroot.
"""

import subprocess
import sys
from pathlib import Path

from display.hdmi.box import Box
from display.hdmi.cli import main as gatelight_hdmi
from display.hdmi.cmdline_txt import video_of
from display.hdmi.config_edit import block_settings
from display.hdmi.config_eval import evaluate
from display.hdmi.config_filters import Board
from display.hdmi.models import MODELS
from display.hdmi.probe import RASPI_FIRMWARE_HOOK
from tests.support.pi import CardboardPi

STAND_INS = {"dpkg": "echo arm64", "ischroot": "true"}
RUN = """\
set -e
mount --make-rprivate /
mount --bind "$1/boot" /boot
mount --bind "$1/etc/default" /etc/default
PATH=$2:$PATH DEB_MAINT_PARAMS=configure exec sh "$3" configure
"""


def run_hook(pi: CardboardPi, hook: Path, stand_ins: Path) -> None:
    """A kernel update, as far as the boot files go."""
    words = [str(pi.root), str(stand_ins), str(hook)]
    subprocess.run(["unshare", "--mount", "sh", "-c", RUN, "sh", *words], check=True, timeout=60)


def update_kernel(pi: CardboardPi, version: str) -> None:
    """Another kernel in /boot than before."""
    for path in (pi.root / "boot").glob("*-[0-9]*"):
        path.unlink()
    for name in ("vmlinuz", "initrd.img"):
        pi.write(f"boot/{name}-{version}", b"\0" * 1000)


def expect(what: str, found: object, wanted: object) -> None:
    """Ends the program when it is not so."""
    if found != wanted:
        sys.exit(f"gatelight: {what}: {found!r}, not {wanted!r}")
    print(f"ok: {what}")


def main(hook: Path, folder: Path) -> None:
    """The whole story."""
    pi, stand_ins = CardboardPi(folder / "root"), folder / "stand-ins"
    stand_ins.mkdir()
    for name, text in STAND_INS.items():
        (stand_ins / name).write_text(f"#!/bin/sh\n{text}\n")
        (stand_ins / name).chmod(0o755)
    pi.is_a("Raspberry Pi 4 Model B Rev 1.4")
    pi.write(RASPI_FIRMWARE_HOOK, hook.read_bytes())
    pi.write("etc/default/raspi-firmware-custom", b"# caf\xc3\xa9\n[pi3]\ngpu_mem=64\n")
    pi.write("boot/firmware/bootcode.bin", b"")
    update_kernel(pi, "6.1.0-1-arm64")
    run_hook(pi, hook, stand_ins)
    before = {name: pi.read(f"boot/firmware/{name}") for name in ("config.txt", "cmdline.txt")}
    expect(
        "the hook has written boot files",
        b"kernel=vmlinuz-6.1.0-1-arm64\n" in before["config.txt"],
        True,
    )
    box = Box(root=pi.root, machine=pi)
    modes = ["--mode", "1280x1024@60", "--no-try", "--yes"]

    expect("set for KMS", gatelight_hdmi(["set", *modes, "--rotate", "180"], box), 0)
    expect("set for the firmware", gatelight_hdmi(["set", *modes, "--driver", "firmware"], box), 0)
    update_kernel(pi, "6.12.9-1-arm64")
    run_hook(pi, hook, stand_ins)
    config, line = pi.read("boot/firmware/config.txt"), pi.read("boot/firmware/cmdline.txt")
    expect("config.txt is new", b"kernel=vmlinuz-6.12.9-1-arm64\n" in config, True)
    expect("the kernel's mode is kept", video_of(line, 0), "1280x1024@60D,rotate=180")
    expect("the command line is one line", line.count(b"\n"), 1)
    expect("our block is kept", block_settings(config), {"hdmi_group:0": "2", "hdmi_mode:0": "35"})
    values = evaluate({"config.txt": config}, Board(MODELS["pi4"]))
    expect("and counts", (values["hdmi_group:0"], values["hdmi_mode:0"]), ("2", "35"))

    expect("undo", gatelight_hdmi(["undo", "2"], box), 0)
    undone = pi.read("boot/firmware/config.txt")
    update_kernel(pi, "6.12.9-1-arm64")
    run_hook(pi, hook, stand_ins)
    expect("after undo the hook writes the same", pi.read("boot/firmware/config.txt"), undone)
    expect("and no mode", video_of(pi.read("boot/firmware/cmdline.txt"), 0), None)
    old = before["config.txt"].replace(b"6.1.0-1", b"6.12.9-1")
    expect("which is what it wrote before", undone, old)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

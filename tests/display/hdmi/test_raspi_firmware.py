"""Debian's raspi-firmware makes the boot files anew: our settings come back with them.

Here by the shape of what its hook writes; scripts/test-raspi-firmware runs the real one.
"""

from pathlib import Path

import pytest

from display.hdmi.box import Box
from display.hdmi.cli import main
from display.hdmi.cmdline_txt import video_of
from display.hdmi.config_edit import block_settings
from display.hdmi.probe import RASPI_FIRMWARE_HOOK
from display.hdmi.situation import CUSTOM_CMDLINE, CUSTOM_CONFIG
from tests.support.pi import CardboardPi


def made_anew(pi: CardboardPi, kernel: str) -> dict[str, bytes]:
    """The boot files as the hook of raspi-firmware 1.20240424 writes them."""
    config = f"# Do not modify this file!\n\narm_64bit=1\n\nenable_uart=1\nupstream_kernel=1\n\nkernel={kernel}\n"
    custom = pi.root / CUSTOM_CONFIG.lstrip("/")
    if custom.is_file():
        text = custom.read_bytes().rstrip(b"\n").decode("latin-1")
        config += f"\n# Inserted by {CUSTOM_CONFIG}\n{text}\n"
    extra = pi.root / CUSTOM_CMDLINE.lstrip("/")
    words = extra.read_bytes().rstrip(b"\n").decode() if extra.is_file() else ""
    line = f"console=tty0 root=/dev/mmcblk0p2 rw fsck.repair=yes net.ifnames=0 rootwait {words}\n"
    return {"config.txt": config.encode("latin-1"), "cmdline.txt": line.encode()}


@pytest.fixture
def pi(tmp_path: Path) -> CardboardPi:
    pi = CardboardPi(tmp_path)
    pi.is_a("Raspberry Pi 4 Model B Rev 1.4")
    pi.write(RASPI_FIRMWARE_HOOK, "#!/bin/sh\n")
    pi.write(CUSTOM_CONFIG.lstrip("/"), b"[pi3]\n# \xe9t\xe9\ngpu_mem=64\n")
    pi.boot_files(made_anew(pi, "vmlinuz-6.1"))
    return pi


def test_a_mode_outlives_a_kernel_update_and_can_still_be_undone(pi: CardboardPi) -> None:
    box = Box(root=pi.root, machine=pi)
    assert main(["set", "--mode", "3840x2160@60", "--rotate", "90", "--no-try", "--yes"], box) == 0
    pi.boot_files(made_anew(pi, "vmlinuz-6.12"))
    assert video_of(pi.read("boot/firmware/cmdline.txt"), 0) == "3840x2160@60D,rotate=90"
    assert block_settings(pi.read("boot/firmware/config.txt")) == {"hdmi_enable_4kp60": "1"}
    assert main(["set", "--mode", "1280x1024@60", "--no-try", "--yes"], box) == 0
    assert pi.read("boot/firmware/cmdline.txt").count(b"video=") == 1
    assert main(["undo", "2"], box) == 0
    assert pi.read(CUSTOM_CONFIG.lstrip("/")) == b"[pi3]\n# \xe9t\xe9\ngpu_mem=64\n"
    assert not (pi.root / CUSTOM_CMDLINE.lstrip("/")).exists()
    expected = made_anew(pi, "vmlinuz-6.12")
    assert pi.read("boot/firmware/config.txt") == expected["config.txt"]
    assert pi.read("boot/firmware/cmdline.txt").split() == expected["cmdline.txt"].split()


def test_firmware_settings_outlive_it_too(pi: CardboardPi) -> None:
    box = Box(root=pi.root, machine=pi)
    words = ["set", "--mode", "1280x1024@60", "--driver", "firmware", "--no-try", "--yes"]
    assert main(words, box) == 0
    pi.boot_files(made_anew(pi, "vmlinuz-6.12"))
    settings = {"hdmi_group:0": "2", "hdmi_mode:0": "35"}
    assert block_settings(pi.read("boot/firmware/config.txt")) == settings
    assert main(words, box) == 0
    assert pi.read("boot/firmware/config.txt") == made_anew(pi, "vmlinuz-6.12")["config.txt"]
    assert main(["reset", "--yes", "--driver", "firmware"], box) == 0
    assert block_settings(pi.read("boot/firmware/config.txt")) == {}

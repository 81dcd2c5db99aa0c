"""What the kernel's files say about a Raspberry Pi and its displays."""

from pathlib import Path

import pytest

from display.hdmi.config_filters import Board
from display.hdmi.errors import HdmiError
from display.hdmi.models import MODELS, UNKNOWN
from display.hdmi.probe import (
    RASPI_FIRMWARE_HOOK,
    can_tryboot,
    find_boot,
    has_connectors,
    is_tryboot,
    parse_state,
    read_board,
    read_boot_files,
    read_custom,
    read_display,
    read_ports,
)
from display.hdmi.situation import (
    CUSTOM_CMDLINE,
    CUSTOM_CONFIG,
    Driver,
    choose_driver,
    cmdline_name,
)
from tests.support import edids
from tests.support.pi import STATE, CardboardPi

PI4 = MODELS["pi4"]


@pytest.fixture
def pi(tmp_path: Path) -> CardboardPi:
    return CardboardPi(tmp_path)


def test_the_board_is_read_from_the_device_tree(pi: CardboardPi) -> None:
    pi.is_a("Raspberry Pi 4 Model B Rev 1.4", 0xC03114)
    board = read_board(pi.root)
    assert board == Board(PI4, 0x11, 0x10000000ABCDEF01)


def test_another_machine_is_no_raspberry_pi(pi: CardboardPi) -> None:
    assert read_board(pi.root) == Board(UNKNOWN)


def test_ports_tell_what_is_plugged_in_whatever_the_cards_number(pi: CardboardPi) -> None:
    pi.connect(0, edids.OLD_MONITOR, card=0)
    pi.connect(1, None, card=0, status="disconnected")
    first, second = read_ports(pi.root, PI4)
    assert first.is_connected
    assert first.display is not None
    assert first.display.name == "Acer AL1715"
    assert (second.is_connected, second.display, second.mode_in_use) == (False, None, None)


def test_a_display_whose_edid_is_none_says_so(pi: CardboardPi) -> None:
    pi.connect(0, bytes(128))
    pi.connect(1, None)
    first, second = read_ports(pi.root, PI4)
    assert (first.display, first.fault) == (None, "it does not begin as an EDID does")
    assert (second.is_connected, second.display, second.fault) == (True, None, None)


def test_the_mode_in_use_is_the_kernels_own_account(pi: CardboardPi) -> None:
    pi.write("sys/kernel/debug/dri/1/state", STATE)
    pi.connect(0, edids.OLD_MONITOR)
    assert read_ports(pi.root, PI4)[0].mode_in_use == "1280x1024@60"
    assert parse_state(STATE) == {"HDMI-A-1": "1280x1024@60"}


FRAMEBUFFERS = [
    ({"modes": "U:1920x1080p-0\n", "virtual_size": "1920,2160\n"}, "1920x1080"),
    ({"mode": "S:1280x1024p-60\n", "modes": "U:1920x1080p-0\n"}, "1280x1024@60"),
    ({"virtual_size": "720,480\n"}, "720x480"),
    ({}, None),
]


@pytest.mark.parametrize(("files", "mode"), FRAMEBUFFERS)
def test_without_that_account_the_framebuffer_tells_its_size(
    pi: CardboardPi, files: dict[str, str], mode: str | None
) -> None:
    for name, text in files.items():
        pi.write(f"sys/class/graphics/fb0/{name}", text)
    assert read_ports(pi.root, PI4)[0].mode_in_use == mode
    assert not has_connectors(pi.root)


def test_the_boot_folder_is_the_newer_place_first(pi: CardboardPi) -> None:
    with pytest.raises(HdmiError, match=r"no boot files in /boot/firmware or /boot"):
        find_boot(pi.root)
    pi.write("boot/config.txt", b"")
    assert find_boot(pi.root) == pi.root / "boot"
    pi.write("boot/firmware/cmdline.txt", b"")
    assert find_boot(pi.root) == pi.root / "boot/firmware"


def test_boot_files_are_read_with_what_they_name_and_nothing_outside(pi: CardboardPi) -> None:
    pi.write("etc/passwd", b"secret\n")
    pi.boot_files(
        {
            "CONFIG.TXT": b"include Extra.txt\ninclude ../../etc/passwd\ninclude sub/more.txt\n",
            "extra.txt": b"cmdline=other.txt\nos_prefix=new/\n",
            "sub/more.txt": b"a=1\n",
            "other.txt": b"root=1\n",
            "new/other.txt": b"root=2\n",
            "cmdline.txt": b"root=0\n",
            "kernel.img": b"\0" * 10,
        }
    )
    files = read_boot_files(pi.root / "boot/firmware")
    assert {name: data for name, data in files.items() if data} == {
        "CONFIG.TXT": b"include Extra.txt\ninclude ../../etc/passwd\ninclude sub/more.txt\n",
        "extra.txt": b"cmdline=other.txt\nos_prefix=new/\n",
        "sub/more.txt": b"a=1\n",
        "other.txt": b"root=1\n",
        "new/other.txt": b"root=2\n",
        "cmdline.txt": b"root=0\n",
    }
    assert "kernel.img" in files
    assert cmdline_name(files, Board(PI4)) == "new/other.txt"


CMDLINES = [
    (b"", "cmdline.txt"),
    (b"cmdline=other.txt\n", "other.txt"),
    (b"cmdline=/other.txt\nos_prefix=new/\n", "other.txt"),
    (b"os_prefix=new/\n", "new/cmdline.txt"),
    (b"os_prefix=gone/\n", "cmdline.txt"),
    (b"[pi3]\ncmdline=other.txt\n", "cmdline.txt"),
    (b"cmdline=gone.txt\n", None),
]


@pytest.mark.parametrize(("config", "name"), CMDLINES)
def test_the_kernels_line_is_the_one_config_txt_names(config: bytes, name: str | None) -> None:
    files = dict.fromkeys(["cmdline.txt", "other.txt", "new/cmdline.txt"], b"")
    assert cmdline_name({**files, "config.txt": config}, Board(PI4)) == name


DRIVERS = [
    (b"", "pi4", Driver.FIRMWARE),
    (b"", "pi5", Driver.KMS),
    (b"dtoverlay=vc4-kms-v3d,noaudio\n", "pi4", Driver.KMS),
    (b"dtoverlay=vc4-fkms-v3d\n", "pi4", Driver.FIRMWARE),
    (b"dtoverlay=vc4-fkms-v3d\ndtoverlay=vc4-kms-v3d-pi4\n", "pi4", Driver.KMS),
    (b"[pi4]\ndtoverlay=vc4-kms-v3d\n", "pi3", Driver.FIRMWARE),
    (b"[pi4]\ndtoverlay=vc4-kms-v3d\n", "unknown", None),
    (b"#dtoverlay=vc4-kms-v3d\n", "unknown", Driver.FIRMWARE),
    (b"upstream_kernel=1\n", "unknown", Driver.KMS),
]


@pytest.mark.parametrize(("config", "model", "driver"), DRIVERS)
def test_config_txt_tells_who_drives_the_display(
    config: bytes, model: str, driver: Driver | None
) -> None:
    assert choose_driver({"config.txt": config}, Board(MODELS.get(model, UNKNOWN))) is driver


def test_raspi_firmware_is_known_by_its_hook(pi: CardboardPi) -> None:
    assert read_custom(pi.root) == {}
    pi.write(RASPI_FIRMWARE_HOOK, "#!/bin/sh\n")
    pi.write(CUSTOM_CONFIG.lstrip("/"), b"gpu_mem=64\n")
    assert read_custom(pi.root) == {CUSTOM_CONFIG: b"gpu_mem=64\n", CUSTOM_CMDLINE: None}


TRYBOOTS = [
    ([], False),
    (["dev/vcio"], True),
    (["dev/vcio", "boot/firmware/autoboot.txt"], False),
    (["dev/vcio", "boot/firmware/boot.img"], False),
]


@pytest.mark.parametrize(("files", "can"), TRYBOOTS)
def test_a_tryboot_is_armed_only_where_it_reads_tryboot_txt(
    pi: CardboardPi, files: list[str], can: bool
) -> None:
    for file in files:
        pi.write(file, b"")
    assert can_tryboot(pi.root, pi.root / "boot/firmware") is can


def test_the_firmware_says_whether_this_is_a_tryboot(pi: CardboardPi) -> None:
    assert not is_tryboot(pi.root)
    pi.write("proc/device-tree/chosen/bootloader/tryboot", b"\0\0\0\0")
    assert not is_tryboot(pi.root)
    pi.write("proc/device-tree/chosen/bootloader/tryboot", b"\0\0\0\1")
    assert is_tryboot(pi.root)


def test_an_edid_file_is_read_or_refused_in_words(pi: CardboardPi) -> None:
    path = pi.write("edid.bin", edids.TELEVISION)
    assert read_display(path).name == "TV 42"
    with pytest.raises(HdmiError, match=r"there is no .*/gone"):
        read_display(pi.root / "gone")
    path.write_bytes(b"x")
    with pytest.raises(HdmiError, match=r"no EDID is in .*: an EDID has at least 128 bytes"):
        read_display(path)

"""An image made ready for the emulator: what boots is read from the image itself."""

import lzma
import re
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from maker.disk import BOOT_BYTES
from maker.errors import BuildError
from maker.running import run

SECTOR_BYTES = 512
# The emulated card reader takes powers of two only; twice the image shows that root grows.
CARD_BYTES = 4 << 30
SCREEN = (1024, 768)
# Where QEMU's Raspberry Pi 3 with 1 GB has its framebuffer.
FRAMEBUFFER = 0x3C100000
DEVICE_TREE = "bcm2837-rpi-3-b.dtb"
# What start.elf tells the system of the board, a Raspberry Pi 3 B: gpiozero knows its header by it.
REVISION = 0xA02082
_OVERLAY = """\
/dts-v1/;
/plugin/;
/ {{
    fragment@0 {{
        target-path = "/chosen";
        __overlay__ {{
            #address-cells = <1>;
            #size-cells = <1>;
            ranges;
            framebuffer@{base:x} {{
                compatible = "simple-framebuffer";
                reg = <{base:#x} {size:#x}>;
                width = <{width}>;
                height = <{height}>;
                stride = <{stride}>;
                format = "a8r8g8b8";
                status = "okay";
            }};
        }};
    }};
    fragment@1 {{
        target-path = "/";
        __overlay__ {{
            system {{
                linux,revision = <{revision:#x}>;
            }};
        }};
    }};
}};
"""


@dataclass(frozen=True, slots=True)
class Card:
    """What QEMU is given."""

    image: Path
    kernel: Path
    initrd: Path
    device_tree: Path
    command_line: str


def first_partition(head: bytes) -> int:
    """Where the first partition begins, in bytes, by the MBR (PURE)."""
    if len(head) < SECTOR_BYTES or head[510:512] != b"\x55\xaa":
        raise BuildError("this is no image of a card: give one that image-build/build has made")
    return int(struct.unpack_from("<I", head, 446 + 8)[0]) * SECTOR_BYTES


def choose_boot_files(names: list[str]) -> tuple[str, str]:
    """Kernel and initramfs among the names of the first partition (PURE)."""
    kernels = sorted(name for name in names if name.startswith("vmlinuz-"))
    for kernel in reversed(kernels):
        initrd = kernel.replace("vmlinuz-", "initrd.img-")
        if initrd in names:
            return kernel, initrd
    raise BuildError("the image has no kernel with an initramfs: was it built to its end?")


def emulated_command_line(text: str) -> str:
    """cmdline.txt for the emulator: its serial port has another name, it is slower (PURE)."""
    words = [
        word for word in text.split() if not word.startswith(("console=", "quiet", "loglevel"))
    ]
    # QEMU's watchdog does not count: arming it restarts the machine at once.
    return " ".join(["console=ttyAMA0,115200", "console=tty0", *words, "systemd.watchdog_sec=0"])


def prepare(image: Path, work: Path, inbox: str) -> Card:
    """A copy of the image with another gatelight.toml on it, and its boot files beside it."""
    card, log = work / "card.img", work / "tools.log"
    if image.suffix == ".xz":
        with lzma.open(image) as source, card.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    else:
        run(["cp", "--sparse=always", str(image), str(card)], log)
    with card.open("r+b") as file:
        start = first_partition(file.read(SECTOR_BYTES))
        file.truncate(CARD_BYTES)
    disk = f"{card}@@{start}"
    listed = subprocess.run(
        ["mdir", "-b", "-i", disk, "::/"], capture_output=True, text=True, check=True
    )
    names = [name.removeprefix("::/") for name in listed.stdout.split()]
    kernel, initrd = choose_boot_files(names)
    for name in (kernel, initrd, DEVICE_TREE, "cmdline.txt"):
        run(["mcopy", "-o", "-i", disk, f"::/{name}", str(work / name)], log)
    tree = _as_the_firmware_gives_it(work, log)
    line = emulated_command_line((work / "cmdline.txt").read_text())
    made = Card(card, work / kernel, work / initrd, tree, line)
    write_boot_file(made, work, "gatelight.toml", inbox)
    return made


def _boot_start(card: Card) -> int:
    with card.image.open("rb") as file:
        return first_partition(file.read(SECTOR_BYTES))


def write_boot_file(card: Card, work: Path, name: str, text: str) -> None:
    """A file of the first partition, as its owner edits it on a computer."""
    (work / name).write_text(text)
    disk = f"{card.image}@@{_boot_start(card)}"
    run(["mcopy", "-o", "-i", disk, str(work / name), f"::/{name}"], work / "tools.log")


def read_boot_file(card: Card, name: str) -> str:
    """A file of the first partition, as the box has left it."""
    done = subprocess.run(
        ["mtype", "-i", f"{card.image}@@{_boot_start(card)}", f"::/{name}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def boot_partition(card: Card) -> bytes:
    """All of the first partition, what was deleted too."""
    with card.image.open("rb") as file:
        file.seek(_boot_start(card))
        return file.read(BOOT_BYTES)


def _as_the_firmware_gives_it(work: Path, log: Path) -> Path:
    """The device tree with what the firmware would have put there: screen and board."""
    width, height = SCREEN
    source, overlay, tree = work / "fb.dts", work / "fb.dtbo", work / "card.dtb"
    stride = width * 4
    text = _OVERLAY.format(
        base=FRAMEBUFFER,
        size=stride * height,
        width=width,
        height=height,
        stride=stride,
        revision=REVISION,
    )
    source.write_text(text)
    run(["dtc", "-@", "-q", "-I", "dts", "-O", "dtb", "-o", str(overlay), str(source)], log)
    run(["fdtoverlay", "-i", str(work / DEVICE_TREE), "-o", str(tree), str(overlay)], log)
    return tree


def read_seconds(text: str) -> float:
    """The first number of an answer such as /proc/uptime's (PURE)."""
    match = re.search(r"[0-9]+(?:\.[0-9]+)?", text)
    if match is None:
        raise BuildError(f"the box gave no number: {text!r}")
    return float(match[0])

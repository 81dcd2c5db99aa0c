"""What this machine is and what is plugged in, read from the kernel's files.

Sources: Linux, Documentation/gpu/drm-uapi.rst and drm_sysfs.c (/sys/class/drm),
drm_atomic.c (/sys/kernel/debug/dri/*/state), Documentation/fb; raspberrypi/documentation,
config_txt/autoboot.adoc (tryboot) and raspberry-pi/revision-codes.adoc.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from display.hdmi.cmdline_txt import connector
from display.hdmi.config_filters import Board
from display.hdmi.config_txt import MAX_FILE_BYTES
from display.hdmi.edid import MAX_EDID_BYTES, Display, parse_edid
from display.hdmi.errors import HdmiError, error_of
from display.hdmi.files import read_file
from display.hdmi.models import UNKNOWN, Model, parse_model
from display.hdmi.situation import CUSTOM_CMDLINE, CUSTOM_CONFIG, Port, find_name, named_files

BOOT_FOLDERS = ("boot/firmware", "boot")
# Debian's hook that makes config.txt and cmdline.txt anew.
RASPI_FIRMWARE_HOOK = "etc/kernel/postinst.d/z50-raspi-firmware"
_DEVICE_TREE = "proc/device-tree"
# With boot.img, or where autoboot.txt says so, a tryboot reads config.txt as ever.
_A_B_FILES = ("autoboot.txt", "boot.img")
_MAX_STATE_BYTES = 1 << 20
_CONNECTOR = re.compile(r"^connector\[\d+\]: (\S+)\n\s+crtc=(\S+)", re.MULTILINE)
_CRTC = re.compile(r"^crtc\[\d+\]: (\S+)\n((?:\s+.*\n)*)", re.MULTILINE)
_STATE_MODE = re.compile(r'^\s+mode: "([^"]+)": (\d+) ', re.MULTILINE)
_ACTIVE = re.compile(r"^\s+active=1$", re.MULTILINE)
_FB_MODE = re.compile(r"[A-Z]:(\d+)x(\d+)([pi])-(\d+)")


def read_board(root: Path, ports: tuple[Port, ...] = ()) -> Board:
    """The machine; the model is UNKNOWN where it is no Raspberry Pi."""
    revision = int.from_bytes(_read(root / _DEVICE_TREE / "system/linux,revision")[:4], "big")
    serial = _read(root / _DEVICE_TREE / "serial-number").rstrip(b"\0\n")
    is_new_style = bool(revision & 1 << 23)
    displays = [port.display for port in ports if port.display is not None]
    return Board(
        model=parse_model(_read(root / _DEVICE_TREE / "model").decode("latin-1")) or UNKNOWN,
        board_type=revision >> 4 & 0xFF if is_new_style else None,
        serial=int(serial, 16) if re.fullmatch(rb"[0-9a-fA-F]{1,16}", serial) else None,
        edid_names=frozenset(display.filter_name for display in displays),
    )


def read_ports(root: Path, model: Model) -> tuple[Port, ...]:
    """The HDMI ports by /sys/class/drm; without a kernel driver, by number only."""
    state = _read_state(root)
    return tuple(_read_port(root, number, state) for number in range(model.ports))


def has_connectors(root: Path) -> bool:
    """Whether the kernel drives HDMI ports itself."""
    return any((root / "sys/class/drm").glob("card*-HDMI-A-*"))


def find_boot(root: Path) -> Path:
    """The mounted boot partition. Raises HdmiError."""
    for name in BOOT_FOLDERS:
        folder = root / name
        if any((folder / file).is_file() for file in ("config.txt", "cmdline.txt")):
            return folder
    where = " or ".join(f"/{name}" for name in BOOT_FOLDERS)
    raise HdmiError("there are no boot files in", where, "--boot names the folder of config.txt")


def read_boot_files(folder: Path) -> dict[str, bytes]:
    """config.txt, what it includes, the command lines it names, by their names on the card.

    Other files of the folder are there by name only, empty. Raises HdmiError.
    """
    try:
        names = [path.name for path in folder.iterdir() if path.is_file()]
    except OSError as error:
        raise error_of(error, folder) from error
    files: dict[str, bytes] = dict.fromkeys(sorted(names), b"")
    waiting, read = ["config.txt", "cmdline.txt"], set[str]()
    while waiting:
        found = _find(folder, waiting.pop(), files)
        if found is not None and found not in read:
            read.add(found)
            files[found] = read_file(folder / found) or b""
            waiting += named_files(files[found])
    return files


def read_custom(root: Path) -> dict[str, bytes | None]:
    """The files Debian's raspi-firmware adds to the boot files; none where it is not installed."""
    if not (root / RASPI_FIRMWARE_HOOK).exists():
        return {}
    paths = (CUSTOM_CONFIG, CUSTOM_CMDLINE)
    return {path: read_file(root / path.lstrip("/")) for path in paths}


def read_display(path: Path) -> Display:
    """The display of an EDID file. Raises HdmiError."""
    data = read_file(path)
    if data is None:
        raise HdmiError("there is no", str(path), "name a file with an EDID in it")
    try:
        return parse_edid(data)
    except ValueError as error:
        raise HdmiError("no EDID is in", str(path), str(error)) from error


def can_tryboot(root: Path, boot: Path) -> bool:
    """Whether the kernel can ask the firmware for one start from tryboot.txt.

    Raspberry Pi's kernels can, and they have /dev/vcio; others have neither.
    """
    is_possible = (root / "dev/vcio").exists()
    return is_possible and not any((boot / name).exists() for name in _A_B_FILES)


def is_tryboot(root: Path) -> bool:
    """Whether the firmware read tryboot.txt for this start."""
    return any(_read(root / _DEVICE_TREE / "chosen/bootloader/tryboot"))


def parse_state(text: str) -> Mapping[str, str]:
    """The mode on each connector, by the kernel's account of the display (debugfs `state`)."""
    modes = {}
    for name, content in _CRTC.findall(text):
        found = _STATE_MODE.search(content)
        if found and _ACTIVE.search(content):
            modes[name] = f"{found[1]}@{found[2]}"
    return {name: modes[crtc] for name, crtc in _CONNECTOR.findall(text) if crtc in modes}


def _read_port(root: Path, number: int, state: Mapping[str, str]) -> Port:
    name = connector(number)
    folder = next(iter(sorted((root / "sys/class/drm").glob(f"card*-{name}"))), None)
    if folder is None:
        return Port(number, mode_in_use=_framebuffer_mode(root) if number == 0 else None)
    status = _read(folder / "status").strip()
    is_connected = {b"connected": True, b"disconnected": False}.get(status)
    in_use = state.get(name)
    if in_use is None and _read(folder / "enabled").strip() == b"enabled":
        in_use = _framebuffer_mode(root)
    data = _read(folder / "edid", MAX_EDID_BYTES)
    try:
        display = parse_edid(data) if data else None
    except ValueError as error:
        return Port(number, is_connected, None, in_use, str(error))
    return Port(number, is_connected, display, in_use)


def _framebuffer_mode(root: Path) -> str | None:
    """The size of the first framebuffer, and its rate where it says one."""
    folder = root / "sys/class/graphics/fb0"
    modes = _read(folder / "mode") or _read(folder / "modes")
    if match := _FB_MODE.match(modes.decode("latin-1")):
        rate = f"@{match[4]}" if match[4] != "0" else ""
        return f"{match[1]}x{match[2]}{'i' if match[3] == 'i' else ''}{rate}"
    size = _read(folder / "virtual_size").decode("latin-1").strip()
    return size.replace(",", "x") or None


def _read_state(root: Path) -> Mapping[str, str]:
    texts = [
        _read(path, _MAX_STATE_BYTES).decode("latin-1")
        for path in sorted(_glob(root / "sys/kernel/debug/dri", "*/state"))
    ]
    return {name: mode for text in texts for name, mode in parse_state(text).items()}


def _glob(folder: Path, pattern: str) -> list[Path]:
    """Only root may look into debugfs."""
    try:
        return list(folder.glob(pattern))
    except OSError:
        return []


def _find(folder: Path, wanted: str, files: dict[str, bytes]) -> str | None:
    """A file's own name, in this folder or one below it; never outside."""
    found = find_name(files, wanted)
    if found is not None or "/" not in wanted:
        return found
    parts = wanted.split("/")
    is_inside = not any(part in ("", ".", "..") for part in parts)
    return wanted if is_inside and (folder / wanted).is_file() else None


def _read(path: Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """A file of the kernel's; empty when it is not there or not for us."""
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError:
        return b""

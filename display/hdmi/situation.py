"""What a plan starts from: the Pi, its display driver, its boot files, its displays (PURE)."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from display.hdmi.cmdline_txt import connector, edid_files_of
from display.hdmi.config_eval import ROOT, Setting, evaluate, read_settings
from display.hdmi.config_filters import Board
from display.hdmi.config_txt import Kind, parse_config
from display.hdmi.edid import Display
from display.hdmi.errors import HdmiError
from display.hdmi.models import UNKNOWN

CMDLINE = "cmdline.txt"
# What Debian's raspi-firmware makes config.txt and cmdline.txt from, at every kernel update.
CUSTOM_CONFIG = "/etc/default/raspi-firmware-custom"
CUSTOM_CMDLINE = "/etc/default/raspi-extra-cmdline"
# Where the kernel looks for the files of drm.edid_firmware=.
EDID_FOLDER = "/lib/firmware"


class Driver(enum.Enum):
    """Who drives the display: the firmware (also through vc4-fkms-v3d) or the kernel."""

    FIRMWARE = "firmware"
    KMS = "kms"


@dataclass(frozen=True, slots=True)
class Port:
    """An HDMI port. `is_connected` and `display` are None when not known; a display may have no
    EDID. `mode_in_use` is in words.
    """

    number: int
    is_connected: bool | None = None
    display: Display | None = None
    mode_in_use: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a plan depends on.

    `files` has the boot folder's files by name. `custom` has CUSTOM_CONFIG and CUSTOM_CMDLINE
    (None: not there yet) where Debian's raspi-firmware makes the boot files; elsewhere it is empty.
    `has_root` tells that absolute paths can be written, not the boot folder alone; `folder` is how
    errors call that.
    """

    board: Board
    driver: Driver
    files: Mapping[str, bytes]
    ports: tuple[Port, ...] = ()
    custom: Mapping[str, bytes | None] = field(default_factory=dict)
    has_root: bool = False
    folder: str = "this folder"

    @property
    def config(self) -> str:
        """The name of config.txt as it is written on the card."""
        return find_name(self.files, ROOT) or ROOT

    @property
    def cmdline(self) -> str | None:
        """The name of the kernel's command line; None when there is no such file."""
        return cmdline_name(self.files, self.board)

    def settings(self) -> tuple[Setting, ...]:
        """What config.txt says, with what it includes."""
        return read_settings(self.files, self.board)

    def port(self, number: int) -> Port:
        """A port. Raises HdmiError when the model does not have it."""
        model = self.board.model
        if number >= model.ports:
            where = f"port {number} of the {model.name}"
            way_out = "it has port 0 only" if model.ports == 1 else "its ports are 0 and 1"
            raise HdmiError("there is no", where, way_out)
        port = next((port for port in self.ports if port.number == number), Port(number))
        return replace(port, display=None) if self.has_our_edid(number) else port

    def has_our_edid(self, number: int) -> bool:
        """Whether the kernel was given an EDID of ours: then the display's own is not known."""
        if not self.has_root or self.cmdline is None:
            return False
        named = edid_files_of(self.files[self.cmdline])
        return named.get(connector(number)) == edid_name(number)


def find_name(files: Iterable[str], wanted: str) -> str | None:
    """A file of the FAT partition, where upper and lower case are the same."""
    return next((name for name in files if name.lower() == wanted.lower()), None)


def cmdline_name(files: Mapping[str, bytes], board: Board) -> str | None:
    """The file the firmware hands to the kernel: `cmdline=` names another, `os_prefix=` a folder.

    Source: raspberrypi/documentation, config_txt/boot.adoc.
    """
    values = evaluate(files, board)
    name = values.get("cmdline", CMDLINE)
    if name.startswith("/"):
        return find_name(files, name.lstrip("/"))
    prefixed = find_name(files, values.get("os_prefix", "") + name)
    return prefixed or find_name(files, name)


def named_files(data: bytes) -> tuple[str, ...]:
    """The files a config.txt may lead to, whatever the board: includes and command lines."""
    lines = [line for line in parse_config(data) if line.kind in (Kind.INCLUDE, Kind.SETTING)]
    includes = [line.value for line in lines if line.kind is Kind.INCLUDE]
    names = [CMDLINE, *(line.value for line in lines if line.key == "cmdline")]
    prefixes = ["", *(line.value for line in lines if line.key == "os_prefix")]
    cmdlines = [prefix + name for name in names for prefix in prefixes]
    return tuple(dict.fromkeys(name.strip().lstrip("/") for name in (*includes, *cmdlines)))


def choose_driver(files: Mapping[str, bytes], board: Board) -> Driver | None:
    """The display driver by config.txt; None when it depends on a model that is not known.

    The overlay vc4-kms-v3d is KMS, vc4-fkms-v3d leaves modes to the firmware (raspberrypi/linux,
    pull request 3082). The kernels that `upstream_kernel` is for, and the Pi 5, have KMS only.
    """
    if not board.model.has_firmware_display:
        return Driver.KMS
    values = evaluate(files, board)
    overlays = values.get("dtoverlay", "").split("\n")
    last = [name for name in overlays if name.startswith(("vc4-kms", "vc4-fkms"))][-1:]
    if last:
        return Driver.KMS if last[0].startswith("vc4-kms") else Driver.FIRMWARE
    if values.get("upstream_kernel", "0") != "0":
        return Driver.KMS
    if board.model is UNKNOWN and any(
        setting.name == "dtoverlay" and setting.value.startswith("vc4-kms")
        for setting in read_settings(files, board)
    ):
        return None
    return Driver.FIRMWARE


def edid_name(port: int, *, trial: bool = False) -> str:
    """The EDID file's name, as `drm.edid_firmware=` says it."""
    return f"gatelight-{'try-' if trial else ''}{connector(port)}.bin"


def edid_path(port: int, *, trial: bool = False) -> str:
    """Where the kernel looks for it."""
    return f"{EDID_FOLDER}/{edid_name(port, trial=trial)}"

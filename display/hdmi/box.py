"""Where a command works: the running box, or a folder with a card's boot files."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from display.hdmi.config_eval import evaluate
from display.hdmi.config_filters import Board
from display.hdmi.errors import HdmiError
from display.hdmi.history import History, Places
from display.hdmi.machine import NoBox, ThisBox
from display.hdmi.models import UNKNOWN, Model
from display.hdmi.probe import (
    can_tryboot,
    find_boot,
    has_connectors,
    read_board,
    read_boot_files,
    read_custom,
    read_display,
    read_ports,
)
from display.hdmi.situation import Driver, Port, Situation, choose_driver
from display.hdmi.trial_run import STATUS_FILE, Machine, Trials


@dataclass(frozen=True, slots=True)
class Box:
    """`boot` is a folder given by name: then nothing outside it is read or written.

    What is None is found out. `root` is where the running system's files are.
    """

    root: Path = Path("/")
    boot: Path | None = None
    model: Model | None = None
    driver: Driver | None = None
    edid: Path | None = None
    edid_port: int = 0
    machine: Machine | None = field(default=None)
    now: Callable[[], datetime] | None = None

    @property
    def is_live(self) -> bool:
        """Whether this is the running box, which can restart."""
        return self.boot is None

    def folder(self) -> Path:
        """The boot folder. Raises HdmiError."""
        return self.boot or find_boot(self.root)

    def history(self) -> History:
        """The boot folder's history. Raises HdmiError."""
        return History(Places(self.folder(), self.root if self.is_live else None), self.now)

    def trials(self) -> Trials:
        """The boot folder's trial. Raises HdmiError."""
        machine = self.machine or (ThisBox(self.root) if self.is_live else NoBox())
        return Trials(self.history(), machine, self.root / STATUS_FILE.relative_to("/"))

    def may_write(self) -> bool:
        """Whether this process may change the boot files itself."""
        return os.access(self.folder(), os.W_OK)

    def can_tryboot(self) -> bool:
        """Whether a trial may use tryboot.txt."""
        return self.is_live and can_tryboot(self.root, self.folder())

    def situation(self) -> Situation:
        """Reads everything a plan depends on. Raises HdmiError."""
        files = read_boot_files(self.folder())
        ports = self._ports()
        board = self._board(ports)
        driver = self.driver or self._driver(files, board)
        if driver is Driver.FIRMWARE and not board.model.has_firmware_display:
            raise HdmiError(
                "there is no firmware display on the", board.model.name, "its driver is kms"
            )
        custom = read_custom(self.root) if self.is_live else {}
        return Situation(board, driver, files, ports, custom, self.is_live, str(self.folder()))

    def _board(self, ports: tuple[Port, ...]) -> Board:
        board = read_board(self.root, ports) if self.is_live else _board_of(ports)
        return board if self.model is None else replace(board, model=self.model, board_type=None)

    def _ports(self) -> tuple[Port, ...]:
        model = self.model or (read_board(self.root).model if self.is_live else UNKNOWN)
        found = read_ports(self.root, model) if self.is_live else ()
        if self.edid is None:
            return found
        given = Port(self.edid_port, True, read_display(self.edid))
        return (*(port for port in found if port.number != self.edid_port), given)

    def _driver(self, files: dict[str, bytes], board: Board) -> Driver:
        driver = choose_driver(files, board)
        if self.is_live and has_connectors(self.root) and not _is_fake_kms(files, board):
            return Driver.KMS
        if driver is None:
            way_out = "say --model, or --driver firmware or kms"
            raise HdmiError("the display driver depends on the model in", "config.txt", way_out)
        return driver


def _is_fake_kms(files: dict[str, bytes], board: Board) -> bool:
    """Under vc4-fkms-v3d the kernel has connectors, and the firmware the modes."""
    return "vc4-fkms" in evaluate(files, board).get("dtoverlay", "")


def _board_of(ports: tuple[Port, ...]) -> Board:
    displays = [port.display for port in ports if port.display is not None]
    return Board(edid_names=frozenset(display.filter_name for display in displays))

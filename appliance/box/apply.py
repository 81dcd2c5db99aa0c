"""Puts the inbox in force: at every start, and whenever the card's gatelight.toml has changed.

What was understood last is kept on the data partition, secrets included, and the system's files are
made from that. So a faulty inbox, a missing one and a power cut at any moment all leave a box that
comes up as it was.
"""

import asyncio
import contextlib
import json
import os
import pwd
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.atomic_file import replace_file
from appliance.box.derive import System, derive_system
from appliance.box.inbox import (
    STORE,
    clear_secret,
    find_missing,
    keep_secret,
    mark_of,
    parse_inbox,
    settings_of,
)
from appliance.box.next_start import settle
from appliance.config import ConfigError
from appliance.console import say
from appliance.stores.base import StoreError
from appliance.stores.toml_shelf import SECRET_FILE_MODE, TomlShelf
from appliance.telemetry.refusal import REFUSAL_FILE

INBOX = "gatelight.toml"
LOG = "gatelight-boot.log"
REFUSED = f"{INBOX} is refused, and the box goes on as before. Mend these and start it again:"
DATA = "data"
KEPT = f"{DATA}/box/settings.json"
# No hand-written file comes near; a card may hold anything.
MAX_INBOX_BYTES = 1 << 20
MAX_REFUSAL_FAULTS = 3

Run = Callable[[Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class Kept:
    """What the box goes by."""

    mark: str
    """Of the inbox it came from, or that was refused last."""
    tables: dict[str, Any]
    mode: str = ""
    """The HDMI mode that boot files were last written for."""


class Box:
    """A machine by its root folder; `run` does what files alone cannot."""

    def __init__(self, root: Path, run: Run) -> None:
        self.root = root
        self.boot = root / "boot/firmware"
        self._run = run

    def apply(self) -> bool:
        """Reads the inbox and makes the system's files. False: the inbox was refused."""
        self._settle()
        kept = self.read_kept()
        content = self._read_inbox()
        is_good = True
        if content is not None and mark_of(content) != kept.mark:
            kept, is_good = self._take(content, kept)
        elif content is not None and _read(self.boot / LOG).startswith(REFUSED.encode()):
            # A faulty file was put back to what is in force.
            self._accept(f"{INBOX} is in force again", {})
        self._make(derive_system(kept.tables))
        self._make_sites()
        self._set_mode(kept)
        return is_good

    def _settle(self) -> None:
        """A backup that was to be restored, a box that was to forget: done before data is read."""
        try:
            if settle(self.root / DATA):
                say("the box's data is as it was asked for before this start")
        except OSError as error:
            say(f"what was asked for cannot be done with the box's data: {error}")

    def read_kept(self) -> Kept:
        """What is kept on the data partition; the defaults where that is not there or spoilt."""
        try:
            table = json.loads((self.root / KEPT).read_bytes())
            kept = Kept(str(table["mark"]), dict(table["tables"]), str(table["mode"]))
            derive_system(kept.tables)
            return kept
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Kept("", {})

    def _keep(self, kept: Kept) -> None:
        table = {"mark": kept.mark, "tables": kept.tables, "mode": kept.mode}
        path = self.root / KEPT
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, json.dumps(table).encode(), 0o600)

    def _read_inbox(self) -> bytes | None:
        try:
            with (self.boot / INBOX).open("rb") as file:
                return file.read(MAX_INBOX_BYTES)
        except OSError:
            return None

    def _take(self, content: bytes, kept: Kept) -> tuple[Kept, bool]:
        """A changed inbox: in force from now on, or refused in words."""
        try:
            inbox = parse_inbox(content, INBOX)
            tables = keep_secret(inbox.tables, kept.tables)
            missing = find_missing(settings_of(tables))
            missing = missing or self._find_zone_fault(settings_of(tables).time_zone)
            if missing:
                return self._refuse([f"{INBOX}: {missing}"], content, kept)
            if inbox.sites:
                self._import(inbox.sites)
        except ConfigError as error:
            return self._refuse([str(fault) for fault in error.faults], content, kept)
        except (StoreError, OSError) as error:
            return self._refuse([f"sites cannot be kept: {error}"], content, kept)
        cleared = clear_secret(content)
        # The secret has its new place before the old one is cleared: a power cut loses nothing.
        fresh = Kept(mark_of(cleared), tables, kept.mode)
        self._keep(fresh)
        sites = f"sites taken over: {', '.join(inbox.sites)}" if inbox.sites else "no sites in it"
        self._accept(f"{INBOX} is in force; {sites}", {INBOX: cleared})
        return fresh, True

    def _accept(self, words: str, files: dict[str, bytes]) -> None:
        self._write_boot({LOG: f"{words}\n".encode(), **files})
        self._tell("")

    def _refuse(self, faults: list[str], content: bytes, kept: Kept) -> tuple[Kept, bool]:
        """The box goes on as it was; the same file is not refused twice in the log."""
        for fault in faults:
            say(fault)
        self._write_boot({LOG: "".join(f"{line}\n" for line in [REFUSED, *faults]).encode()})
        more = f" and {len(faults) - 1} more faults" if len(faults) > 1 else ""
        self._tell(f"{faults[0]}{more} (see {LOG} on the card)")
        return kept, False

    def _find_zone_fault(self, zone: str) -> str:
        if (self.root / "usr/share/zoneinfo" / zone).is_file():
            return ""
        return f'box.time_zone: there is no time zone "{zone}": write "Europe/Berlin" or the like'

    def _import(self, sites: Mapping[str, Any]) -> None:
        asyncio.run(TomlShelf(str(self._make_sites()), embedded=False).put(sites))

    def _write_boot(self, files: dict[str, bytes]) -> None:
        """Files of the first partition, which is read-only but for this moment."""
        changed = {
            name: content for name, content in files.items() if _read(self.boot / name) != content
        }
        if not changed:
            return
        self._run(["mount", "-o", "remount,rw", str(self.boot)])
        try:
            for name, content in changed.items():
                _replace_and_wipe(self.boot / name, content)
        except OSError as error:
            say(f"{self.boot} cannot be written ({error.strerror}): is the card worn out?")
        finally:
            self._run(["mount", "-o", "remount,ro", str(self.boot)])

    def _tell(self, refusal: str) -> None:
        """What the screen shows, as an alert; empty: nothing is wrong."""
        path = self.root / str(REFUSAL_FILE).lstrip("/")
        if refusal:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, refusal.encode(), 0o644)
        else:
            path.unlink(missing_ok=True)

    def _make(self, system: System) -> None:
        """The system's files; what does not depend on the settings is in the image."""
        for name, file in system.files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            owner = find_owner(file.group) if file.group else None
            # What only root writes, a group may read.
            readers = (0, owner[1]) if owner else None
            replace_file(path, file.content.encode(), file.mode, readers)
        zone = self.root / "etc/localtime"
        zone.unlink(missing_ok=True)
        zone.symlink_to(Path("/usr/share/zoneinfo") / system.zone)
        self._run(["hostname", (self.root / "etc/hostname").read_text().strip()])
        self._make_machine()
        for unit in system.units:
            self._run(["systemctl", "start", "--no-block", unit])

    def _make_machine(self) -> None:
        """What makes this box another one than the next: its identity and its SSH key."""
        mine, kept = self.root / "etc/machine-id", self.root / "data/machine-id"
        if not _read(kept) and _read(mine):
            replace_file(kept, mine.read_bytes(), 0o444)
        key = self.root / "data/ssh/ssh_host_ed25519_key"
        if not key.exists():
            key.parent.mkdir(parents=True, exist_ok=True)
            self._run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)])

    def _make_sites(self) -> Path:
        """The sites' file, which the proxy needs to start; its user alone reads it, for keys may be
        in it."""
        path = self.root / STORE["file"].lstrip("/")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            empty = b"# The box's sites: gatelight sites list\n"
            replace_file(path, empty, SECRET_FILE_MODE, find_owner("gatelight"))
        return path

    def _set_mode(self, kept: Kept) -> None:
        """The display mode is for the next start: written, then the box starts again."""
        wanted = settings_of(kept.tables).hdmi_mode
        if wanted == kept.mode:
            return
        is_done = self.write_mode(wanted)
        # A mode that was refused is not tried again at every start.
        self._keep(Kept(kept.mark, kept.tables, wanted))
        if is_done:
            self._run(["systemctl", "reboot", "--no-block"])
        else:
            self._tell(f'the display mode "{wanted}" was refused: see gatelight-hdmi modes')

    def write_mode(self, mode: str) -> bool:
        """Boot files for an HDMI mode, or for the display's own choice where it is empty."""
        change = ["set", "--mode", mode, "--yes"] if mode else ["reset", "--yes"]
        self._run(["mount", "-o", "remount,rw", str(self.boot)])
        try:
            return self._run(["gatelight-hdmi", *change, "--no-try"])
        finally:
            self._run(["mount", "-o", "remount,ro", str(self.boot)])


def _replace_and_wipe(path: Path, content: bytes) -> None:
    """As replace_file, and nothing of the old content, a password maybe, stays on the card."""
    with contextlib.ExitStack() as opened:
        old = opened.enter_context(path.open("r+b")) if path.exists() else None
        replace_file(path, content, 0o644)
        if old is not None:
            old.write(bytes(os.fstat(old.fileno()).st_size))
            old.flush()
            os.fsync(old.fileno())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def find_owner(name: str) -> tuple[int, int] | None:
    """User and group of that name, by number; None where this machine has none."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return found.pw_uid, found.pw_gid

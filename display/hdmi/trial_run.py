"""Trials on the running box: does what trial.py decides.

Others read how a trial stands from one file, STATUS_FILE: {"port", "mode", "ends_monotonic_s"}, the
end by the kernel's monotonic clock (a Pi has no clock battery). No file: no trial counts down.
"""

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from display.hdmi.errors import HdmiError
from display.hdmi.files import put_file, read_file, remove_file, write_file
from display.hdmi.history import History
from display.hdmi.steps import Found
from display.hdmi.trial import (
    MARKS,
    Action,
    Event,
    Method,
    Phase,
    Trial,
    boot_event,
    choose_actions,
    encode_trial,
    parse_trial,
)

STATUS_FILE = Path("/run/gatelight-hdmi/trial.json")
_POLL_S = 0.5


class Machine(Protocol):
    """The box a trial runs on."""

    def boot_id(self) -> str:
        """The kernel's random id of this boot."""

    def is_tryboot(self) -> bool:
        """Whether the firmware read tryboot.txt."""

    def reboot(self, *, tryboot: bool) -> None:
        """Restarts. Raises HdmiError when that cannot be asked for."""

    def require_service(self) -> None:
        """Raises HdmiError when nothing would take an unconfirmed mode back after the restart."""


class Clock(Protocol):
    """Time that only goes forward."""

    def monotonic(self) -> float:
        """Seconds."""

    def sleep(self, seconds: float, /) -> None:
        """Waits."""


class Trials:
    """The trial of one boot folder. Every method raises HdmiError."""

    def __init__(
        self,
        history: History,
        machine: Machine,
        status_file: Path = STATUS_FILE,
        clock: Clock = time,
    ) -> None:
        self.history = history
        self.machine = machine
        self.status_file = status_file
        self.clock = clock
        self.file = history.trial
        # Says the same, for when the card has damaged the first one.
        self.second = history.trial.with_suffix(".copy")

    def read(self) -> Trial | None:
        """The trial under way; None when there is none."""
        data = read_file(self.file)
        if data is None:
            return None
        for kept in (data, read_file(self.second) or b""):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return parse_trial(kept)
        raise HdmiError("nothing can be read from", str(self.file), "remove it, and try again")

    def begin(
        self,
        action: str,
        contents: Mapping[str, bytes | None],
        tryboot: Mapping[str, bytes | None],
        port: int,
        mode: str,
        seconds: int,
    ) -> bool:
        """Arms a trial and restarts; False when the files are as wanted already.

        With files for a `tryboot` that is the method, else the dead man's.
        """
        self.machine.require_service()
        with self.history.locked():
            self.require_none()
            changes = self.history.keep(contents)
            if not changes:
                return False
            method = Method.TRYBOOT if tryboot else Method.DEAD_MAN
            entry = self.history.entry(action, changes)
            tried = self.history.keep(tryboot)
            boot_id = self.machine.boot_id()
            trial = Trial(method, Phase.IDLE, entry, port, mode, seconds, boot_id, tried)
            try:
                self._do(trial, Event.SET)
            except HdmiError:
                self._call_off()
                raise
        return True

    def require_none(self) -> None:
        """Raises HdmiError while a trial is under way."""
        if self.read() is not None:
            way_out = "gatelight-hdmi confirm keeps it, gatelight-hdmi undo ends it"
            raise HdmiError("a trial is under way in", str(self.history.places.boot), way_out)

    def status(self) -> dict[str, object] | None:
        """How the trial stands: port, mode and seconds_left (None before its restart)."""
        trial = self.read()
        if trial is None:
            return None
        left = None
        with contextlib.suppress(HdmiError, ValueError, KeyError, TypeError):
            ends_s = float(json.loads(read_file(self.status_file) or b"")[_ENDS])
            left = max(0, round(ends_s - self.clock.monotonic()))
        return {"port": trial.port, "mode": trial.mode, "seconds_left": left}

    def confirm(self) -> Trial:
        """Keeps the mode on trial."""
        return self._tell(Event.CONFIRM, "its restart has not happened yet: wait for the picture")

    def give_up(self) -> Trial:
        """Puts the old files back, and restarts if the new ones are in use."""
        return self._tell(Event.GIVE_UP, "it is confirmed already")

    def run(self, say: Callable[[str], object] = lambda _: None) -> str:
        """What the trial's service does at each start; waits for an answer. Says what it did.

        `say` gets the question for whoever looks at the console.
        """
        trial = self.read()
        if trial is None:
            self._hide()
            return "no trial"
        with self.history.locked():
            event = self._event(trial)
            counting = self._do(trial, event)
        if not counting:
            is_reverted = Action.PUT_OLD in (choose_actions(trial, event) or ())
            end = ", so the old files go back" if is_reverted else ""
            return f"trial of {trial.mode}: {event.value}{end}"
        ends_s = self._show(trial)
        left_s = round(ends_s - self.clock.monotonic())
        say(f"Can you see this? Keep it within {left_s} s: gatelight-hdmi confirm")
        return self._count_down(trial, ends_s)

    def _count_down(self, trial: Trial, ends_s: float) -> str:
        while self.clock.monotonic() < ends_s:
            if not self.file.exists():
                return f"trial of {trial.mode}: answered"
            self.clock.sleep(_POLL_S)
        try:
            self.give_up()
        except HdmiError:
            if self.read() is None:
                return f"trial of {trial.mode}: answered"
            raise
        return f"trial of {trial.mode}: not confirmed"

    def _tell(self, event: Event, refusal: str) -> Trial:
        with self.history.locked():
            trial = self.read()
            where = str(self.history.places.boot)
            if trial is None:
                raise HdmiError("no trial is under way in", where, "there is nothing to answer")
            if choose_actions(trial, event) is None:
                raise HdmiError(f"the trial of {trial.mode} cannot be answered in", where, refusal)
            if event is Event.CONFIRM and Found.OTHER in self._found(trial):
                way_out = "set the mode again"
                raise HdmiError("somebody else has changed the files in", where, way_out)
            self._do(trial, event)
            return trial

    def _call_off(self) -> None:
        """After a failure while arming: as if nothing had been."""
        with contextlib.suppress(HdmiError):
            trial = self.read()
            if trial is not None:
                self._do(trial, Event.GIVE_UP)

    def _event(self, trial: Trial) -> Event:
        found = self._found(trial)
        return boot_event(trial, self.machine.boot_id(), self.machine.is_tryboot(), found)

    def _found(self, trial: Trial) -> list[Found]:
        return [self.history.found(change) for change in trial.entry.changes]

    def _do(self, trial: Trial, event: Event) -> bool:
        """Takes the actions in their order; True when the countdown begins."""
        for action in choose_actions(trial, event) or ():
            if action in MARKS:
                trial = replace(trial, phase=MARKS[action], boot_id=self.machine.boot_id())
                write_file(self.second, encode_trial(trial))
                write_file(self.file, encode_trial(trial))
            elif action in (Action.REBOOT, Action.REBOOT_TRYBOOT):
                self.machine.reboot(tryboot=action is Action.REBOOT_TRYBOOT)
            elif action is Action.COUNT_DOWN:
                return True
            else:
                self._write(trial, action)
        return False

    def _write(self, trial: Trial, action: Action) -> None:
        if action in (Action.PUT_NEW, Action.PUT_OLD):
            self.history.put(trial.entry.changes, after=action is Action.PUT_NEW)
        elif action in (Action.PUT_TRYBOOT, Action.DROP_TRYBOOT):
            self.history.put(trial.tryboot, after=action is Action.PUT_TRYBOOT)
        elif action is Action.RECORD:
            self.history.record(trial.entry)
        elif action is Action.CLEAR:
            self._hide()
            remove_file(self.file)
            remove_file(self.second)

    def _show(self, trial: Trial) -> float:
        """Says how the trial stands; a service started anew goes on with the old end."""
        ends_s = self.clock.monotonic() + trial.seconds
        with contextlib.suppress(HdmiError, ValueError, KeyError, TypeError):
            ends_s = min(ends_s, float(json.loads(read_file(self.status_file) or b"")[_ENDS]))
        table = {"port": trial.port, "mode": trial.mode, _ENDS: round(ends_s, 3)}
        with contextlib.suppress(OSError, HdmiError):
            self.status_file.parent.mkdir(parents=True, exist_ok=True)
            put_file(self.status_file, json.dumps(table).encode())
        return ends_s

    def _hide(self) -> None:
        with contextlib.suppress(HdmiError):
            remove_file(self.status_file)


_ENDS = "ends_monotonic_s"

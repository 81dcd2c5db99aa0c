"""Carries plans out, for the command and for the helper."""

from dataclasses import dataclass

from display.hdmi.box import Box
from display.hdmi.errors import HdmiError
from display.hdmi.history import History
from display.hdmi.plan import Plan, Planner
from display.hdmi.steps import Entry, undoable
from display.hdmi.trial import Trial


@dataclass(frozen=True, slots=True)
class Done:
    """What was done with a plan: an entry of the history, or a trial of so many seconds, or
    neither, when there was nothing to change.
    """

    plan: Plan
    entry: Entry | None = None
    trial_s: int | None = None


def carry_out(box: Box, planner: Planner, trial_s: int | None, shown: Plan | None = None) -> Done:
    """Writes the files, or begins a trial of them for that long and restarts. Raises HdmiError.

    `shown` is the plan somebody said yes to; when the files have changed since, nothing is done.
    """
    repair(box)
    plan = planner(box.situation())
    if shown is not None and plan != shown:
        raise HdmiError("the files have changed meanwhile in", str(box.folder()), "try again")
    trials = box.trials()
    if trial_s is not None and box.is_live and plan.contents:
        tryboot = plan.tryboot if box.can_tryboot() else {}
        begun = trials.begin(
            plan.action, plan.contents, tryboot, plan.port, plan.mode or "the new settings", trial_s
        )
        return Done(plan, trial_s=trial_s if begun else None)
    trials.require_none()
    if not plan.contents:
        return Done(plan)
    with trials.history.locked():
        return Done(plan, trials.history.apply(plan.action, plan.contents))


def confirm(box: Box) -> Trial:
    """Keeps the mode on trial. Raises HdmiError."""
    return box.trials().confirm()


def undo(box: Box, steps: int, *, force: bool = False) -> Trial | Entry | None:
    """Ends the trial under way, or takes steps of the history back. Raises HdmiError."""
    trials = box.trials()
    if trials.read() is not None:
        return trials.give_up()
    with trials.history.locked():
        return trials.history.undo(steps, force=force)


def repair(box: Box) -> list[str]:
    """Ends what a power cut interrupted; says which files were put right. Raises HdmiError."""
    history = box.history()
    if not history.folder.is_dir():
        return []
    mended: list[str] = []
    with history.locked(mended):
        return mended


def history_entries(history: History) -> list[dict[str, object]]:
    """The history as tables, the oldest first; `undo` is how many steps take an entry back."""
    entries = history.entries()
    steps = {entry.number: n for n, entry in enumerate(reversed(undoable(entries)), 1)}
    return [
        {
            "number": entry.number,
            "time": entry.time,
            "action": entry.action,
            "files": [change.path for change in entry.changes],
            "undo": steps.get(entry.number),
            "undoes": list(entry.undoes),
        }
        for entry in entries
    ]

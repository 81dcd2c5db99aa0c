"""What each command of gatelight-hdmi does: an answer for programs and one for people."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from display.hdmi.box import Box
from display.hdmi.client import ask_helper, has_helper
from display.hdmi.errors import UsageError
from display.hdmi.plan import Plan, Planner, plan_reset, plan_safe_mode, plan_set
from display.hdmi.report import Table, modes_table, status_table
from display.hdmi.report_plan import plan_table, plan_text
from display.hdmi.report_text import history_text, modes_text, show_text
from display.hdmi.service import serve
from display.hdmi.trial import DEFAULT_SECONDS, Trial
from display.hdmi.wish import parse_seconds, parse_steps, parse_wish
from display.hdmi.work import carry_out, confirm, history_entries, repair, undo

Answer = tuple[object, str]
_WISHES = ("mode", "rotate", "overscan", "force", "drive", "boost", "comment_out")
_GROUPS = ("cea", "dmt")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line on a box. `ask` gets a yes from whoever sits there."""

    box: Box
    options: argparse.Namespace
    ask: Callable[[str], bool]

    @property
    def through_helper(self) -> bool:
        """Whether we may not write, and somebody is there who may."""
        return self.box.is_live and not self.box.may_write() and has_helper(self.box.root)


def show(command: Command) -> Answer:
    """Ports, displays, driver, settings, trial."""
    box = command.box
    table = status_table(box.situation())
    table |= {"boot": str(box.folder()), "trial": box.trials().status()}
    if command.options.port is not None:
        table["ports"] = [p for p in table["ports"] if p["port"] == command.options.port]
    return table, show_text(table)


def modes(command: Command) -> Answer:
    """What displays offer, and the tables."""
    groups = [name.lower() for name in command.options.groups] or list(_GROUPS)
    wrong = [name for name in groups if name not in _GROUPS]
    if wrong:
        raise UsageError("there is no table", f'"{wrong[0]}"', "say CEA, DMT or neither")
    table = modes_table(command.box.situation(), command.options.port)
    for group in set(_GROUPS) - set(groups):
        del table[group]
    return table, modes_text(table, groups)


def set_mode(command: Command) -> Answer:
    """A wish, on trial unless it says otherwise."""
    asked = {name: getattr(command.options, name) for name in _WISHES}
    asked = {name: value for name, value in asked.items() if value not in (None, False)}
    wish = parse_wish(asked | {"port": command.options.port or 0})
    request = {"do": "set", "wish": {**asked, "port": wish.port}}
    return _change(command, partial(plan_set, wish), request, DEFAULT_SECONDS)


def safe(command: Command) -> Answer:
    """VGA on every port, or on one."""
    port = command.options.port
    planner = partial(plan_safe_mode, port=port)
    return _change(command, planner, {"do": "safe", "port": port}, None)


def reset(command: Command) -> Answer:
    """No display settings, or none of one port."""
    port = command.options.port
    planner = partial(plan_reset, port=port)
    return _change(command, planner, {"do": "reset", "port": port}, None)


def keep(command: Command) -> Answer:
    """The mode on trial stays."""
    if command.through_helper:
        return _from_helper(command.box, {"do": "confirm"})
    trial = confirm(command.box)
    return _trial_table(trial), f"{trial.mode} on HDMI {trial.port} stays"


def take_back(command: Command) -> Answer:
    """The trial ends, or steps of the history go."""
    steps, force = parse_steps(command.options.steps), command.options.force
    if command.through_helper:
        return _from_helper(command.box, {"do": "undo", "steps": steps})
    undone = undo(command.box, steps, force=force)
    if isinstance(undone, Trial):
        return _trial_table(undone), f"the trial of {undone.mode} has ended: the old files are back"
    if undone is None:
        return {"entry": None, "files": []}, "the files were so already"
    files = [change.path for change in undone.changes]
    text = f"undone: {', '.join(files)} as before{_at_next_start(command.box)}"
    return {"entry": undone.number, "undoes": list(undone.undoes), "files": files}, text


def history(command: Command) -> Answer:
    """What was changed."""
    entries = history_entries(command.box.history())
    return {"entries": entries}, history_text(entries)


def mend(command: Command) -> Answer:
    """After a power cut."""
    mended = repair(command.box)
    return {"mended": mended}, "\n".join(f"put right: {path}" for path in mended)


def count_down(command: Command) -> Answer:
    """The trial's service: blocks until somebody answers, or the time is over."""
    said = command.box.trials().run(partial(print, file=sys.stderr, flush=True))
    return {"said": said}, said


def answer_requests(command: Command) -> Answer:
    """The helper: blocks until it has had nothing to do for a while."""
    serve(command.box, command.options.allow, command.options.idle)
    return {}, ""


COMMANDS: dict[str, Callable[[Command], Answer]] = {
    "show": show,
    "modes": modes,
    "set": set_mode,
    "safe": safe,
    "reset": reset,
    "confirm": keep,
    "undo": take_back,
    "history": history,
    "repair": mend,
    "trial": count_down,
    "serve": answer_requests,
}


def _change(command: Command, planner: Planner, request: Table, seconds: int | None) -> Answer:
    box, options = command.box, command.options
    if options.trial is not None:
        seconds = parse_seconds(options.trial)
        if not box.is_live:
            raise UsageError(
                "a trial needs a box that restarts, not", str(box.boot), "leave --try out"
            )
    if options.no_try or not box.is_live:
        seconds = None
    situation = box.situation()
    plan = planner(situation)
    table = plan_table(plan, situation)
    text = plan_text(table, comments=getattr(options, "comment_out", False))
    if not plan.contents:
        return table | {"done": False}, "nothing to change: it is so already"
    if box.is_live and not options.yes:
        print(text, file=sys.stderr)
        if not command.ask(_question(plan, seconds)):
            return table | {"done": False}, "nothing was changed"
        text = ""
    if command.through_helper:
        return _from_helper(box, request | {"seconds": seconds})
    done = carry_out(box, planner, seconds, plan)
    entry = done.entry.number if done.entry else None
    table |= {"done": True, "entry": entry, "trial_seconds": done.trial_s}
    return table, "\n".join(filter(None, [text, _outcome(box, done.trial_s)]))


def _question(plan: Plan, seconds: int | None) -> str:
    if seconds is None:
        return "Write this?"
    return f"Restart now and try it? It goes back after {seconds} s unless confirmed."


def _outcome(box: Box, trial_s: int | None) -> str:
    if trial_s is None:
        return f"done{_at_next_start(box)}; gatelight-hdmi undo takes it back"
    return f"restarting; confirm within {trial_s} s of the picture: gatelight-hdmi confirm"


def _at_next_start(box: Box) -> str:
    return "; it counts from the next start" if box.is_live else ""


def _trial_table(trial: Trial) -> Table:
    return {"trial": {"port": trial.port, "mode": trial.mode, "method": trial.method.value}}


def _from_helper(box: Box, request: Table) -> Answer:
    answer = ask_helper(box.root, request)
    return answer, str(answer.get("said", "done"))

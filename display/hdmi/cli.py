"""gatelight-hdmi: what is on the HDMI ports, and settings that undo themselves.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage. Answers go to standard output, all else to
standard error.
"""

import argparse
import io
import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from display.hdmi.box import Box
from display.hdmi.commands import COMMANDS, Command
from display.hdmi.errors import HdmiError, UsageError
from display.hdmi.models import MODELS
from display.hdmi.requests import encode_error
from display.hdmi.situation import Driver
from display.hdmi.trial import DEFAULT_SECONDS, MAX_SECONDS, MIN_SECONDS

_DESCRIPTION = """\
HDMI settings of a Raspberry Pi. On the running box a change is a trial: it goes back by itself
unless somebody confirms that there is a picture. With --boot only the files of a folder change."""


def main(argv: Sequence[str] | None = None, box: Box | None = None) -> int:
    """The command; `box` is the machine in its place. Returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    options = make_parser().parse_args(argv)
    try:
        command = Command(_box(options, box or Box()), options, _ask)
        _print(COMMANDS[options.command](command), options.json)
    except HdmiError as error:
        return _fail(error, as_json=options.json)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


def make_parser() -> argparse.ArgumentParser:
    """The command's own language."""
    parser = argparse.ArgumentParser(
        "gatelight-hdmi",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('gatelight')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in _HELP.items():
        sub = commands.add_parser(name, help=text, description=text)
        _add_where(sub)
        for add in _FLAGS.get(name, ()):
            add(sub)
    return parser


def _add_where(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--boot", type=Path, metavar="DIR", help="a folder with boot files, not this box"
    )
    sub.add_argument("--port", type=int, choices=(0, 1), help="the HDMI port")
    sub.add_argument(
        "--model", choices=sorted(MODELS), metavar="MODEL", help=f"{', '.join(MODELS)}"
    )
    sub.add_argument(
        "--driver", choices=[driver.value for driver in Driver], help="who drives the display"
    )
    sub.add_argument("--edid", type=Path, metavar="FILE", help="the EDID of the port's display")
    sub.add_argument("--json", action="store_true", help="for programs")


def _add_wish(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--mode", metavar="WxH@R", help="for example 1280x1024@60 or 1920x1080i@50")
    sub.add_argument("--rotate", metavar="DEGREES", help="0, 90, 180 or 270, clockwise")
    sub.add_argument(
        "--overscan", metavar="PIXELS", help="off, one number or LEFT,RIGHT,TOP,BOTTOM"
    )
    sub.add_argument(
        "--drive", metavar="dvi|hdmi", help="without sound, or with it (firmware only)"
    )
    sub.add_argument("--boost", metavar="0-11", help="for long cables (firmware, before Pi 4)")
    sub.add_argument(
        "--comment-out", action="store_true", help="make older lines that disagree comments"
    )
    sub.add_argument(
        "--force",
        action="store_true",
        help="on whatever is plugged in; also modes the display does not offer",
    )


def _add_writing(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--yes", action="store_true", help="do not ask")
    trial = sub.add_mutually_exclusive_group()
    seconds = f"{MIN_SECONDS} to {MAX_SECONDS}; set does by itself, for {DEFAULT_SECONDS}"
    trial.add_argument("--try", dest="trial", metavar="SECONDS", help=f"as a trial: {seconds}")
    trial.add_argument("--no-try", action="store_true", help="write the files, and nothing more")


def _add_undo(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("steps", nargs="?", default="1", metavar="N", help="how many steps (1)")
    sub.add_argument("--force", action="store_true", help="also over what others wrote since")
    sub.add_argument("--yes", action="store_true", help="accepted for scripts: undo never asks")


def _add_groups(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("groups", nargs="*", metavar="CEA|DMT", help="only these tables")


def _add_serve(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--allow", action="append", default=[], metavar="USER", help="who may ask, beside root"
    )
    sub.add_argument("--idle", type=float, default=30.0, metavar="SECONDS", help="end after")


_HELP = {
    "show": "ports, displays, the driver, and which settings count",
    "modes": "what the displays offer, and every numbered mode",
    "set": "a mode, rotation, overscan and more",
    "safe": "640x480, which every display shows",
    "reset": "no display settings: what the distribution ships",
    "confirm": "keep the mode on trial",
    "undo": "end the trial, or take N steps back",
    "history": "what was changed, and how to undo it",
    "repair": "end what a power cut interrupted (systemd calls it)",
    "trial": "count a trial down (systemd calls it)",
    "serve": "answer the display and the dashboard (systemd calls it)",
}
_FLAGS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], ...]] = {
    "modes": (_add_groups,),
    "set": (_add_wish, _add_writing),
    "safe": (_add_writing,),
    "reset": (_add_writing,),
    "undo": (_add_undo,),
    "serve": (_add_serve,),
}


def _box(options: argparse.Namespace, box: Box) -> Box:
    if options.boot is not None and not options.boot.is_dir():
        raise HdmiError(
            "there is no folder", str(options.boot), "--boot names the one of config.txt"
        )
    return Box(
        root=box.root,
        boot=options.boot or box.boot,
        model=MODELS[options.model] if options.model else box.model,
        driver=Driver(options.driver) if options.driver else box.driver,
        edid=options.edid or box.edid,
        edid_port=options.port or 0,
        machine=box.machine,
        now=box.now,
    )


def _ask(question: str) -> bool:
    """A yes from whoever sits there. Raises UsageError where nobody does."""
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to answer", f'"{question}"', "say --yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _print(answer: tuple[object, str], as_json: bool) -> None:
    table, text = answer
    if as_json:
        print(json.dumps(table, indent=2))
    elif text:
        print(_printable(text))
    sys.stdout.flush()


def _printable(text: str) -> str:
    """Boot files and displays may hold anything; a terminal gets no control characters."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _fail(error: HdmiError, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(encode_error(error), indent=2))
    print(_printable(f"gatelight: {error}"), file=sys.stderr)
    return 2 if isinstance(error, UsageError) else 1


if __name__ == "__main__":
    sys.exit(main())

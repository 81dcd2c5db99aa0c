"""`gatelight-box`: what a flashed card does for itself, and what its owner asks of it.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from appliance.box.apply import Box
from appliance.box.backup import BackupError, restore_backup, write_backup
from appliance.box.grow import grow_root
from appliance.box.kept_log import keep_log
from appliance.box.next_start import reset
from appliance.box.system import read, run
from appliance.console import say


def apply(options: argparse.Namespace) -> int:
    """At every start: a faulty inbox is told of, and is no failure of the start."""
    Box(options.root, run).apply()
    return 0


def grow(options: argparse.Namespace) -> int:
    """The card's root partition to the end of the card."""
    try:
        return 0 if grow_root(options.root, run) else 1
    except (OSError, ValueError) as error:
        say(f"the card's root cannot be grown ({error}): it works with the size it has")
        return 1


def keep(options: argparse.Namespace) -> int:
    """The journal's warnings to the card."""
    keep_log(options.data, read)
    return 0


def backup(options: argparse.Namespace) -> int:
    """All that makes this box this one."""
    # Valkey has in memory what it was told in the last minute.
    if read(["systemctl", "is-active", "valkey-server"]).strip() == "active":
        run(["valkey-cli", "save"])
    count = write_backup(options.data, options.file)
    say(f"{count} files kept in {options.file}; it holds keys and passwords: keep it safe")
    return 0


def restore(options: argparse.Namespace) -> int:
    """At the next start."""
    count = restore_backup(options.file, options.data)
    say(f"{count} files are ready: restart the box (systemctl reboot), and they are in force")
    return 0


def factory_reset(options: argparse.Namespace) -> int:
    """At the next start the box is as it was flashed."""
    if not options.yes:
        say("everything this box knows would be gone: make a backup, then add --yes")
        return 2
    if not options.data.is_dir():
        raise BackupError(f"there is no {options.data}: is this a flashed card?")
    if not Box(options.root, run).write_mode(""):
        say("the display's settings stay as they are: gatelight-hdmi reset puts them back")
    reset(options.data)
    say("restart the box (systemctl reboot), and it knows nothing any more")
    return 0


def make_parser() -> argparse.ArgumentParser:
    """The command's grammar."""
    parser = argparse.ArgumentParser(prog="gatelight-box", description="A flashed Gatelight box.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, action, text in (
        ("apply", apply, "put the card's gatelight.toml in force"),
        ("grow", grow, "let root have the whole card"),
        ("keep-log", keep, "keep the warnings of the journal"),
        ("backup", backup, "keep sites, certificates and settings in a file"),
        ("restore", restore, "take them from a file"),
        ("factory-reset", factory_reset, "forget everything"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action)
        if name in ("apply", "grow", "factory-reset"):
            command.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
        if name not in ("apply", "grow"):
            command.add_argument("--data", type=Path, default=Path("/data"), metavar="DIR")
        if name in ("backup", "restore"):
            command.add_argument("file", type=Path, metavar="FILE")
        if name == "factory-reset":
            command.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    options = make_parser().parse_args(arguments)
    try:
        return int(options.action(options))
    except BackupError as error:
        say(str(error))
        return 1
    except PermissionError as error:
        say(f"no permission for {error.filename}: run it as root")
        return 1


if __name__ == "__main__":
    sys.exit(main())

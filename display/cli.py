"""The `gatelight-display` command."""

import argparse
import sys
from collections.abc import Sequence

from display.console import say
from display.pages.registry import PAGES


def run(options: argparse.Namespace) -> int:
    """Shows the box on its screens, in the foreground."""
    from display import app, settings

    try:
        found = settings.load_settings(options.config)
    except settings.SettingsError as error:
        for line in str(error).splitlines():
            say(line)
        return 1
    app.run(found)
    return 0


def pages(options: argparse.Namespace) -> int:
    """One name a line."""
    print("\n".join(PAGES))
    return 0


def preview(options: argparse.Namespace) -> int:
    """Draws one page."""
    from display import preview as previews

    if options.page not in PAGES:
        say(f'there is no page "{options.page}": gatelight-display pages lists them')
        return 2
    try:
        device = previews.parse_device(options.device, options.rotate)
        status = None
        if options.status is not None:
            status = previews.read_status(options.status)
        elif options.socket is not None:
            status = previews.ask_status(options.socket)
        previews.draw(options.page, device, status, options.scenario, options.out)
    except previews.PreviewError as error:
        say(str(error))
        return 2 if isinstance(error, previews.UsageError) else 1
    return 0


def make_parser() -> argparse.ArgumentParser:
    """The command's grammar."""
    parser = argparse.ArgumentParser(
        prog="gatelight-display", description="The screen of a Gatelight box."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser("run", help="show the box on its screens")
    command.add_argument("--config", required=True, metavar="FILE")
    command.set_defaults(action=run)
    command = commands.add_parser("pages", help="the names of all pages")
    command.set_defaults(action=pages)
    command = commands.add_parser("preview", help="draw a page without a screen")
    command.add_argument("--page", required=True, metavar="NAME")
    command.add_argument(
        "--device",
        required=True,
        metavar="DEVICE",
        help="ssd1306, ssd1306-128x32, ssd1322, hdmi-WIDTHxHEIGHT, ...",
    )
    command.add_argument("--rotate", type=int, choices=(0, 90, 180, 270), default=0)
    source = command.add_mutually_exclusive_group()
    source.add_argument("--status", metavar="FILE", help="a status as JSON")
    source.add_argument("--socket", metavar="PATH", help="ask the running box")
    source.add_argument("--scenario", metavar="NAME", help="a made-up box")
    command.add_argument("--out", required=True, metavar="FILE", help=".png, .gif or - (terminal)")
    command.set_defaults(action=preview)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    options = make_parser().parse_args(arguments)
    try:
        return int(options.action(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""The `gatelight` command."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from appliance import __version__, sites_command
from appliance.config import ConfigError, Fault, Settings, load_settings, parse_sites, read_text
from appliance.console import say

DEFAULT_SOCKET = "/run/gatelight/admin.sock"


def load_all(path: str) -> Settings:
    """The settings with their sites, also those of a store's file. Raises ConfigError."""
    settings = load_settings(path)
    if settings.store_file is None:
        return settings
    file = settings.store_file
    return replace(settings, sites=parse_sites(read_text(file), file))


def serve(options: argparse.Namespace) -> int:
    """Runs the proxy in the foreground."""
    from appliance.tls.processor import suit_processor

    suit_processor()
    from appliance import control, supervisor, worker

    settings = load_all(options.config)
    return supervisor.serve(settings, worker.run, control.run)


def check(options: argparse.Namespace) -> int:
    """One line on standard output for each fault."""
    from appliance.hooks_keeper import HooksError, read_hooks

    try:
        settings = load_all(options.config)
        if settings.proxy.hooks is not None:
            read_hooks(settings.proxy.hooks)
    except ConfigError as error:
        for fault in error.faults:
            print(fault)
        return 1
    except HooksError as error:
        print(Fault(str(settings.proxy.hooks), error.line, "", error.what))
        return 1
    count = len(settings.sites)
    sites = f"{count} site{'s' * (count != 1)}"
    if settings.store_url is not None:
        sites = f"the sites come from {settings.store_url}"
    sys.stderr.write(f"gatelight: {options.config} is good: {sites}\n")
    return 0


def forward(options: argparse.Namespace) -> int:
    """Plain TCP to one or several backends."""
    from appliance import forward as forwarding

    return forwarding.run(options.listen, options.backends)


def demo(options: argparse.Namespace) -> int:
    """Three hello backends and the chat behind the proxy."""
    from appliance import demo as demonstration

    return int(demonstration.run(options.port))


def status(options: argparse.Namespace) -> int:
    """Asks the running box."""
    from appliance import status_command

    path = options.socket
    if path is None and options.config is not None:
        path = load_settings(options.config).listen.admin_socket
    return status_command.run(path or DEFAULT_SOCKET, options.json, options.watch)


def cert(options: argparse.Namespace) -> int:
    """The sites' certificates; where no box runs, from the files that the configuration names."""
    from appliance import cert_command

    settings = None
    if options.config is not None:
        settings = load_all(options.config)
    path = options.socket or (settings.listen.admin_socket if settings else DEFAULT_SOCKET)
    host = getattr(options, "host", None)
    return cert_command.run(options.what, host, path, settings, options.json)


def admin(options: argparse.Namespace) -> int:
    """The dashboard's account; where no box runs, in the file that the configuration leads to."""
    from appliance import admin_command

    settings = None
    if options.config is not None:
        settings = load_settings(options.config)
    path = options.socket or (settings.listen.admin_socket if settings else DEFAULT_SOCKET)
    return admin_command.reset(path, settings, options.json)


def make_parser() -> argparse.ArgumentParser:
    """The command's grammar."""
    parser = argparse.ArgumentParser(
        prog="gatelight", description="The reverse-proxy box for home and lab networks."
    )
    parser.add_argument("--version", action="version", version=f"gatelight {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, action, text in (
        ("serve", serve, "run the proxy in the foreground"),
        ("check", check, "say what is wrong with a configuration"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--config", required=True, metavar="FILE")
        command.set_defaults(action=action)
    command = commands.add_parser("forward", help="plain TCP to a backend, no file needed")
    command.add_argument("listen", metavar="LISTEN")
    command.add_argument("backends", metavar="BACKEND", nargs="+")
    command.set_defaults(action=forward)
    command = commands.add_parser("demo", help="see it work, with three backends and a chat")
    command.add_argument("--port", type=int, default=8080)
    command.set_defaults(action=demo)
    command = commands.add_parser("status", help="how the running box is doing")
    command.add_argument("--json", action="store_true")
    command.add_argument("--watch", action="store_true", help="again each second")
    command.add_argument("--socket", metavar="PATH")
    command.add_argument("--config", metavar="FILE")
    command.set_defaults(action=status)
    sites_command.add_parsers(commands)
    command = commands.add_parser("cert", help="the sites' certificates, and the local CA")
    kinds = command.add_subparsers(dest="what", required=True, metavar="WHAT")
    for name, text in (
        ("list", "each site's certificate"),
        ("trust", "the local CA's root, and how devices learn to trust it"),
        ("renew", "issue a site's certificate anew"),
    ):
        kind = kinds.add_parser(name, help=text)
        if name == "renew":
            kind.add_argument("host", metavar="HOST")
        kind.add_argument("--json", action="store_true")
        kind.add_argument("--socket", metavar="PATH")
        kind.add_argument("--config", metavar="FILE")
        kind.set_defaults(action=cert)
    command = commands.add_parser("admin", help="the dashboard's account")
    kinds = command.add_subparsers(dest="what", required=True, metavar="WHAT")
    text = "forget the password, every session and every token, and show a code to claim it anew"
    kind = kinds.add_parser("reset", help=text, description=text)
    kind.add_argument("--json", action="store_true")
    kind.add_argument("--socket", metavar="PATH")
    kind.add_argument("--config", metavar="FILE")
    kind.set_defaults(action=admin)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    options = make_parser().parse_args(arguments)
    try:
        return int(options.action(options))
    except ConfigError as error:
        for fault in error.faults:
            say(str(fault))
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""`gatelight sites`: the sites in whichever store is configured, for people and programs."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from http.client import HTTPException
from typing import Any

from appliance.config import ConfigError, load_settings, parse_sites, read_text
from appliance.console import say
from appliance.routing.model import canonical_host
from appliance.sites_desk import find_faults, open_shelf
from appliance.status_command import fetch_status
from appliance.stores.base import Shelf, StoreError
from appliance.stores.toml_shelf import TomlShelf
from appliance.toml_edit import edit_sites, sites_in
from appliance.toml_write import encode_site

DEFAULT_CONFIG = "/etc/gatelight/gatelight.toml"
Action = Callable[[argparse.Namespace, Shelf], Coroutine[Any, Any, None]]


class UsageError(Exception):
    """What was asked for cannot be meant, in words."""


class NotThereError(Exception):
    """There is no such site."""


def add_parsers(commands: Any) -> None:
    """The command's grammar."""
    command = commands.add_parser("sites", help="list and change the sites")
    actions = command.add_subparsers(dest="sites_action", required=True, metavar="ACTION")
    for name, action, text in (
        ("list", list_sites, "one line a site"),
        ("show", show_site, "one site in full"),
        ("set", set_site, "add a site, or give one other backends"),
        ("remove", remove_site, "take a site away"),
        ("export", export_sites, "all sites as [[site]] tables, to standard output or a file"),
        ("import", import_sites, "add sites from a file, or replace them by host"),
    ):
        each = actions.add_parser(name, help=text, description=text)
        each.add_argument(
            "--config", metavar="FILE", help="the gatelight.toml that names the store"
        )
        each.add_argument("--socket", metavar="PATH", help="ask the running box for it")
        if name in ("list", "show"):
            each.add_argument("--json", action="store_true")
        if name in ("show", "set", "remove"):
            each.add_argument("host", metavar="HOST")
        if name == "set":
            each.add_argument("--backend", metavar="URL", action="append", required=True)
        if name in ("export", "import"):
            each.add_argument("file", metavar="FILE", nargs="?" if name == "export" else None)
        each.set_defaults(action=run, sites=action)


def find_config(options: argparse.Namespace) -> str:
    """The configuration that is meant. Raises UsageError."""
    if options.config is not None or options.socket is None:
        return str(options.config or DEFAULT_CONFIG)
    try:
        return str(fetch_status(options.socket)["store"]["config"])
    except (OSError, HTTPException, ValueError, KeyError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"no box answers at {options.socket} ({reason}): give --config") from None


def run(options: argparse.Namespace) -> int:
    """One of the actions; the exit code."""
    action: Action = options.sites
    try:
        shelf = open_shelf(load_settings(find_config(options)))
        asyncio.run(action(options, shelf))
    except ConfigError as error:
        for fault in error.faults:
            say(str(fault))
        return 1
    except (StoreError, NotThereError) as error:
        say(str(error))
        return 1
    except UsageError as error:
        say(str(error))
        return 2
    return 0


async def list_sites(options: argparse.Namespace, shelf: Shelf) -> None:
    """One line a site."""
    tables = await shelf.read()
    if options.json:
        print(json.dumps(tables, ensure_ascii=False, indent=2))
        return
    for host, table in tables.items():
        backends = table["backends"]
        print(host, *([backends] if isinstance(backends, str) else backends))


async def show_site(options: argparse.Namespace, shelf: Shelf) -> None:
    """One site in full."""
    host = _parse_host(options.host)
    table = (await shelf.read([host])).get(host)
    if table is None:
        raise NotThereError(f"there is no site {host}: gatelight sites list")
    if options.json:
        print(json.dumps({"host": host, **table}, ensure_ascii=False, indent=2))
    else:
        sys.stdout.write(encode_site([host], table))


async def set_site(options: argparse.Namespace, shelf: Shelf) -> None:
    """Gives a site other backends; its other settings stay."""
    host = _parse_host(options.host)
    before = (await shelf.read([host])).get(host, {})
    table = {**before, "backends": options.backend}
    if len(table.get("weights", options.backend)) != len(options.backend):
        del table["weights"]
    faults = find_faults(host, table)
    if faults:
        raise UsageError("\n".join(str(fault) for fault in faults))
    await shelf.put({host: table})


async def remove_site(options: argparse.Namespace, shelf: Shelf) -> None:
    """Takes a site away."""
    host = _parse_host(options.host)
    if host not in await shelf.read([host]):
        raise NotThereError(f"there is no site {host}: gatelight sites list")
    await shelf.remove([host])


async def export_sites(options: argparse.Namespace, shelf: Shelf) -> None:
    """All sites as [[site]] tables; a file that is there keeps what is the same in both."""
    tables = await shelf.read()
    if options.file is None:
        sys.stdout.write(edit_sites("", tables))
        return
    await TomlShelf(options.file, embedded=False).replace(tables)
    say(f"{_count(len(tables))} written to {options.file}")


async def import_sites(options: argparse.Namespace, shelf: Shelf) -> None:
    """Adds sites or replaces them by host; nothing is removed."""
    text = read_text(options.file)
    parse_sites(text, options.file, alone=False)
    tables = sites_in(text)
    await shelf.put(tables)
    say(f"{_count(len(tables))} taken from {options.file}")


def _parse_host(text: str) -> str:
    try:
        return canonical_host(text)
    except ValueError as error:
        raise UsageError(f"{text}: {error}") from None


def _count(number: int) -> str:
    return f"{number} site{'s' * (number != 1)}"

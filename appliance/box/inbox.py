"""The gatelight.toml of a card's first partition: read, and cleared of its secret (PURE).

It is an inbox. What it says counts from the moment it was read without a fault; a faulty one
changes nothing. Sites in it are added to the store or replaced there by host, and none is removed.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.config import ConfigError, Faults, parse_settings
from appliance.config_box import BoxSettings, read_box
from appliance.toml_edit import Table, sites_in
from appliance.toml_lines import read_outline
from appliance.toml_write import encode_part, encode_value

LISTEN = {
    "http": ["0.0.0.0:80", "[::]:80"],
    "https": ["0.0.0.0:443", "[::]:443"],
    # The firewall lets in the home's own networks only.
    "admin": ["0.0.0.0:8470", "[::]:8470"],
}
STORE = {"file": "/var/lib/gatelight/sites.toml"}
# Everything else of a gatelight.toml is the running proxy's and the screen's.
_OWN = ("box", "site")
_SECRET = ("box", "wifi", "password")


@dataclass(frozen=True, slots=True)
class Inbox:
    """What a file without a fault says."""

    box: BoxSettings
    tables: Mapping[str, Any]
    """The file's own tables but for the sites: what the box keeps of it."""
    sites: Mapping[str, Table]


def mark_of(content: bytes) -> str:
    """Tells whether a file has changed."""
    return hashlib.sha256(content).hexdigest()


def parse_inbox(content: bytes, file: str) -> Inbox:
    """The file, where it can be used. Raises ConfigError with every fault in it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults = Faults(file, {})
        faults.add((), f"is not UTF-8 text (byte {error.start})")
        raise ConfigError(tuple(faults.found)) from None
    # What a card need not say goes below what it says, so that faults keep their lines.
    parse_settings(
        f"{text}\n{encode_part(('listen',), LISTEN)}" if _is_silent(text) else text, file
    )
    data = tomllib.loads(text)
    tables = {name: table for name, table in data.items() if name != "site"}
    return Inbox(settings_of(tables), tables, sites_in(text))


def _is_silent(text: str) -> bool:
    """Whether the file leaves it to the box where to listen; a broken one does not matter."""
    try:
        return "listen" not in tomllib.loads(text)
    except (ValueError, RecursionError):
        return False


def settings_of(tables: Mapping[str, Any]) -> BoxSettings:
    """The box's settings in tables that were good once. Raises ConfigError."""
    faults = Faults("", {})
    settings = read_box(tables.get("box", {}), faults)
    faults.finish()
    return settings


def keep_secret(tables: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The tables, with the Wi-Fi's password as it was kept before where they have none."""
    wifi, kept = _wifi(tables), _wifi(before)
    if wifi.get("password") or wifi.get("open") or wifi.get("name") != kept.get("name"):
        return dict(tables)
    whole = {**wifi, "password": kept.get("password", "")} if wifi else wifi
    return {**tables, "box": {**tables.get("box", {}), "wifi": whole}} if wifi else dict(tables)


def find_missing(settings: BoxSettings) -> str:
    """What the box would need to know before it can use these settings; empty: nothing."""
    wifi = settings.wifi
    if wifi.name and not wifi.password and not wifi.open:
        return f'no password is known for the Wi-Fi "{wifi.name}": write it, or open = true'
    return ""


def clear_secret(content: bytes) -> bytes:
    """The file, which is known to be good, without its Wi-Fi password; all else as it was.

    An empty password stands for the one that the box keeps.
    """
    raw = content.decode("utf-8-sig")
    text = raw.replace("\r\n", "\n")
    for pair in reversed(read_outline(text).pairs):
        path = pair.path
        if path != _SECRET[: len(path)]:
            continue
        value = tomllib.loads(f"value = {text[pair.value_start : pair.end]}")["value"]
        cleared = _without_secret(value, _SECRET[len(path) :])
        if cleared != value:
            text = text[: pair.value_start] + encode_value(cleared) + text[pair.end :]
    if "\r\n" in raw:
        text = text.replace("\n", "\r\n")
    return content[: len(content) - len(raw.encode())] + text.encode()


def _without_secret(value: Any, rest: tuple[str, ...]) -> Any:
    if not rest:
        return ""
    if not isinstance(value, dict) or rest[0] not in value:
        return value
    return {**value, rest[0]: _without_secret(value[rest[0]], rest[1:])}


def encode_running(tables: Mapping[str, Any]) -> str:
    """The gatelight.toml that the proxy and the screen run with."""
    whole = {"listen": LISTEN, "store": STORE, **tables}
    lines = ["# Made by gatelight-box at every start: edit the card's gatelight.toml instead.\n"]
    lines += [encode_part((name,), table) for name, table in whole.items() if name not in _OWN]
    return "\n".join(lines)


def _wifi(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = tables.get("box", {}).get("wifi", {})
    return found

"""[box]: what a flashed card tells the machine about itself (PURE).

The section stands in the gatelight.toml of the card's first partition. `gatelight-box` puts it in
force (appliance/box); everybody else only checks it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from typing import Any

from appliance.config import Faults, Key, read_section
from appliance.quantities import flag, text, texts

# RFC 1035 section 2.3.1: one label.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_COUNTRY = re.compile(r"[A-Z]{2}")
# Names below /usr/share/zoneinfo: no part begins with a dot.
_ZONE = re.compile(r"[A-Za-z][\w+-]*(?:/[A-Za-z][\w+-]*){0,2}")
_MODE = re.compile(r"[0-9]{3,4}x[0-9]{3,4}(?:@[0-9]{1,3})?")
# sshd(8), AUTHORIZED_KEYS FILE FORMAT: a type, the key, a comment; no options.
_SSH_KEY = re.compile(
    r"(?:sk-)?(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d{3})(?:@openssh\.com)? [A-Za-z0-9+/]+={0,2}"
    r"(?: [ -~]*)?"
)
# IEEE 802.11: a name has 1 to 32 bytes, a passphrase 8 to 63 printable characters.
_MAX_WIFI_NAME_BYTES = 32
_PASSPHRASE = re.compile(r"[ -~]{8,63}")

Interface = IPv4Interface | IPv6Interface


@dataclass(frozen=True, slots=True)
class Wifi:
    name: str = ""
    password: str = ""
    """Empty: the one that the box keeps, or an open network where `open` says so."""
    open: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """A fixed address; without one the network's router gives one out."""

    address: Interface | None = None
    gateway: str = ""
    dns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BoxSettings:
    name: str = "gatelight"
    country: str = ""
    time_zone: str = "UTC"
    ssh_keys: tuple[str, ...] = ()
    hdmi_mode: str = ""
    valkey: bool = False
    wifi: Wifi = Wifi()
    network: Network = Network()


def _matching(pattern: re.Pattern[str], what: str) -> Any:
    def parse(value: Any) -> str:
        if value and not pattern.fullmatch(text(value)):
            raise ValueError(what)
        return text(value)

    return parse


def name(value: Any) -> str:
    """The machine's name, under which it is found as NAME.local."""
    if not _NAME.fullmatch(text(value).lower()):
        raise ValueError("a name has letters, digits and dashes, 63 at most")
    return text(value).lower()


def ssh_keys(value: Any) -> tuple[str, ...]:
    """Public keys, as in the files that end in .pub."""
    keys = tuple(key.strip() for key in texts(value) if key.strip())
    for key in keys:
        if "PRIVATE KEY" in key:
            raise ValueError("this is a private key: take the file that ends in .pub")
        if not _SSH_KEY.fullmatch(key):
            raise ValueError("a public key is needed: the one line of a file that ends in .pub")
    return keys


def wifi_name(value: Any) -> str:
    """A network's name."""
    if len(text(value).encode()) > _MAX_WIFI_NAME_BYTES:
        raise ValueError(f"a network's name has {_MAX_WIFI_NAME_BYTES} bytes at most")
    return text(value)


def fixed_address(value: Any) -> Interface | None:
    """An address with the length of its network."""
    if not text(value):
        return None
    if "/" not in value:
        raise ValueError(f'"{value}" needs the length of its network: "{value}/24"')
    return ip_interface(value)


def one_address(value: Any) -> str:
    """Of another machine."""
    return str(ip_address(value)) if text(value) else ""


def all_addresses(value: Any) -> tuple[str, ...]:
    """Of other machines."""
    return tuple(one_address(each) for each in texts(value) if each)


BOX = {
    "name": Key("name", name),
    "country": Key("country", _matching(_COUNTRY, 'two capital letters are needed: "DE"')),
    "time_zone": Key("time_zone", _matching(_ZONE, 'a name is needed: "Europe/Berlin"')),
    "ssh_key": Key("ssh_keys", ssh_keys),
    "hdmi_mode": Key("hdmi_mode", _matching(_MODE, 'a mode is needed: "1920x1080@60"')),
    "valkey": Key("valkey", flag),
}
WIFI = {
    "name": Key("name", wifi_name),
    "password": Key(
        "password", _matching(_PASSPHRASE, "a password has 8 to 63 letters, digits and signs")
    ),
    "open": Key("open", flag),
}
NETWORK = {
    "address": Key("address", fixed_address),
    "gateway": Key("gateway", one_address),
    "dns": Key("dns", all_addresses),
}
TABLES: Mapping[str, Mapping[str, Key]] = {"wifi": WIFI, "network": NETWORK}


def read_box(table: Any, faults: Faults) -> BoxSettings:
    """The section's values; every fault of it is noted."""
    own = {**BOX, **{each: Key(each, lambda value: value) for each in TABLES}}
    values = read_section(table, ("box",), own, "box", faults)
    parts = {
        each: read_section(values.pop(each), ("box", each), keys, f"box.{each}", faults)
        for each, keys in TABLES.items()
        if each in values
    }
    wifi, network = Wifi(**parts.get("wifi", {})), Network(**parts.get("network", {}))
    if wifi.name and not values.get("country"):
        faults.add(("box", "wifi"), 'Wi-Fi needs to know the country: country = "DE" under [box]')
    if wifi.password and wifi.open:
        faults.add(("box", "wifi", "open"), "an open network has no password")
    if network.gateway and network.address is None:
        faults.add(("box", "network", "gateway"), "a gateway needs an address beside it")
    return BoxSettings(**values, wifi=wifi, network=network)

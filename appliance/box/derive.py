"""From the box's settings to the system's own files and services (PURE).

Root is in memory, so these files are made anew at every start; nothing of them has to be undone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.box.inbox import encode_running, settings_of
from appliance.config_box import BoxSettings, Network, Wifi

WIFI_PORT = "wlan0"


@dataclass(frozen=True, slots=True)
class File:
    """A file to make; `group` may read what others may not."""

    content: str
    mode: int = 0o644
    group: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """All that the settings mean for the system."""

    files: Mapping[str, File]
    zone: str
    units: tuple[str, ...]
    """To be started, beside those that always are."""


def derive_system(tables: Mapping[str, Any]) -> System:
    """From tables that are known to be good."""
    box = settings_of(tables)
    files = {
        "etc/hostname": File(f"{box.name}\n"),
        "etc/hosts": File(_hosts(box.name)),
        "etc/systemd/network/10-gatelight-wired.network": File(_wired(box.network)),
        "etc/gatelight/gatelight.toml": File(encode_running(tables), 0o640, "gatelight"),
        "etc/ssh/gatelight_keys": File("".join(f"{key}\n" for key in box.ssh_keys)),
        "etc/gatelight/nftables.d/ssh.nft": File(_ssh_rule(box)),
    }
    units = []
    if box.country:
        line = f"options cfg80211 ieee80211_regdom={box.country}\n"
        files["etc/modprobe.d/gatelight.conf"] = File(line)
    if box.wifi.name:
        supplicant = f"etc/wpa_supplicant/wpa_supplicant-{WIFI_PORT}.conf"
        files[supplicant] = File(_supplicant(box.wifi, box.country), 0o600)
        files["etc/systemd/network/20-gatelight-wifi.network"] = File(_wireless())
        units.append(f"wpa_supplicant@{WIFI_PORT}.service")
    if box.ssh_keys:
        units.append("ssh.service")
    if box.valkey:
        units.append("valkey-server.service")
    return System(files, box.time_zone, tuple(units))


def _hosts(name: str) -> str:
    return f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost\n"


def _wired(network: Network) -> str:
    """systemd.network(5); USB adapters are wired ports too."""
    lines = ["[Match]", "Name=eth* en* usb*", "", "[Network]", "MulticastDNS=resolve"]
    if network.address is None:
        lines.append("DHCP=yes")
    else:
        lines += ["LinkLocalAddressing=ipv6", f"Address={network.address}"]
        lines += [f"Gateway={network.gateway}"] if network.gateway else []
    lines += [f"DNS={server}" for server in network.dns]
    return "\n".join(lines) + "\n"


def _wireless() -> str:
    """The cable goes first where both are there."""
    match = f"[Match]\nName={WIFI_PORT}\n"
    network = "[Network]\nDHCP=yes\nMulticastDNS=resolve\nIgnoreCarrierLoss=5s\n"
    metric = "[DHCPv4]\nRouteMetric=2048\n\n[IPv6AcceptRA]\nRouteMetric=2048\n"
    return f"{match}\n{network}\n{metric}"


def _supplicant(wifi: Wifi, country: str) -> str:
    """wpa_supplicant.conf(5): the name in hex, for it may have any bytes; WPA2 and WPA3."""
    if wifi.open:
        key = "\tkey_mgmt=NONE\n"
    else:
        key = f'\tkey_mgmt=WPA-PSK SAE\n\tpsk="{wifi.password}"\n\tieee80211w=1\n'
    ssid = wifi.name.encode().hex()
    return f"country={country}\nnetwork={{\n\tssid={ssid}\n\tscan_ssid=1\n{key}}}\n"


def _ssh_rule(box: BoxSettings) -> str:
    """Port 22 is shut until there is somebody with a key (nft(8))."""
    if not box.ssh_keys:
        return ""
    return "add rule inet gatelight input tcp dport 22 ip saddr @lan accept\n" + (
        "add rule inet gatelight input tcp dport 22 ip6 saddr @lan6 accept\n"
    )

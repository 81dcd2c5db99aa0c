"""A card's gatelight.toml: what is taken, what is refused, and the secret that leaves it."""

import tomllib

import pytest

from appliance.box.derive import derive_system
from appliance.box.inbox import (
    clear_secret,
    encode_running,
    find_missing,
    keep_secret,
    parse_inbox,
    settings_of,
)
from appliance.config import ConfigError, parse_settings

WIFI = """[box]
country = "DE"
[box.wifi]
name = "Heimnetz"
password = "correct horse"  # of the router
"""
SITE = '[[site]]\nhost = "photos.home.arpa"\nbackends = ["http://192.168.1.20:2283"]\n'


def test_nothing_needs_to_be_said() -> None:
    inbox = parse_inbox(b"", "f")
    assert (inbox.box.name, inbox.box.time_zone, inbox.sites) == ("gatelight", "UTC", {})


def test_a_file_says_all_at_once() -> None:
    inbox = parse_inbox((WIFI + SITE + "[display]\nrotate = 90\n").encode(), "f")
    assert inbox.box.wifi.name == "Heimnetz"
    assert list(inbox.sites) == ["photos.home.arpa"]
    assert inbox.tables.keys() == {"box", "display"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[box]\nnam = 'x'\n", 'f:2: box.nam: unknown key; did you mean "name"?'),
        ("[box]\nname = 'my box'\n", "f:2: box.name: a name has letters, digits and dashes"),
        ("[box]\ncountry = 'de'\n", 'f:2: box.country: two capital letters are needed: "DE"'),
        ("[box]\ntime_zone = '../../etc/passwd'\n", "f:2: box.time_zone: a name is needed"),
        ("[box]\nssh_key = 'ssh-dss AAAA'\n", "f:2: box.ssh_key: a public key is needed"),
        (
            "[box]\nssh_key = '-----BEGIN OPENSSH PRIVATE KEY-----'\n",
            "f:2: box.ssh_key: this is a private key",
        ),
        (
            "[box]\nssh_key = 'command=\"x\" ssh-ed25519 AAAA'\n",
            "f:2: box.ssh_key: a public key is needed",
        ),
        ("[box]\nhdmi_mode = 'big'\n", 'f:2: box.hdmi_mode: a mode is needed: "1920x1080@60"'),
        ("[box]\nvalkey = 1\n", "f:2: box.valkey: true or false is needed"),
        ("[box.wifi]\nname = 'x'\n", "f:1: box.wifi: Wi-Fi needs to know the country"),
        ("[box.wifi]\npassword = 'short'\n", "f:2: box.wifi.password: a password has 8 to 63"),
        (
            '[box.wifi]\npassword = "line\\nbreak"\n',
            "f:2: box.wifi.password: a password has 8 to 63",
        ),
        ("[box.wifi]\nname = '" + "x" * 33 + "'\n", "f:2: box.wifi.name: a network's name has 32"),
        (
            "[box.network]\naddress = '192.168.1.5'\n",
            'f:2: box.network.address: "192.168.1.5" needs the length of its network',
        ),
        ("[box.network]\ngateway = '192.168.1.1'\n", "f:2: box.network.gateway: a gateway needs"),
        ("[box]\nname = 'a'\n[[site]]\nhost = 'b'\n", "f:3: site: "),
        ("[box\n", "f:1: not TOML: "),
        ("\n[display]\nrotate = 45\n", "f:3: display.rotate: "),
        ("box = 3\n", "f:1: box: a table is needed, not a number"),
    ],
    ids=lambda value: value[:30].replace("\n", " ") if "f:" not in value else "",
)
def test_a_fault_is_told_with_its_line(text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_inbox(text.encode(), "f")
    assert str(caught.value).startswith(fault)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        parse_inbox(b"[box]\nname = '\xff'\n", "f")


CLEARED = WIFI.replace('"correct horse"', '""')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WIFI, CLEARED),
        (WIFI.replace("\n", "\r\n"), CLEARED.replace("\n", "\r\n")),
        ("\ufeff" + WIFI, "\ufeff" + CLEARED),
        (SITE, SITE),
        (
            '[box]\ncountry = "DE"\nwifi = { name = "x", password = "correct horse" }\n',
            '[box]\ncountry = "DE"\nwifi = { name = "x", password = "" }\n',
        ),
        (
            "[box]\ncountry = \"DE\"\nwifi.name = \"x\"\nwifi.password = '''correct horse'''\n",
            '[box]\ncountry = "DE"\nwifi.name = "x"\nwifi.password = ""\n',
        ),
    ],
    ids=["plain", "Windows", "with a mark", "none", "inline", "dotted"],
)
def test_the_secret_leaves_and_every_other_byte_stays(before: str, after: str) -> None:
    parse_inbox(before.encode(), "f")
    assert clear_secret(before.encode()).decode() == after


def test_a_cleared_password_is_the_one_that_is_kept() -> None:
    first = parse_inbox(WIFI.encode(), "f").tables
    again = parse_inbox(CLEARED.encode(), "f").tables
    assert settings_of(keep_secret(again, first)).wifi.password == "correct horse"


def test_another_network_needs_its_own_password() -> None:
    first = parse_inbox(WIFI.encode(), "f").tables
    other = parse_inbox(CLEARED.replace("Heimnetz", "Nachbar").encode(), "f").tables
    settings = settings_of(keep_secret(other, first))
    assert find_missing(settings).startswith('no password is known for the Wi-Fi "Nachbar"')


def test_what_the_proxy_runs_with_is_a_good_file_without_the_box() -> None:
    tables = parse_inbox((WIFI + "[limits]\nhead = '16KiB'\n").encode(), "f").tables
    running = encode_running(tables)
    settings = parse_settings(running, "f")
    assert settings.limits.head_bytes == 16 * 1024
    assert settings.store_file == "/var/lib/gatelight/sites.toml"
    assert [str(address) for address in settings.listen.http] == ["0.0.0.0:80", "[::]:80"]
    assert tomllib.loads(running).keys() == {"listen", "store", "limits"}
    assert "horse" not in running


def test_nothing_is_open_that_was_not_asked_for() -> None:
    system = derive_system({})
    assert system.units == ()
    assert system.files["etc/gatelight/nftables.d/ssh.nft"].content == ""
    assert not any("wpa_supplicant" in name for name in system.files)


def test_each_setting_reaches_the_system() -> None:
    text = (
        WIFI.replace(
            "[box]\n", "[box]\nname = 'Gate2'\ntime_zone = 'Europe/Berlin'\nvalkey = true\n"
        )
        + "[box.network]\naddress = '192.168.1.5/24'\ngateway = '192.168.1.1'\ndns = ['192.168.1.1']\n"
    ).replace("[box.wifi]", "ssh_key = 'ssh-ed25519 AAAAC3Nza me@home'\n[box.wifi]")
    system = derive_system(parse_inbox(text.encode(), "f").tables)
    content = {name: file.content for name, file in system.files.items()}
    assert content["etc/hostname"] == "gate2\n"
    assert system.zone == "Europe/Berlin"
    wired = content["etc/systemd/network/10-gatelight-wired.network"]
    assert "Address=192.168.1.5/24\nGateway=192.168.1.1\nDNS=192.168.1.1\n" in wired
    assert "DHCP" not in wired
    supplicant = system.files["etc/wpa_supplicant/wpa_supplicant-wlan0.conf"]
    assert f"ssid={b'Heimnetz'.hex()}\n" in supplicant.content
    assert 'psk="correct horse"\n' in supplicant.content
    assert supplicant.mode == 0o600
    assert content["etc/ssh/gatelight_keys"] == "ssh-ed25519 AAAAC3Nza me@home\n"
    assert "dport 22" in content["etc/gatelight/nftables.d/ssh.nft"]
    assert system.units == ("wpa_supplicant@wlan0.service", "ssh.service", "valkey-server.service")

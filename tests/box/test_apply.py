"""First boot and every other one, against a folder that stands for the card."""

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.box.apply import Box
from appliance.box.backup import restore_backup, write_backup
from appliance.box.next_start import reset
from appliance.config import parse_sites
from appliance.telemetry.refusal import read_refusal
from tests.box.test_inbox import CLEARED, SITE, WIFI

PHOTOS = "photos.home.arpa"


class Card:
    """A root with its partitions, and a system that only writes down what it is told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands: list[list[str]] = []
        self.failing = ""
        for folder in ("boot/firmware", "data", "etc", "run", "usr/share/zoneinfo/Europe"):
            (root / folder).mkdir(parents=True)
        for zone in ("UTC", "Europe/Berlin"):
            (root / "usr/share/zoneinfo" / zone).touch()
        (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")

    def run(self, command: Sequence[str]) -> bool:
        self.commands.append(list(command))
        return command[0] != self.failing

    def start(self, inbox: str | None = None) -> bool:
        """A start of the box, with the card's file changed before it."""
        self.commands.clear()
        if inbox is not None:
            (self.root / "boot/firmware/gatelight.toml").write_text(inbox)
        return Box(self.root, self.run).apply()

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    @property
    def log(self) -> str:
        return self.text("boot/firmware/gatelight-boot.log")

    @property
    def sites(self) -> list[str]:
        text = self.text("var/lib/gatelight/sites.toml")
        return [site.host for site in parse_sites(text, "f")]

    @property
    def refusal(self) -> str:
        return read_refusal(self.root / "run/gatelight-box/refused")


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


def test_a_card_without_a_file_comes_up(card: Card) -> None:
    assert card.start()
    assert card.text("etc/hostname") == "gatelight\n"
    assert card.sites == []
    assert card.text("data/machine-id") == card.text("etc/machine-id")
    assert ["hostname", "gatelight"] in card.commands


def test_a_first_start_takes_the_file(card: Card) -> None:
    assert card.start(WIFI + SITE)
    assert card.sites == [PHOTOS]
    sites = card.root / "var/lib/gatelight/sites.toml"
    # A site may hold a certificate's key.
    assert sites.stat().st_mode & 0o777 == 0o600
    assert card.log == f"gatelight.toml is in force; sites taken over: {PHOTOS}\n"
    assert ["systemctl", "start", "--no-block", "wpa_supplicant@wlan0.service"] in card.commands


def test_the_wifi_password_leaves_the_first_partition(card: Card) -> None:
    card.start(WIFI)
    assert card.text("boot/firmware/gatelight.toml") == CLEARED
    kept = card.root / "data/box/settings.json"
    assert "correct horse" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "correct horse" in card.text("etc/wpa_supplicant/wpa_supplicant-wlan0.conf")


def test_the_wifi_password_s_old_place_is_overwritten(card: Card) -> None:
    inbox = card.root / "boot/firmware/gatelight.toml"
    inbox.write_text(WIFI)
    with inbox.open("rb") as file:
        card.start()
        assert file.read() == bytes(len(WIFI.encode()))


def test_later_starts_go_by_what_was_kept_and_write_nothing_to_the_card(card: Card) -> None:
    card.start(WIFI + SITE)
    (card.root / "etc/wpa_supplicant/wpa_supplicant-wlan0.conf").unlink()
    assert card.start()
    assert "correct horse" in card.text("etc/wpa_supplicant/wpa_supplicant-wlan0.conf")
    assert not [command for command in card.commands if command[0] == "mount"]


def test_the_first_partition_is_writable_only_meanwhile(card: Card) -> None:
    card.start(SITE)
    mounts = [command[2] for command in card.commands if command[0] == "mount"]
    assert mounts == ["remount,rw", "remount,ro"]


FAULTY = '[box]\nname = "my box"\n'


def test_a_faulty_file_is_refused_in_words_and_the_box_goes_on(card: Card) -> None:
    card.start(WIFI + SITE)
    assert not card.start(FAULTY)
    assert card.log.splitlines()[1].startswith("gatelight.toml:2: box.name: a name has")
    assert card.refusal.startswith("gatelight.toml:2: box.name: a name has")
    assert card.sites == [PHOTOS]
    assert "correct horse" in card.text("etc/wpa_supplicant/wpa_supplicant-wlan0.conf")
    assert card.text("boot/firmware/gatelight.toml") == FAULTY


def test_a_faulty_first_file_leaves_a_box_that_comes_up(card: Card) -> None:
    assert not card.start(FAULTY)
    assert card.text("etc/hostname") == "gatelight\n"
    assert card.sites == []


def test_a_file_put_back_as_it_was_ends_the_refusal(card: Card) -> None:
    card.start(SITE)
    card.start(FAULTY)
    assert card.start(SITE)
    assert (card.refusal, card.log) == ("", "gatelight.toml is in force again\n")


def test_a_faulty_file_that_is_gone_is_not_in_force(card: Card) -> None:
    card.start(FAULTY)
    (card.root / "boot/firmware/gatelight.toml").unlink()
    assert card.start()
    assert "is refused" in card.log


def test_a_mended_file_ends_the_refusal(card: Card) -> None:
    card.start(FAULTY)
    assert card.start('[box]\nname = "my-box"\n')
    assert (card.refusal, card.text("etc/hostname")) == ("", "my-box\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[box]\ntime_zone = "Europe/Berlyn"\n', 'there is no time zone "Europe/Berlyn"'),
        (CLEARED, 'no password is known for the Wi-Fi "Heimnetz"'),
        (SITE + "[store]\nurl = 'redis://127.0.0.1'\n", "keep them in one place"),
    ],
    ids=["zone", "password", "two stores"],
)
def test_what_only_the_box_can_know_is_refused_too(card: Card, text: str, words: str) -> None:
    assert not card.start(text)
    assert words in card.log


def test_sites_are_added_or_replaced_and_none_is_removed(card: Card) -> None:
    card.start(SITE)
    card.start(SITE.replace("photos", "wiki") + SITE.replace("192.168.1.20", "192.168.1.99"))
    assert sorted(card.sites) == [PHOTOS, "wiki.home.arpa"]
    assert "192.168.1.99" in card.text("var/lib/gatelight/sites.toml")


def test_a_site_removed_since_does_not_come_back_by_itself(card: Card) -> None:
    card.start(SITE)
    (card.root / "var/lib/gatelight/sites.toml").write_text("")
    card.start()
    assert card.sites == []


@pytest.mark.parametrize(
    "spoilt", ["", "{", "[]", '{"mark": 1}', '{"mark": "x", "tables": {"box": 3}, "mode": ""}']
)
def test_spoilt_memory_is_a_first_start(card: Card, spoilt: str) -> None:
    (card.root / "data/box").mkdir()
    (card.root / "data/box/settings.json").write_text(spoilt)
    assert card.start(SITE)
    assert card.sites == [PHOTOS]


def test_a_display_mode_is_written_once_and_the_box_started_again(card: Card) -> None:
    text = '[box]\nhdmi_mode = "1280x720@60"\n'
    card.start(text)
    change = ["gatelight-hdmi", "set", "--mode", "1280x720@60", "--yes", "--no-try"]
    assert change in card.commands
    assert card.commands[-1] == ["systemctl", "reboot", "--no-block"]
    card.start()
    assert change not in card.commands
    card.start("")
    assert ["gatelight-hdmi", "reset", "--yes", "--no-try"] in card.commands


def test_a_display_mode_that_is_refused_is_told_of_and_not_tried_for_ever(card: Card) -> None:
    card.failing = "gatelight-hdmi"
    card.start('[box]\nhdmi_mode = "1280x720@60"\n')
    assert ["systemctl", "reboot", "--no-block"] not in card.commands
    assert card.refusal.startswith('the display mode "1280x720@60" was refused')
    card.start()
    assert not [command for command in card.commands if command[0] == "gatelight-hdmi"]


def test_a_card_that_cannot_be_written_still_comes_up(card: Card) -> None:
    """A folder in the log's place stands for a card whose files cannot be replaced."""
    (card.root / "boot/firmware/gatelight-boot.log").mkdir()
    assert card.start(SITE)
    assert card.sites == [PHOTOS]


def test_an_ssh_key_of_its_own_is_made_once(card: Card) -> None:
    card.start()
    making = [command for command in card.commands if command[0] == "ssh-keygen"]
    assert making[0][-1] == str(card.root / "data/ssh/ssh_host_ed25519_key")
    (card.root / "data/ssh/ssh_host_ed25519_key").touch()
    card.start()
    assert not [command for command in card.commands if command[0] == "ssh-keygen"]


def test_a_power_cut_before_the_secret_is_kept_loses_nothing(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before each file that is replaced, in turn; the start after it is a good one."""
    for survivors in range(12):
        for name in ("data/box/settings.json", "var/lib/gatelight/sites.toml"):
            (card.root / name).unlink(missing_ok=True)
        replaced = 0

        def replace(source: str, target: str, limit: int = survivors) -> None:
            nonlocal replaced
            if replaced == limit:
                raise KeyboardInterrupt
            replaced += 1
            os.rename(source, target)

        monkeypatch.setattr(os, "replace", replace)
        try:
            card.start(WIFI + SITE)
        except KeyboardInterrupt:
            pass
        monkeypatch.undo()
        card.start()
        settings = json.loads(card.text("data/box/settings.json"))
        assert settings["tables"]["box"]["wifi"]["password"] == "correct horse"
        assert card.text("boot/firmware/gatelight.toml") == CLEARED + SITE
        assert card.sites == [PHOTOS]


def test_a_box_that_was_to_forget_starts_as_a_first_time(card: Card) -> None:
    card.start(WIFI + SITE)
    backup = card.root / "box.tar.gz"
    write_backup(card.root / "data", backup)
    reset(card.root / "data")
    (card.root / "etc/machine-id").write_text("fedcba9876543210fedcba9876543210\n")
    # The password went with the rest: the card's file has only its empty place.
    assert not card.start()
    assert "no password is known" in card.refusal
    assert card.text("data/machine-id") == "fedcba9876543210fedcba9876543210\n"
    restore_backup(backup, card.root / "data")
    assert card.start()
    assert card.refusal == ""
    assert "correct horse" in card.text("etc/wpa_supplicant/wpa_supplicant-wlan0.conf")


def test_data_that_cannot_be_moved_stops_no_start(
    card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    card.start(SITE)
    reset(card.root / "data")
    (card.root / "data/spoilt").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.box.next_start._empty", refuse)
        assert card.start()
    assert "Input/output error" in capsys.readouterr().err
    assert card.sites == [PHOTOS]


def refuse(folder: Path) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO), str(folder))

"""The starts after the first: what a box keeps when its power is cut, and what an edited card does.

Between two starts the power is cut without a word, and gatelight.toml is edited from outside, as on
any computer.
"""

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from maker.asking import SITE, ask, is_answered, post
from maker.card import Card, boot_partition, read_boot_file, write_boot_file
from maker.checks import Checks
from maker.machine import Machine
from maker.pictures import check_picture

INBOX, LOG = "gatelight.toml", "gatelight-boot.log"
PASSWORD = "a horse of this test"
# A site that its owner adds on the running box, and one that comes with a later gatelight.toml.
ADDED, LATER = "added.home.arpa", "later.home.arpa"
FAULTY = '[box]\nname = "my box"\n'
FAULT = f"{INBOX}:2: box.name"
HDMI_MODE = "1280x720@60"
MORE = f'country = "DE"\nvalkey = true\nhdmi_mode = "{HDMI_MODE}"'
WIFI_PASSWORD = "correct horse battery"
# The emulator's own network, as its DHCP would give it out.
ADDRESS = "10.0.2.15/24"
CHANGED = """
[box.wifi]
name = "Heimnetz"
password = "{password}"

[box.network]
address = "{address}"
gateway = "10.0.2.2"

[[site]]
host = "{host}"
backends = ["{backend}"]
"""
BACKUP = "/run/box.tar.gz"
IDENTITY = "cat /etc/machine-id; sudo cat /data/ssh/ssh_host_ed25519_key.pub"


@dataclass(frozen=True, slots=True)
class Trial:
    """A card that was started once, and what it is judged by."""

    card: Card
    work: Path
    key: Path
    checks: Checks
    inbox: str
    """The gatelight.toml of its first start."""
    backend: str

    @contextmanager
    def start(self, number: str) -> Iterator[Machine]:
        """A start, until SSH answers; at the end the power is cut."""
        with Machine(self.card, self.work, self.key) as machine:
            machine.wait_for(lambda: machine.shell("echo up").strip() == "up", f"SSH, {number}")
            machine.wait_for(lambda: self.answers(machine, SITE), f"its site, {number}")
            yield machine

    def answers(self, machine: Machine, host: str) -> bool:
        """Whether a site is served."""
        return is_answered(ask(machine.ports[80], host))


@dataclass(frozen=True, slots=True)
class Before:
    """What the first start left, to be found again."""

    identity: str
    backup: bytes


def leave(machine: Machine, trial: Trial) -> Before:
    """The last that is done in the first start."""
    set_site = f"sudo gatelight sites set {ADDED} --backend {trial.backend}"
    machine.shell(set_site)
    machine.wait_for(lambda: trial.answers(machine, ADDED), "the site that was added")
    content = machine.shell(f"sudo gatelight-box backup {BACKUP} && sudo base64 -w0 {BACKUP}")
    return Before(machine.shell(IDENTITY), base64.b64decode(content))


def check_later_starts(trial: Trial, before: Before, context: ssl.SSLContext) -> None:
    """Four more starts of one card."""
    _start_faulty(trial, before)
    _start_changed(trial)
    _start_reset(trial, before)
    _start_restored(trial, before, context)


def _start_faulty(trial: Trial, before: Before) -> None:
    checks = trial.checks
    write_boot_file(trial.card, trial.work, INBOX, FAULTY)
    with trial.start("with a faulty gatelight.toml") as machine:
        added = trial.answers(machine, ADDED)
        checks.note("a power cut loses nothing, a faulty gatelight.toml changes nothing", added)
        same = machine.shell(IDENTITY) == before.identity and before.identity.count("\n") == 2
        checks.note("it is the same machine after the power cut", same)
        alerts = json.loads(machine.shell("sudo gatelight status --json") or "{}").get("alerts")
        checks.note("an alert has the fault in words", FAULT in json.dumps(alerts), FAULT)
        check_picture(machine, checks, trial.work, "alert", "HDMI shows the fault in words")
        check_units(machine, checks)
    told = read_boot_file(trial.card, LOG)
    checks.note(f"{LOG} has the fault", FAULT in told, told.strip().replace("\n", " | "))


def _start_changed(trial: Trial) -> None:
    checks = trial.checks
    text = trial.inbox.replace('name = "gatelight"', 'name = "porch"\n' + MORE)
    text += CHANGED.format(
        password=WIFI_PASSWORD, address=ADDRESS, host=LATER, backend=trial.backend
    )
    write_boot_file(trial.card, trial.work, INBOX, text)
    checks.note("the password is on the card", WIFI_PASSWORD.encode() in boot_partition(trial.card))
    with trial.start("with a changed gatelight.toml") as machine:
        sites = [trial.answers(machine, host) for host in (LATER, ADDED)]
        checks.note("a changed gatelight.toml adds its site, and removes none", all(sites))
        name = machine.shell("hostname").strip()
        checks.note("the box has its new name", name == "porch", name)
        address = machine.shell(f"ip -4 -o address | grep '{ADDRESS}'")
        is_fixed = bool(address) and "dynamic" not in address
        checks.note("the box has its fixed address", is_fixed, ADDRESS)
        ping = machine.shell("valkey-cli ping").strip()
        checks.note("Valkey is there when it is asked for", ping == "PONG", ping)
        wifi = machine.shell("sudo cat /etc/wpa_supplicant/wpa_supplicant-wlan0.conf")
        checks.note("the Wi-Fi's settings are the system's", WIFI_PASSWORD in wifi)
        kept = machine.shell(f"sudo grep -c '{WIFI_PASSWORD}' /data/box/settings.json")
        modes = machine.shell("sudo stat -c %a /data/box /data/box/settings.json").split()
        is_kept = kept.strip() == "1" and modes == ["700", "600"]
        checks.note("the Wi-Fi's password is kept where root alone reads", is_kept, str(modes))
        # With the mode in its boot files the box has started once more by itself.
        line = machine.shell("cat /boot/firmware/cmdline.txt")
        checks.note("its HDMI mode is in the boot files", HDMI_MODE in line, line.strip()[-40:])
        check_units(machine, checks)
        machine.shell("sudo gatelight-box factory-reset --yes")
    left = read_boot_file(trial.card, INBOX)
    checks.note(f"{INBOX} has an empty password now", 'password = ""' in left and LATER in left)
    is_gone = WIFI_PASSWORD.encode() not in boot_partition(trial.card)
    checks.note("the password is nowhere on the first partition", is_gone)
    told = read_boot_file(trial.card, LOG)
    checks.note(f"{LOG} says what was taken over", LATER in told, told.strip())
    line = read_boot_file(trial.card, "cmdline.txt")
    checks.note(
        "a factory reset takes the HDMI mode back", "rootwait" in line and "video=" not in line
    )


def _start_reset(trial: Trial, before: Before) -> None:
    checks = trial.checks
    write_boot_file(trial.card, trial.work, INBOX, trial.inbox)
    with trial.start("after a factory reset") as machine:
        gone = not any(trial.answers(machine, host) for host in (ADDED, LATER))
        checks.note("after a factory reset only the card's own sites are there", gone)
        identity = machine.shell(IDENTITY)
        shared = set(identity.splitlines()) & set(before.identity.splitlines())
        checks.note("it is another machine", len(identity.splitlines()) == 2 and not shared)
        status = json.loads(machine.shell("sudo gatelight status --json") or "{}")
        checks.note("it is nobody's: a code claims it", bool(status.get("claim")))
        valkey = machine.shell("systemctl is-active valkey-server").strip()
        checks.note("Valkey is off again", valkey == "inactive", valkey)
        check_units(machine, checks)
        content = base64.b64encode(before.backup).decode()
        machine.shell(f"base64 -d | sudo tee {BACKUP} >/dev/null", content)
        told = machine.shell(f"sudo gatelight-box restore {BACKUP} 2>&1").strip()
        checks.note("its backup is taken", "restart the box" in told, told)


def _start_restored(trial: Trial, before: Before, context: ssl.SSLContext) -> None:
    checks = trial.checks
    with trial.start("with its backup") as machine:
        checks.note("a restored box has its sites", trial.answers(machine, ADDED))
        key = before.identity.splitlines()[1:]
        checks.note("and its SSH key", machine.shell(IDENTITY).splitlines()[1:] == key)
        port = machine.ports[8470]

        def log_in() -> bytes:
            content = {"password": PASSWORD}
            return post(port, "gatelight.local", context, "/v1/login", content)

        # The certificate is there when the clock is believed.
        answer = machine.wait_for(log_in, "the dashboard over HTTPS")
        checks.note(
            "its owner's password and its local CA are those from before", b" 20" in answer[:12]
        )
        check_units(machine, checks)


def check_units(machine: Machine, checks: Checks) -> None:
    """What systemd says of its units."""
    failed = machine.shell("systemctl --failed --no-legend --plain").strip()
    checks.note("no unit has failed", not failed, failed)

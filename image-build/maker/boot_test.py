"""`image-build/boot-test IMAGE`: boots an image and asks it from outside, line by line.

What the emulator cannot show (the firmware, real HDMI, GPIO, I2C, Wi-Fi) is not tested here, and
said so in docs/image.md.
"""

import argparse
import json
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from maker.asking import SITE, Load, ask, is_answered, post, shout
from maker.card import prepare, read_boot_file, read_seconds
from maker.checks import Checks
from maker.errors import BuildError
from maker.later_starts import (
    LOG,
    PASSWORD,
    Trial,
    check_later_starts,
    check_units,
    leave,
)
from maker.machine import Machine
from maker.pictures import check_picture, has_picture
from maker.running import say

# The machine the emulator runs on, as its guest sees it.
HOST = "10.0.2.2"
SECURE_SITE = "secure.home.arpa"
# Where nobody tells the time, a box believes its clock after three minutes (appliance/clock.py).
SECURE_S = 600.0
# While the box starts, its port takes connections and nobody answers.
LOOK_S = 10.0
INBOX = """\
[box]
name = "gatelight"
time_zone = "Europe/Berlin"
ssh_key = "{key}"

[[site]]
host = "{site}"
backends = ["http://{host}:{port}"]

[[site]]
host = "{secure}"
backends = ["http://{host}:{port}"]
tls = "terminate"
"""


def check_box(
    machine: Machine, checks: Checks, work: Path, backend_heads: list[bytes]
) -> ssl.SSLContext:
    """Everything in its order, for later lines need earlier ones; a context that trusts its CA."""
    http, https = machine.ports[80], machine.ports[443]

    def answered(port: int, host: str, context: ssl.SSLContext | None = None) -> bytes:
        answer = ask(port, host, context, within_s=LOOK_S)
        return answer if is_answered(answer) else b""

    first = machine.wait_for(lambda: answered(http, SITE), "a proxied request")
    checks.note("HTTP by Host to a backend", f"Host: {SITE}".encode() in backend_heads[-1])
    print(f"   power to first proxied request: {machine.age_s:.0f} s", flush=True)
    checks.note("an unknown host is refused", b" 404 " in ask(http, "other.test")[:20], "404")
    checks.note("the answer is the backend's", b"sha256=" in first)
    checks.note("a WebSocket's upgrade carries both ways", b"HEY" in shout(http, SITE))

    def screen() -> bool:
        return has_picture(machine.picture(work / "screen.ppm"))

    machine.wait_for(screen, "a picture")
    print(f"   power to first picture (seen by): {machine.age_s:.0f} s", flush=True)
    machine.wait_for(lambda: machine.shell("true; echo up").strip() == "up", "SSH with the key")
    checks.note("SSH with the key of gatelight.toml", True)
    check_system(machine, checks)
    check_header(machine, checks)
    check_restart(machine, checks)
    root = machine.wait_for(
        lambda: machine.shell("sudo gatelight cert trust --json"), "a local CA", SECURE_S
    )
    pem = work / "root.pem"
    pem.write_text("\n".join(find_certificates(root)))
    context = ssl.create_default_context(cafile=pem)
    machine.wait_for(lambda: answered(https, SECURE_SITE, context), "HTTPS", SECURE_S)
    checks.note("HTTPS with the local CA's root alone", True, f"{machine.age_s:.0f} s after power")
    # The clock is believed by now: no alert stands before the picture.
    check_picture(machine, checks, work, "claim", "HDMI shows the code to claim the box")
    check_claim(machine, checks, context)
    check_picture(machine, checks, work, "overview", "HDMI shows the overview of this box")
    return context


def check_claim(machine: Machine, checks: Checks, context: ssl.SSLContext) -> None:
    """The dashboard's port over HTTPS: shut until the box is claimed with the code it shows."""
    name, port = "gatelight.local", machine.ports[8470]
    before = ask(port, name, context, "/v1/status")
    checks.note("the dashboard tells nothing before the claim", b" 403 " in before[:20])
    status = json.loads(machine.shell("sudo gatelight status --json") or '{"claim": null}')
    code = (status["claim"] or {}).get("code", "")
    claimed = post(port, name, context, "/v1/claim", {"code": code, "password": PASSWORD})
    checks.note("the box is claimed with the code of its screen", b" 200 " in claimed[:20], code)


def find_certificates(text: str) -> list[str]:
    """PEM blocks anywhere in a JSON answer."""
    found: list[str] = []

    def look(value: object) -> None:
        if isinstance(value, str) and "BEGIN CERTIFICATE" in value:
            found.append(value)
        for each in (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        ):
            look(each)

    look(json.loads(text))
    return found


def check_system(machine: Machine, checks: Checks) -> None:
    """The system under it, over SSH."""
    ask_shell = machine.shell
    machine.wait_for(
        lambda: (
            "running" in ask_shell("systemctl is-system-running")
            or "degraded" in ask_shell("systemctl is-system-running")
        ),
        "the end of the start",
    )
    check_units(machine, checks)
    card = ask_shell("findmnt -no FSTYPE,OPTIONS /; findmnt -no OPTIONS /run/overlay/root").split(
        "\n"
    )
    checks.note(
        "root is an overlay in memory over a read-only card",
        card[0].startswith("overlay") and card[1].startswith("ro,"),
        card[1],
    )
    boot = ask_shell("findmnt -no OPTIONS /boot/firmware")
    checks.note("the first partition is read-only", boot.startswith("ro,"), boot.strip())
    size = read_seconds(ask_shell("df -BM --output=size /run/overlay/root | tail -1"))
    checks.note("root has grown to the card", size > 2800, f"{size:.0f} MB")
    identity = ask_shell("cat /etc/machine-id; sudo cat /data/machine-id").split()
    checks.note("it has a machine-id, and keeps it", len(set(identity)) == 1 and len(identity) == 2)
    users = ask_shell("sudo awk -F: '$2 !~ /^[!*]/ {print $1}' /etc/shadow").split()
    checks.note("nobody has a password", not users, " ".join(users))
    checks.note(
        "its name and zone are set",
        ask_shell("hostname; date +%Z").split() in (["gatelight", "CET"], ["gatelight", "CEST"]),
    )
    rules = ask_shell("sudo nft list ruleset")
    ssh_rule = "ip saddr @lan tcp dport 22 accept" in rules or "tcp dport 22 ip saddr @lan" in rules
    checks.note(
        "the firewall is up, with 22 open for the home", ssh_rule and "policy drop" in rules
    )
    checks.note("swap is compressed memory", "zram0" in ask_shell("cat /proc/swaps"))
    checks.note("Valkey is off", "inactive" in ask_shell("systemctl is-active valkey-server"))
    exposed = ask_shell("systemd-analyze security --no-pager gatelight.service | tail -1")
    print(f"   {exposed.strip()}", flush=True)
    memory = ask_shell("free -m | awk '/Mem/ {print $3}'").strip()
    print(f"   memory in use: {memory} MB", flush=True)


def check_header(machine: Machine, checks: Checks) -> None:
    """The pins and the buses of the header, as far as the emulator has them."""
    program = (
        "from gpiozero import LED, Device; lamp = LED(17); lamp.on(); "
        "print(lamp.value, type(Device.pin_factory).__name__)"
    )
    # As its service does it: user, groups, and a folder for lgpio's pipes.
    unit = "sudo systemd-run --quiet --wait --pipe -p User=gatelight-display -p PrivateTmp=yes"
    unit += " -p SupplementaryGroups=gpio -E LG_WD=/tmp"
    told = machine.shell(f"{unit} /opt/gatelight/bin/python3 -c '{program}' 2>&1 | tail -1").strip()
    checks.note("gpiozero drives a pin, as the screen's user", told == "1 LGPIOFactory", told)
    modules = machine.shell("lsmod | grep -o '^i2c_dev'; ls /dev/i2c-* 2>/dev/null")
    checks.note("programs may speak to I2C buses", "i2c_dev" in modules)
    print(f"   I2C buses the emulator has: {modules.count('/dev/i2c-')}", flush=True)


def measure_idle(machine: Machine, minutes: float) -> None:
    """What a box that nobody asks anything writes to its card."""

    def written() -> float:
        # Documentation/block/stat.rst: the seventh figure, in sectors of 512 bytes.
        return float(machine.shell("cat /sys/block/mmcblk0/stat").split()[6]) * 512

    # What was done before is written up to a minute later.
    machine.shell("sudo sync")
    say(f"leaving it alone for {minutes:g} minutes")
    before = written()
    time.sleep(minutes * 60)
    each_hour = (written() - before) / minutes * 60
    print(f"   written to the card in an idle hour: {each_hour / 1024:.0f} KiB", flush=True)


def check_restart(machine: Machine, checks: Checks) -> None:
    """Under load: nobody is refused."""
    with Load(machine.ports[80], SITE) as load:
        time.sleep(5)
        before = load.answers
        pid = machine.shell("systemctl show -P MainPID gatelight")
        machine.shell("sudo systemctl restart gatelight")
        machine.wait_for(lambda: load.answers > before + 10, "answers after the restart")
    after = machine.shell("systemctl show -P MainPID gatelight")
    checks.note(
        "a restart under load refuses nobody",
        load.failures == 0 and pid != after,
        f"{load.answers} answers, {load.failures} failures",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 all was so, 1 something was not."""
    parser = argparse.ArgumentParser("image-build/boot-test", description="Boots an image in QEMU.")
    parser.add_argument("image", type=Path, metavar="IMAGE", help=".img or .img.xz")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="pictures and logs stay there")
    parser.add_argument(
        "--idle", type=float, default=0, metavar="MINUTES", help="then measure what it writes"
    )
    parser.add_argument("--once", action="store_true", help="the first start alone")
    options = parser.parse_args(arguments)
    # Told to stop, it switches the machine off.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    from tests.support.backend import Exchange, ScriptedBackend

    async def shouting(exchange: Exchange) -> None:
        exchange.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n"
        )
        while data := await exchange.reader.read(4096):
            exchange.send(data.upper())
            await exchange.writer.drain()

    checks = Checks()
    with tempfile.TemporaryDirectory() as folder, ScriptedBackend({"/ws": shouting}) as backend:
        work = options.keep or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        key = work / "key"
        key.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        public = key.with_name("key.pub").read_text().strip()
        inbox = INBOX.format(
            key=public, site=SITE, secure=SECURE_SITE, host=HOST, port=backend.port
        )
        try:
            card = prepare(options.image, work, inbox)
            trial = Trial(card, work, key, checks, inbox, f"http://{HOST}:{backend.port}")
            say("switching the emulated Raspberry Pi 3 on")
            with Machine(card, work, key) as machine:
                context = check_box(machine, checks, work, backend.heads)
                if options.idle:
                    measure_idle(machine, options.idle)
                before = leave(machine, trial)
            told = read_boot_file(card, LOG)
            checks.note("the card says what was taken over", SITE in told, told.strip())
            if not options.once:
                check_later_starts(trial, before, context)
        except BuildError as error:
            sys.stderr.write(f"gatelight: {error}\n")
            return 1
    if checks.failed:
        sys.stderr.write(f"gatelight: {len(checks.failed)} things were not as they should be\n")
    return 1 if checks.failed else 0

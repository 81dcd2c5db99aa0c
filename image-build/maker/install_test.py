"""`image-build/install-test`: scripts/install in a bare Debian with a running systemd.

It shows what a stand-in cannot: that the hardened units start, and that a restart under load
refuses nobody with the real file descriptor store. Then Gatelight is taken off again.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from maker.asking import SITE, Load, ask, is_answered
from maker.checks import Checks
from maker.clean_root import CleanRoot
from maker.errors import BuildError
from maker.running import run, say
from maker.system import PROJECT

RESTARTS = 10
PLACE = "/srv/gatelight"
SERVICES = ("gatelight.service", "gatelight-display.service", "gatelight-hdmi.socket")


def check_installed(root: CleanRoot, checks: Checks) -> None:
    """What stands there after the installation and a start."""
    for service in SERVICES:
        # The screen's service needs a console, which a root in namespaces does not have.
        wanted = "enabled" if service == SERVICES[1] else "active"
        state = root.ask("systemctl", f"is-{wanted}", service).strip()
        checks.note(f"{service} is {wanted}", state == wanted, state)
    failed = root.ask("systemctl", "--failed", "--no-legend", "--plain").strip()
    checks.note("no unit has failed", not failed, failed)
    for service in SERVICES[:2]:
        line = root.ask("systemd-analyze", "security", "--no-pager", service).strip().splitlines()
        words = line[-1].split() if line else []
        exposed = float(words[words.index(f"{service}:") + 1]) if f"{service}:" in words else 10.0
        checks.note(f"{service} is shut in", exposed <= 2.0, f"{exposed}")
    user = root.ask("systemctl", "show", "-P", "User", "gatelight.service").strip()
    checks.note("the proxy is a user of its own", user == "gatelight", user)


def check_restarts(root: CleanRoot, checks: Checks) -> None:
    """Under load, with a request under way, and after a kill."""
    from tests.support.backend import Exchange, ScriptedBackend

    released = threading.Event()

    async def slow(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
        await exchange.writer.drain()
        import asyncio

        while not released.is_set():
            await asyncio.sleep(0.05)
        exchange.send(b"half")

    with ScriptedBackend({"/slow": slow}) as backend:
        root.ask("gatelight", "sites", "set", SITE, "--backend", backend.url)
        until_s = time.monotonic() + 20
        while not is_answered(ask(80, SITE)) and time.monotonic() < until_s:
            time.sleep(0.2)
        with Load(80, SITE) as load:
            longest_s = 0.0
            for _ in range(RESTARTS):
                begun_s = time.monotonic()
                root.ask("systemctl", "restart", "gatelight.service")
                longest_s = max(longest_s, time.monotonic() - begun_s)
                time.sleep(0.5)
        shown = f"{load.answers} answers, {load.failures} failures, longest {longest_s:.1f} s"
        checks.note(f"{RESTARTS} restarts under load refuse nobody", not load.failures, shown)
        answers: list[bytes] = []
        client = threading.Thread(target=lambda: answers.append(ask(80, SITE, path="/slow")))
        client.start()
        time.sleep(1)
        restart = threading.Thread(target=root.ask, args=("systemctl", "restart", "gatelight"))
        restart.start()
        time.sleep(2)
        released.set()
        client.join()
        restart.join()
        is_whole = answers[0].endswith(b"halfhalf")
        checks.note("a request under way ends before the restart", is_whole)
        root.kill("gatelight.service")
        is_back = is_answered(ask(80, SITE))
        checks.note("after a kill the next request waits for the successor", is_back)


def main() -> int:
    """The exit code: 0 all was so, 1 something was not."""
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        try:
            with CleanRoot(work) as root:
                run(["git", "clone", "-q", str(PROJECT), f"{root.path}{PLACE}"], work / "git.log")
                links = os.environ.get("PIP_FIND_LINKS", "")
                if links.startswith("/"):
                    root.lend(Path(links))
                say("installing")
                root.chroot(["./scripts/install"], PLACE)
                root.boot()
                root.enter_network()
                check_installed(root, checks)
                check_restarts(root, checks)
                root.ask("env", "-C", PLACE, "./scripts/install", "--uninstall", "--purge")
                check_gone(root, checks)
        except (BuildError, subprocess.SubprocessError) as error:
            sys.stderr.write(f"gatelight: {error}\n")
            return 1
    if checks.failed:
        sys.stderr.write(f"gatelight: {len(checks.failed)} things were not as they should be\n")
    return 1 if checks.failed else 0


def check_gone(root: CleanRoot, checks: Checks) -> None:
    """Nothing stays but the clone."""
    found = root.ask(
        "sh",
        "-c",
        "find / -xdev -name '*gatelight*' -not -path '/srv/*' "
        "-not -path '/proc/*' -not -path '/run/*' -not -path '/sys/*'",
    ).split()
    checks.note("taken off, nothing of it stays", not found, " ".join(found[:5]))
    users = root.ask("getent", "passwd", "gatelight", "gatelight-display").strip()
    checks.note("its users are gone", not users, users)

"""Names on a LAN of the test's own: asked for from another machine, and left to whoever has them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.status_command import fetch_status
from tests.support.box import ROOT, Box, site, wait_until
from tests.support.lan import Lan

BACKEND = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    if os.geteuid():
        pytest.fail("network namespaces need root: run as root")
    with Lan(3) as made:
        yield made


def ask(lan: Lan, number: int, name: str) -> list[str]:
    """The addresses that a machine is told for a name."""
    command = [*lan.enter(number), sys.executable, "-m", "tests.support.ask_mdns", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return done.stdout.split()


class LanBox(Box):
    """A box on a machine of the LAN."""

    def __init__(self, folder: Path, sites: str, lan: Lan, number: int) -> None:
        super().__init__(folder, sites, wrap=lan.enter(number))

    def write(self, sites: str) -> None:
        super().write(sites)
        text = self.config.read_text()
        self.config.write_text(text.replace('http = "127.0.0.1:0"', 'http = "0.0.0.0:8080"'))


def test_another_machine_finds_a_site_by_its_name(lan: Lan, tmp_path: Path) -> None:
    with LanBox(tmp_path, site("photos.local", BACKEND), lan, 1) as box:
        wait_until(lambda: ask(lan, 2, "photos.local") == ["10.91.0.1"], "the name")
        own = f"{os.uname().nodename.partition('.')[0].lower()}.local"
        assert ask(lan, 2, own) == ["10.91.0.1"]
        assert ask(lan, 2, "nobody.local") == []
        box.write(site("music.local", BACKEND))
        wait_until(lambda: ask(lan, 2, "music.local") == ["10.91.0.1"], "the new name")
        assert ask(lan, 2, "photos.local") == []
        box.signal(signal.SIGTERM)
        box.process.wait(20)
        assert ask(lan, 2, "music.local") == []


def test_a_name_that_another_machine_has_is_left_to_it(lan: Lan, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with LanBox(first, site("photos.local", BACKEND), lan, 1):
        wait_until(lambda: ask(lan, 3, "photos.local") == ["10.91.0.1"], "the name")
        with LanBox(second, site("photos.local", BACKEND), lan, 2) as late:

            def told() -> bool:
                alerts = fetch_status(str(late.socket))["alerts"]
                return any(
                    each["id"] == "name:photos.local" and "10.91.0.1" in each["text"]
                    for each in alerts
                )

            wait_until(told, "the alert")
            assert ask(lan, 3, "photos.local") == ["10.91.0.1"]

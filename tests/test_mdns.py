"""Which names are published, and when another responder has the word."""

import asyncio
import socket
from pathlib import Path

import pytest

from appliance.mdns import MAX_NAMES, Mdns, choose_names, is_avahi_there


@pytest.mark.parametrize(
    ("hosts", "names"),
    [
        ([], ["gate.local"]),
        (["photos.local", "a.photos.local", "*.local", "nas.home.arpa", "*", "local"],
         ["gate.local", "photos.local"]),
        (["gate.local", "b.local", "a.local"], ["gate.local", "a.local", "b.local"]),
    ],
    ids=["the box itself", "single labels only", "its own name once and first"],
)  # fmt: skip
def test_the_box_and_its_single_label_sites_have_names(hosts: list[str], names: list[str]) -> None:
    assert choose_names(hosts, "Gate.home.arpa") == names


def test_names_are_bounded() -> None:
    assert len(choose_names((f"s{number}.local" for number in range(999)), "gate")) == MAX_NAMES


def make(folder: Path, hosts: list[str]) -> Mdns:
    return Mdns(lambda: hosts, lambda: ("gate", []), 80, folder / "avahi.sock")


def test_where_avahi_is_this_one_steps_aside_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "avahi.sock"
    hosts = ["photos.local"]
    mdns = make(tmp_path, hosts)
    assert not is_avahi_there(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as avahi:
        avahi.bind(str(path))
        avahi.listen()
        asyncio.run(mdns.look())
        asyncio.run(mdns.look())
        (trouble,) = mdns.troubles()
        assert trouble.text.startswith("avahi publishes names on this box, and not photos.local: ")
        assert capsys.readouterr().err.count("avahi publishes") == 1
        hosts.clear()
        asyncio.run(mdns.look())
        assert mdns.troubles() == [], "the box's own name is avahi's affair"
    assert not is_avahi_there(path), "its socket is left, and nobody listens"


def test_without_an_address_nothing_is_published(tmp_path: Path) -> None:
    mdns = make(tmp_path, ["photos.local"])
    asyncio.run(mdns.look())
    assert mdns.published == []
    assert mdns.troubles() == []

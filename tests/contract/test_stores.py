"""What every store promises; one suite for the fake and for the real ones."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from appliance.config import ConfigError, Fault
from appliance.routing.model import Site, parse_backend
from appliance.stores.base import Store
from appliance.stores.memory import MemoryStore
from appliance.stores.toml_file import TomlFileStore

LISTEN = '[listen]\nhttp = ":8080"\n'


class Kept(Protocol):
    """A store together with the means to change what it holds."""

    @property
    def store(self) -> Store: ...

    def put(self, *hosts: str) -> None: ...
    def spoil(self) -> None: ...


class KeptInMemory:
    def __init__(self, _: Path) -> None:
        self.store = MemoryStore()

    def put(self, *hosts: str) -> None:
        self.store.put(tuple(Site(host, (parse_backend("http://b"),)) for host in hosts))

    def spoil(self) -> None:
        self.store.put_fault(Fault("memory", 1, "site.host", "is faulty"))


class KeptInFile:
    """As an editor and `gatelight sites` do it: a new file in the place of the old."""

    head = ""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sites.toml"
        self.store = TomlFileStore(str(self.path), embedded=bool(self.head))
        self.put()

    def put(self, *hosts: str) -> None:
        sites = (f'[[site]]\nhost = "{host}"\nbackends = "http://b"\n' for host in hosts)
        self.write(self.head + "".join(sites))

    def spoil(self) -> None:
        self.write(self.head + '[[site]]\nhost = "a b"\nbackends = "http://b"\n')

    def write(self, content: str) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(content)
        os.replace(fresh, self.path)


class KeptInConfiguration(KeptInFile):
    head = LISTEN


KINDS = [KeptInMemory, KeptInFile, KeptInConfiguration]


@pytest.fixture(params=KINDS, ids=["memory", "file", "configuration"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    make: Callable[[Path], Kept] = request.param
    return make(tmp_path)


def hosts(kept: Kept) -> list[str]:
    return [site.host for site in kept.store.read()]


def test_an_empty_store_has_no_sites(kept: Kept) -> None:
    assert kept.store.read() == ()


def test_the_sites_come_in_their_order(kept: Kept) -> None:
    kept.put("b", "a", "*")
    assert hosts(kept) == ["b", "a", "*"]
    assert kept.store.read()[0].backends == (parse_backend("http://b"),)


def test_the_fingerprint_stays_while_nothing_changes(kept: Kept) -> None:
    kept.put("a")
    before = kept.store.fingerprint()
    kept.store.read()
    assert kept.store.fingerprint() == before


def test_the_fingerprint_differs_after_each_change(kept: Kept) -> None:
    kept.put("a")
    seen = [kept.store.fingerprint()]
    for host in ("b", "c"):
        kept.put(host)
        seen.append(kept.store.fingerprint())
    kept.spoil()
    seen.append(kept.store.fingerprint())
    assert len(set(map(repr, seen))) == len(seen)


def test_faulty_content_is_refused_whole_and_read_again_once_mended(kept: Kept) -> None:
    kept.put("a")
    kept.spoil()
    with pytest.raises(ConfigError) as caught:
        kept.store.read()
    assert caught.value.faults
    kept.put("b")
    assert hosts(kept) == ["b"]


def test_a_file_that_went_is_a_fault_and_a_change(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path)
    before = kept.store.fingerprint()
    kept.path.unlink()
    assert kept.store.fingerprint() != before
    with pytest.raises(ConfigError, match="cannot be read"):
        kept.store.read()
    kept.put("a")
    assert hosts(kept) == ["a"]


def test_a_line_written_in_place_is_a_change(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path)
    before = kept.store.fingerprint()
    with kept.path.open("a") as file:
        file.write("# one more line\n")
    assert kept.store.fingerprint() != before

"""The last good sites on disk."""

import os
from pathlib import Path

import pytest

from appliance.stores.last_good import SPARE_LINES, LastGood, LastSite

A = LastSite("a.test", {"backends": ["http://b"]}, "frontend:a.test", None, 5)
B = LastSite("b.test", {"backends": ["http://ü"]}, "gatelight:site:b.test", {"sticky": True}, None)


def write(path: Path, *sites: LastSite, removed: str = "") -> None:
    last_good = LastGood(path)
    for site in sites:
        last_good.note(site)
    if removed:
        last_good.note_removed(removed)
    last_good.write(last_good.take(), 2)


def load(path: Path) -> dict[str, LastSite]:
    return LastGood(path).load()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sites.jsonl"


def test_what_was_written_last_is_loaded(path: Path) -> None:
    assert load(path) == {}
    write(path, A, B)
    assert load(path) == {"a.test": A, "b.test": B}
    changed = LastSite("a.test", {"backends": ["http://c"]}, "frontend:a.test")
    write(path, changed)
    assert load(path)["a.test"] == changed
    write(path, removed="a.test")
    assert load(path) == {"b.test": B}


def test_nobody_else_may_read_it(path: Path) -> None:
    """A site may hold a certificate's key."""
    write(path, A)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "rubbish",
    [b'{"host": "c.test", "ta', b"\xff\xfe\n", b"[]\n", b'{"host": 5}\n', b"[" * 99999 + b"\n"],
    ids=["torn", "no text", "no object", "no host", "deep"],
)
def test_a_line_that_a_power_cut_has_spoilt_counts_for_nothing(path: Path, rubbish: bytes) -> None:
    write(path, A)
    with path.open("ab") as file:
        file.write(rubbish)
    write(path, B)
    assert load(path) == {"a.test": A, "b.test": B}


def test_outdated_lines_are_left_out_in_time(path: Path) -> None:
    last_good = LastGood(path)
    for _ in range(SPARE_LINES + 10):
        last_good.note(A)
        last_good.write(last_good.take(), 2)
    last_good.note(B)
    last_good.note_removed("gone.test")
    last_good.write(last_good.take(), 2)
    assert len(path.read_text().splitlines()) < 20
    assert load(path) == {"a.test": A, "b.test": B}
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == [path.name]


def test_what_cannot_be_written_is_not_lost(path: Path) -> None:
    path.parent.write_text("a file in the place of the folder")
    last_good = LastGood(path)
    last_good.note(A)
    noted = last_good.take()
    with pytest.raises(OSError, match=str(path.parent)):
        last_good.write(noted, 1)
    last_good.note(B)
    last_good.put_back(noted)
    path.parent.unlink()
    last_good.write(last_good.take(), 2)
    assert load(path) == {"a.test": A, "b.test": B}

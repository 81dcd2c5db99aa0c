"""A file is there whole or as it was."""

import errno
import os
import stat
from pathlib import Path

import pytest

from appliance.atomic_file import replace_file


def test_a_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("old")
    path.chmod(0o644)
    replace_file(path, b"new", 0o600)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_root_replaces_stays_its_owner_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sites.toml"
    path.write_text("old")
    whose = path.stat().st_uid, path.stat().st_gid
    steps: list[object] = []
    rename = os.replace

    def replace(source: Path, target: Path) -> None:
        steps.append("renamed")
        rename(source, target)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getegid", lambda: whose[1] + 1)
    monkeypatch.setattr(os, "fchown", lambda file, user, group: steps.append((user, group)))
    monkeypatch.setattr(os, "replace", replace)
    replace_file(path, b"new", 0o640)
    replace_file(tmp_path / "fresh", b"new", 0o640, (3, 4))
    replace_file(tmp_path / "fresh of root", b"new", 0o640)
    # Before its name is the old one's: a power cut finds no other owner.
    assert steps == [whose, "renamed", (3, 4), "renamed", "renamed"]


@pytest.mark.parametrize("call", ["fchmod", "fsync", "replace"])
def test_a_failure_on_the_way_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "key.pem"
    path.write_text("old")

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new", 0o600)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]

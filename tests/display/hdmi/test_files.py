"""Writing a boot file: whole at every moment, and a clear word when it cannot be."""

import errno
import os
from pathlib import Path

import pytest

from display.hdmi.errors import HdmiError
from display.hdmi.files import TEMPORARY, put_file, read_file, write_file

OLD = b"hdmi_mode=19\r\n" + b"# old\n" * 3000
NEW = b"# new\n" * 3000


def test_a_file_is_made_replaced_and_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "config.txt"
    assert read_file(path) is None
    for content in (OLD, NEW, NEW):
        put_file(path, content)
        assert read_file(path) == content
    put_file(path, None)
    put_file(path, None)
    assert list(tmp_path.iterdir()) == []


def test_the_rights_of_a_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "raspi-firmware-custom"
    path.write_bytes(OLD)
    path.chmod(0o640)
    write_file(path, NEW)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    (tmp_path / f"{TEMPORARY}config.txt").symlink_to(target)
    with pytest.raises(HdmiError):
        write_file(tmp_path / "config.txt", NEW)
    assert not target.exists()


FAILURES = [
    ("open", errno.EROFS, "a read-only partition holds"),
    ("write", errno.ENOSPC, "no room is left to write"),
    ("fsync", errno.EIO, "the card failed at"),
    ("rename", errno.EACCES, "there is no right to change"),
]


@pytest.mark.parametrize(("call", "number", "words"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_write_that_fails_says_why_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, words: str
) -> None:
    path = tmp_path / "config.txt"
    path.write_bytes(OLD)

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(HdmiError, match=words):
            write_file(path, NEW)
    assert path.read_bytes() == OLD
    assert [left.name for left in tmp_path.iterdir()] == ["config.txt"]


def test_a_file_that_is_no_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.txt").write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(HdmiError, match="1 MiB"):
        read_file(tmp_path / "config.txt")


def test_the_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware/config.txt").write_bytes(OLD)
    link = tmp_path / "config.txt"
    link.symlink_to("firmware/config.txt")
    write_file(link, NEW)
    assert link.is_symlink()
    assert (tmp_path / "firmware/config.txt").read_bytes() == NEW

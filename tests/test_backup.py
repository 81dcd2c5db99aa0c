"""Backups packed and read back; nothing in one is believed."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.admin.exchange import Refusal
from appliance.backup import ABOUT, CONFIG, SITES, pack, unpack
from appliance.tls.roots import Roots

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
TABLES: dict[str, Any] = {
    "photos.test": {"backends": ["http://192.168.1.20:2283"]},
    "*.lab.test": {"backends": ["https://10.0.0.1"], "balance": "random"},
}


def make_box(folder: Path, name: str = "gate") -> Path:
    """A state folder with a local CA; its configuration beside it."""
    (folder / "gatelight.toml").write_text('[listen]\nhttp = ":80"\n')
    Roots(folder / "tls" / "roots", name).find(["photos.test"], [], NOW)
    return folder


def packed(folder: Path) -> bytes:
    return pack(TABLES, folder / "gatelight.toml", folder)


def root_pems(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "tls/roots").glob("*/root.pem"))]


def test_a_backup_has_all_that_another_box_needs(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    make_box(first)
    found = unpack(packed(first))
    assert found.sites == TABLES
    assert found.put_roots(second) == 1
    assert root_pems(second) == root_pems(first)
    (root,) = Roots(second / "tls" / "roots", "other").read()
    assert root.folder.name == "1"
    modes = {path.name: path.stat().st_mode & 0o777 for path in root.folder.iterdir()}
    assert modes == {"root.pem": 0o600, "intermediate.pem": 0o600, "root.crt": 0o644}


def test_a_box_keeps_its_own_root_behind_the_one_that_came(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    make_box(first)
    make_box(second, "other")
    before = root_pems(second)
    leaf = second / "tls/sites/photos.test.pem"
    leaf.parent.mkdir(parents=True)
    leaf.write_bytes(b"issued by the other root")
    content = packed(first)
    assert unpack(content).put_roots(second) == 1
    assert root_pems(second) == [*root_pems(first), *before]
    assert not leaf.exists(), "it is issued anew, by the root that people trust already"
    assert unpack(content).put_roots(second) == 0, "the same again changes nothing"
    assert len(Roots(second / "tls/roots", "other").read()) == 2


def test_any_tool_can_look_into_it(tmp_path: Path) -> None:
    content = packed(make_box(tmp_path))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        names = archive.getnames()
        assert all(member.mode == 0o600 for member in archive.getmembers())
    assert names[:3] == [ABOUT, SITES, CONFIG]
    assert {name.split("/")[-1] for name in names[3:]} == {
        "root.pem",
        "intermediate.pem",
        "root.crt",
    }


Change = Callable[[tarfile.TarInfo], None]


def repacked(files: Mapping[str, bytes], change: Change = lambda member: None) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            change(member)
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return held.getvalue()


GOOD = {ABOUT: json.dumps({"format": 1}).encode(), SITES: b""}


def mixed(folder: Path) -> bytes:
    """A root of one box with the intermediate of another."""
    files = dict(GOOD)
    for number, (name, wanted) in enumerate((("gate", "root."), ("other", "intermediate."))):
        box = folder / str(number)
        box.mkdir()
        for path in (make_box(box, name) / "tls/roots/1").glob(f"{wanted}*"):
            files[f"tls/roots/1/{path.name}"] = path.read_bytes()
    return repacked(files)


def test_keys_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="root 1 is spoilt"):
        unpack(mixed(tmp_path))


def as_link(member: tarfile.TarInfo) -> None:
    if member.name == SITES:
        member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (repacked({**GOOD, "../../etc/cron.d/x": b"x"}), "no backup of ours holds"),
        (repacked({**GOOD, "/etc/passwd": b"x"}), "no backup of ours holds"),
        (repacked({**GOOD, "tls/roots/1/../../../x": b"x"}), "no backup of ours holds"),
        (repacked({**GOOD, "tls/roots/01/root.pem": b"x"}), "no backup of ours holds"),
        (repacked({**GOOD, "tls/roots/1/other": b"x"}), "no backup of ours holds"),
        (repacked({**GOOD, "a\x1b[31m\n": b"x"}), r"holds \"a\?\[31m\?\""),
        (repacked(GOOD, as_link), "no file of ours, or too large"),
        (repacked(GOOD)[:-20], "cannot be read"),
        (b"", "cannot be read"),
        (b"PK\x03\x04 a zip", "cannot be read"),
        (repacked({}), "no backup of Gatelight"),
        (repacked({ABOUT: b"[]"}), "no backup of Gatelight"),
        (repacked({ABOUT: b'{"format": 2}'}), "its format is 2"),
        (repacked({**GOOD, SITES: b"\xff"}), "not UTF-8"),
        (repacked({**GOOD, SITES: b'[[site]]\nhost = "a"\n'}), "backends"),
        (repacked({**GOOD, "tls/roots/1/root.pem": b"x"}), "root 1 is not whole"),
        (
            repacked(
                {
                    **GOOD,
                    **{
                        f"tls/roots/1/{name}": b"x"
                        for name in ("root.pem", "intermediate.pem", "root.crt")
                    },
                }
            ),
            "root 1 is spoilt",
        ),
    ],
)
def test_what_is_no_backup_is_refused_with_the_reason(content: bytes, what: str) -> None:
    with pytest.raises(Refusal, match=what) as caught:
        unpack(content)
    assert caught.value.status == 422
    assert caught.value.way_out


def test_a_file_that_says_it_is_huge_is_not_read() -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:") as archive:
        member = tarfile.TarInfo(ABOUT)
        member.size = len(GOOD[ABOUT])
        archive.addfile(member, io.BytesIO(GOOD[ABOUT]))
        member = tarfile.TarInfo(SITES)
        member.size = 1 << 40
        plain.write(member.tobuf())
    with pytest.raises(Refusal, match="too large"):
        unpack(gzip.compress(plain.getvalue()))


def test_a_small_file_that_grows_without_end_is_not_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("appliance.backup.MAX_ALL_BYTES", 1 << 20)
    with pytest.raises(Refusal, match="too large"):
        unpack(gzip.compress(bytes(2 << 20)))


def test_a_state_folder_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = unpack(packed(make_box(tmp_path)))

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("appliance.backup.replace_file", fail)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(Refusal, match="No space left"):
        found.put_roots(other)
    assert root_pems(other) == []

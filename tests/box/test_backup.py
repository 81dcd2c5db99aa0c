"""A box's data in one file: there and back, and nothing from elsewhere."""

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.box.backup import MANIFEST, BackupError, reset, restore_backup, write_backup
from appliance.box.cli import main


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for name, content in (
        ("gatelight/sites.toml", "# sites\n"),
        ("gatelight/ca/root.key", "secret"),
        ("box/settings.json", "{}"),
        ("ssh/ssh_host_ed25519_key", "host key"),
        ("systemd/random-seed", "seed"),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (root / "gatelight/ca/root.key").chmod(0o600)
    (root / "machine-id").write_text("id")
    return root


def files(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def test_there_and_back(data: Path, tmp_path: Path) -> None:
    before, path = files(data), tmp_path / "box.tar.gz"
    assert main(["backup", str(path), "--data", str(data)]) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    (data / "gatelight/sites.toml").write_text("other")
    (data / "gatelight/later").touch()
    inode = (data / "gatelight").stat().st_ino
    assert main(["restore", str(path), "--data", str(data)]) == 0
    assert files(data) == before
    assert (data / "gatelight/ca/root.key").stat().st_mode & 0o777 == 0o600
    assert (data / "gatelight").stat().st_ino == inode


def test_a_reset_leaves_empty_folders_only(data: Path) -> None:
    assert main(["factory-reset", "--data", str(data)]) == 2
    assert files(data)
    assert main(["factory-reset", "--yes", "--data", str(data)]) == 0
    assert files(data) == {}
    assert {path.name for path in data.iterdir()} == {"box", "gatelight", "ssh", "systemd"}


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes], format: int = 1) -> Path:
    with tarfile.open(path, "w:gz") as opened:
        manifest = json.dumps({"format": format}).encode()
        for info, content in ((tarfile.TarInfo(MANIFEST), manifest), *members):
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    return path


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def named(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), b"x"


BAD: dict[str, Callable[[Path], object]] = {
    "cut short": lambda path: path.write_bytes(archive(path, named("box/a")).read_bytes()[:60]),
    "no archive": lambda path: path.write_bytes(b"hello"),
    "empty": lambda path: path.write_bytes(b""),
    "not there": lambda path: None,
    "climbing": lambda path: archive(path, named("box/../../etc/passwd")),
    "absolute": lambda path: archive(path, named("/etc/passwd")),
    "elsewhere": lambda path: archive(path, named("machine-id")),
    "a link": lambda path: archive(path, (link("box/a", "/etc/passwd"), b"")),
    "newer": lambda path: archive(path, named("box/a"), format=2),
    "without a manifest": lambda path: tarfile.open(path, "w:gz").close(),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_backup_changes_nothing(
    data: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, before = tmp_path / "box.tar.gz", files(data)
    BAD[kind](path)
    assert main(["restore", str(path), "--data", str(data)]) == 1
    assert "cannot be restored" in capsys.readouterr().err
    assert files(data) == before


def test_a_backup_that_cannot_be_written_leaves_nothing(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="cannot be written"):
        write_backup(data, tmp_path / "no/such/folder/box.tar.gz")
    full = tmp_path / "full"
    full.mkdir()
    (full / "box.tar.gz").mkdir()
    with pytest.raises(BackupError, match="cannot be written"):
        write_backup(data, full / "box.tar.gz")
    assert os.listdir(full) == ["box.tar.gz"]


def test_owners_travel_by_name(data: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("the tests' container runs as root")
    os.chown(data / "gatelight/sites.toml", 1, 1)
    path = tmp_path / "box.tar.gz"
    write_backup(data, path)
    reset(data)
    restore_backup(path, data)
    assert (data / "gatelight/sites.toml").stat().st_uid == 1

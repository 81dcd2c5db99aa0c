"""A box's data in one file: there and back, and nothing from elsewhere."""

import errno
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.box.backup import MANIFEST, BackupError, restore_backup, write_backup
from appliance.box.cli import main
from appliance.box.next_start import reset, settle


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for name, content in (
        ("gatelight/sites.toml", "# sites\n"),
        ("gatelight/ca/root.key", "secret"),
        ("box/settings.json", '{"mark": "", "mode": "", "tables": {}}'),
        ("ssh/ssh_host_ed25519_key", "host key"),
        ("systemd/random-seed", "seed"),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (root / "gatelight/ca/root.key").chmod(0o600)
    (root / "machine-id").write_text("id")
    return root


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    """The box's root, with tools that write down that they ran."""
    root = tmp_path / "root"
    (root / "boot/firmware").mkdir(parents=True)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("mount", "gatelight-hdmi", "systemctl", "valkey-cli"):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >>{root}/told\necho active\n')
        tool.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
        yield root


def told(root: Path) -> list[str]:
    return (root / "told").read_text().splitlines()


def files(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def test_there_and_back(data: Path, own: Path, tmp_path: Path) -> None:
    before, path = files(data), tmp_path / "box.tar.gz"
    assert main(["backup", str(path), "--data", str(data)]) == 0
    assert told(own) == ["systemctl is-active valkey-server", "valkey-cli save"]
    assert path.stat().st_mode & 0o777 == 0o600
    (data / "gatelight/sites.toml").write_text("other")
    (data / "gatelight/later").touch()
    inode = (data / "gatelight").stat().st_ino
    assert main(["restore", str(path), "--data", str(data)]) == 0
    # What runs may write until the restart.
    (data / "gatelight/last words").touch()
    assert (data / "gatelight/sites.toml").read_text() == "other"
    assert settle(data)
    assert files(data) == before
    assert (data / "gatelight/ca/root.key").stat().st_mode & 0o777 == 0o600
    assert (data / "gatelight").stat().st_ino == inode
    assert not settle(data)


def test_a_reset_leaves_empty_folders_only(data: Path, own: Path) -> None:
    assert main(["factory-reset", "--data", str(data)]) == 2
    assert files(data)
    reset_it = ["factory-reset", "--yes", "--root", str(own), "--data", str(data)]
    assert main(reset_it) == 0
    assert "gatelight-hdmi reset --yes --no-try" in told(own)
    (data / "gatelight/last words").touch()
    assert settle(data)
    assert files(data) == {}
    assert {path.name for path in data.iterdir()} == {"box", "gatelight", "ssh", "systemd"}


def test_a_reset_leaves_no_backup_behind(data: Path) -> None:
    (data / "box.tar.gz").touch()
    (data / ".hidden").mkdir()
    (data / ".hidden/key").touch()
    reset(data)
    settle(data)
    assert files(data) == {}


def test_settings_come_to_a_card_with_another_inbox(data: Path, tmp_path: Path) -> None:
    """What the box wants comes from the backup; what was done to this card is this card's."""
    settings, path = data / "box/settings.json", tmp_path / "box.tar.gz"
    settings.write_text('{"mark": "old", "mode": "1280x720@60", "tables": {"box": {}}}')
    write_backup(data, path)
    for present, kept in (
        ('{"mark": "new", "mode": "", "tables": {}}', {"mark": "new", "mode": ""}),
        ("spoilt", {"mark": "", "mode": ""}),
        ("[]", {"mark": "", "mode": ""}),
    ):
        settings.write_text(present)
        restore_backup(path, data)
        settle(data)
        assert json.loads(settings.read_text()) == {"tables": {"box": {}}, **kept}


def test_what_services_began_anew_is_in_nobody_s_way(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "box.tar.gz"
    write_backup(data, path)
    restore_backup(path, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.box.next_start._move", fail)
        with pytest.raises(OSError, match="Input/output"):
            settle(data)
    (data / "gatelight/ca").mkdir(exist_ok=True)
    (data / "gatelight/ca/anew").touch()
    (data / "gatelight/sites.toml").write_text("anew")
    assert settle(data)
    assert (data / "gatelight/sites.toml").read_text() == "# sites\n"
    assert not (data / "gatelight/ca/anew").exists()


def fail(*folders: Path) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("is_reset", [False, True], ids=["restore", "reset"])
def test_a_power_cut_while_one_asks_again_leaves_one_wish_or_none(
    data: Path, tmp_path: Path, is_reset: bool
) -> None:
    path, cuts, before = tmp_path / "box.tar.gz", 0, files(data)
    del before["machine-id"]
    write_backup(data, path)
    while True:
        restore_backup(path, data)
        with pytest.MonkeyPatch.context() as patch:
            cut_after(cuts, patch)
            try:
                if is_reset:
                    reset(data)
                else:
                    restore_backup(path, data)
                break
            except PowerCut:
                cuts += 1
        settle(data)
        found = files(data)
        found.pop("machine-id", None)
        assert found == before or (is_reset and not found)
        if not found:
            break
    assert cuts > 3


def test_the_last_wish_counts(data: Path, tmp_path: Path) -> None:
    before, path = files(data), tmp_path / "box.tar.gz"
    write_backup(data, path)
    reset(data)
    restore_backup(path, data)
    settle(data)
    assert files(data) == {name: text for name, text in before.items() if name != "machine-id"}


class PowerCut(BaseException):
    """Nothing is done any more from here on."""


STEPS = ("unlink", "rmdir", "rename", "mkdir")


def cut_after(steps: int, patch: pytest.MonkeyPatch) -> None:
    """The power goes before step number `steps` of what changes a file system."""
    left = iter(range(steps))

    def guarded(step: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object, **more: object) -> object:
            if next(left, None) is None:
                raise PowerCut
            return step(*arguments, **more)

        return run

    for name in STEPS:
        patch.setattr(os, name, guarded(getattr(os, name)))


@pytest.mark.parametrize("is_reset", [False, True], ids=["restore", "reset"])
def test_a_power_cut_at_any_step_is_made_good(data: Path, tmp_path: Path, is_reset: bool) -> None:
    path, cuts = tmp_path / "box.tar.gz", 0
    write_backup(data, path)
    while True:
        shutil.rmtree(data / "gatelight/later", ignore_errors=True)
        (data / "gatelight/later").mkdir()
        (data / "gatelight/later/file").touch()
        if is_reset:
            reset(data)
        else:
            restore_backup(path, data)
        with pytest.MonkeyPatch.context() as patch:
            cut_after(cuts, patch)
            try:
                settle(data)
                break
            except PowerCut:
                cuts += 1
        settle(data)
        kept = files(data)
        assert "gatelight/later/file" not in kept
        if is_reset:
            assert kept == {}
        else:
            assert {"gatelight/sites.toml", "gatelight/ca/root.key", "box/settings.json"} <= {*kept}
        assert not [entry for entry in data.iterdir() if entry.name.startswith(".")]
    assert cuts > 3


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
    "other settings": lambda path: archive(path, (tarfile.TarInfo("box/settings.json"), b"[]")),
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
    settle(data)
    restore_backup(path, data)
    settle(data)
    assert (data / "gatelight/sites.toml").stat().st_uid == 1

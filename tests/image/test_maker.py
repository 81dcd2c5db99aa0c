"""The build's own parts: mirrors, the kept base, sizes, papers, and what a boot needs."""

import http.server
import os
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from maker import cli, running
from maker.base import checksum, is_sound, progress, sum_path
from maker.card import choose_boot_files, emulated_command_line, first_partition
from maker.disk import (
    BOOT_BYTES,
    DATA_BYTES,
    genimage_config,
    root_bytes,
    stamp_inodes,
    used_inodes,
)
from maker.errors import BuildError
from maker.mirror import check_mirror, choose_mirrors
from maker.papers import make_manifest, make_sbom, parse_distributions, parse_packages
from maker.running import last_words, run
from maker.system import drop_scripts, newest_time, set_days, set_times

MIB = 1 << 20


@pytest.mark.parametrize(
    ("targets", "mirrors"),
    [
        (
            [
                "http://m.test/debian bookworm",
                "http://m.test/debian bookworm-updates",
                "http://m.test/debian-security bookworm-security",
            ],
            ("http://m.test/debian", "http://m.test/debian-security"),
        ),
        (
            ["http://other.test/node nodistro", "http://m.test/debian trixie"],
            ("http://m.test/debian", ""),
        ),
        (["http://other.test/node nodistro"], ("", "")),
        ([], ("", "")),
    ],
    ids=["usual", "others too", "only others", "none"],
)
def test_the_mirror_is_the_machine_s_own(targets: list[str], mirrors: tuple[str, str]) -> None:
    assert choose_mirrors(targets) == mirrors


class Mirror(http.server.BaseHTTPRequestHandler):
    """Has trixie for the architectures that are the first part of its path."""

    def do_GET(self) -> None:
        has, _, rest = self.path.strip("/").partition("/")
        if rest != "dists/trixie/Release" or has == "empty":
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"Origin: Debian\nArchitectures: all {has}\n".encode())

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def mirror() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_mirror_with_arm64_is_good(mirror: str) -> None:
    check_mirror(f"{mirror}/arm64")


@pytest.mark.parametrize(
    ("folder", "words"), [("amd64", "has no arm64"), ("empty", "has no Debian trixie (404)")]
)
def test_a_mirror_without_it_is_told_of(mirror: str, folder: str, words: str) -> None:
    with pytest.raises(BuildError) as caught:
        check_mirror(f"{mirror}/{folder}")
    assert words in str(caught.value)


def test_a_mirror_that_cannot_be_reached_is_told_of(mirror: str) -> None:
    with pytest.raises(BuildError, match="cannot be reached"):
        check_mirror("http://127.0.0.1:1/debian")


def test_no_room_is_told_of_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "TOOLS", ("sh",))
    monkeypatch.setattr(cli, "NEEDED_BYTES", 1 << 60)
    assert cli.main(["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("gatelight: there is not enough room in ")
    assert said.count("\n") == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_a_tool_that_is_missing_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "TOOLS", ("no-such-tool",))
    assert cli.main(["--out", str(tmp_path), "--cache", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "gatelight: no-such-tool is not installed: run image-build/setup\n"
    )


def test_a_build_that_fails_leaves_nothing_under_a_final_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kept base is an archive that cannot be unpacked."""
    base = tmp_path / "base.tar"
    base.write_bytes(b"no tar")
    monkeypatch.setattr(cli, "TOOLS", ("sh",))
    monkeypatch.setattr(cli, "have_base", lambda options, log: base)
    out = tmp_path / "out"
    assert cli.main(["--out", str(out), "--cache", str(tmp_path)]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[")]
    assert len(lines) == 1
    assert lines[0].startswith("gatelight: tar failed (")
    assert [path.suffix for path in out.iterdir()] == [".log"]


def test_a_damaged_base_is_noticed(tmp_path: Path) -> None:
    base = tmp_path / "base-1.tar"
    base.write_bytes(b"good" * 1000)
    sum_path(base).write_text(checksum(base))
    assert is_sound(base)
    base.write_bytes(b"good" * 999)
    assert not is_sound(base)
    sum_path(base).unlink()
    assert not is_sound(base)


def test_a_tool_s_telling_line_is_the_one_that_is_shown(tmp_path: Path) -> None:
    assert last_words("I: working\nE: no room left\nI: giving up\n") == "E: no room left"
    assert last_words("one\ntwo\n\n") == "two"
    assert last_words("") == "it said nothing"
    with pytest.raises(BuildError, match=r"^sh failed \(E: broken\): all it said is in "):
        run(["sh", "-c", "echo E: broken; exit 3"], tmp_path / "log")


def test_long_work_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Get:1 http://m.test a\nGet:2 http://m.test b\n0 upgraded, 2 newly installed\n"
    assert progress(said) == "  2 files fetched"
    said += "Unpacking a (1) ...\nUnpacking b (1) ...\nSetting up a (1) ...\n"
    assert progress(said) == "  of 2 packages 2 are unpacked, 1 set up"
    lines: list[str] = []
    monkeypatch.setattr(running, "say", lines.append)
    monkeypatch.setattr(running, "TELL_S", 0.01)
    wait = 'echo one; while [ ! -e "$1" ]; do sleep 0.01; done'

    def tell(so_far: str) -> str:
        if not so_far:
            return ""
        (tmp_path / "go").touch()
        return f"said {so_far.strip()}"

    run(["sh", "-c", wait, "wait", str(tmp_path / "go")], tmp_path / "log", tell=tell)
    assert lines == ["said one"]


def test_root_has_room_for_updates_and_the_card_is_filled() -> None:
    assert root_bytes(600 * MIB, None) > 700 * MIB
    whole = root_bytes(600 * MIB, 4096 * MIB)
    assert BOOT_BYTES + DATA_BYTES + whole < 4096 * MIB
    with pytest.raises(BuildError, match="--size is too small"):
        root_bytes(1700 * MIB, 2048 * MIB)


def test_root_is_the_last_partition() -> None:
    card = genimage_config(1 << 30).partition("image card.img")[2]
    order = [card.index(f"partition {name}") for name in ("boot", "data", "root")]
    assert order == sorted(order)


def test_what_the_build_has_made_has_the_source_s_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "packaged").touch()
    os.utime(tmp_path / "packaged", (900_000_000, 900_000_000))
    moment = newest_time(tmp_path)
    (tmp_path / "a/link").symlink_to("nowhere")
    (tmp_path / "a/file").touch()
    set_times(tmp_path, moment, 1_000_000_000)
    times = {path.name: path.lstat().st_mtime for path in (tmp_path, *tmp_path.rglob("*"))}
    assert times.pop("packaged") == 900_000_000
    assert set(times.values()) == {1_000_000_000}
    assert len(times) == 4


def test_no_command_names_this_machine_s_python(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/tool").write_text("#!/somewhere/python")
    record = tmp_path / "tool-1.dist-info/RECORD"
    record.parent.mkdir()
    record.write_text("../../bin/tool,sha256=1,1\ntool/bin.py,sha256=2,2\n")
    drop_scripts(tmp_path)
    assert record.read_text() == "tool/bin.py,sha256=2,2\n"
    assert not (tmp_path / "bin").exists()


def test_the_day_of_the_build_is_in_no_account(tmp_path: Path) -> None:
    shadow = tmp_path / "shadow"
    shadow.write_text("root:*:20785:0:99999:7:::\ngatelight:!*:20786::::::\nold:!::::::0:\n")
    set_days(shadow, 20_000 * 86400 + 5)
    days = [line.split(":")[2] for line in shadow.read_text().splitlines()]
    assert days == ["20000", "20000", ""]
    assert shadow.read_text().endswith("old:!::::::0:\n")


def test_a_file_system_is_the_same_whenever_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
    time_s = 1_000_000_000
    env = os.environ | {"E2FSPROGS_FAKE_TIME": str(time_s), "TZ": "UTC"}
    uuid = "6a7e0003-0000-4000-8000-000000000003"
    images = []
    for turn in ("first", "second"):
        root, image = tmp_path / turn, tmp_path / f"{turn}.ext4"
        (root / "folder").mkdir(parents=True)
        (root / "folder/file").write_text("as before")
        (root / "link").symlink_to("folder/file")
        set_times(root, 0, time_s)
        image.touch()
        os.truncate(image, 8 * MIB)
        make = ["mke2fs", "-q", "-t", "ext4", "-U", uuid, "-E", f"hash_seed={uuid}", "-d"]
        run([*make, str(root), str(image)], tmp_path / "log", env)
        stamp_inodes(str(image), tmp_path / "script", time_s, tmp_path / "log", env)
        images.append(image)
        # A ctime has nanoseconds, an inode's stamp here whole seconds.
        time.sleep(1.1)
    assert images[0].read_bytes() == images[1].read_bytes()
    stat = ["debugfs", "-R", "stat /folder/file", str(images[0])]
    told = subprocess.run(stat, capture_output=True, text=True, check=True, env=env).stdout
    assert told.count(f": {time_s:#x}:00000000") == 4


@pytest.mark.parametrize(
    ("told", "used"),
    [
        ("Inode count: 8\n  Free inodes: 3-5, 7\n  Free inodes: \n", [1, 2, 6, 8]),
        ("Inode count: 2\n  Free inodes: \n", [1, 2]),
        ("dumpe2fs: Bad magic number\n", []),
    ],
    ids=["some", "full", "no file system"],
)
def test_inodes_in_use_are_those_that_are_not_free(told: str, used: list[int]) -> None:
    assert used_inodes(told) == used


STATUS = """\
Package: bash
Status: install ok installed
Version: 5.2.37-2

Package: gone
Status: deinstall ok config-files
Version: 1

Package: apt
Status: install ok installed
Version: 3.0.3
"""


def test_the_list_of_parts_has_what_is_installed() -> None:
    debian = parse_packages(STATUS)
    assert debian == [("apt", "3.0.3"), ("bash", "5.2.37-2")]
    python = parse_distributions(["luma_oled-3.16.0.dist-info", "luma", "redis-8.1.0.dist-info"])
    assert python == [("luma-oled", "3.16.0"), ("redis", "8.1.0")]
    table = make_sbom("gatelight", 1_000_000_000, debian, python)
    ids = [package["SPDXID"] for package in table["packages"]]
    assert len(set(ids)) == len(ids) == 4
    assert table["creationInfo"]["created"] == "2001-09-09T01:46:40Z"


def test_the_imager_is_told_the_sums_of_what_it_writes() -> None:
    table = make_manifest("0.1.0", "a.img.xz", ("pi3", "pi4", "pi400"), 0, (4096, "ab"), 100)
    (system,) = table["os_list"]
    assert (system["extract_size"], system["extract_sha256"]) == (4096, "ab")
    assert system["devices"] == ["pi3-64bit", "pi4-64bit"]
    assert system["init_format"] == "none"


def test_the_first_partition_is_found() -> None:
    table = bytearray(512)
    struct.pack_into("<II", table, 446 + 8, 8192, 100)
    table[510:] = b"\x55\xaa"
    assert first_partition(bytes(table)) == 8192 * 512
    with pytest.raises(BuildError, match="no image of a card"):
        first_partition(bytes(512))


def test_the_newest_kernel_with_its_initramfs_boots() -> None:
    names = ["vmlinuz-6.12.1", "initrd.img-6.12.1", "vmlinuz-6.12.2", "config.txt"]
    assert choose_boot_files(names) == ("vmlinuz-6.12.1", "initrd.img-6.12.1")
    with pytest.raises(BuildError, match="no kernel"):
        choose_boot_files(["config.txt"])


def test_the_command_line_is_the_image_s_own_but_for_the_console() -> None:
    text = "console=tty0 console=ttyS1,115200 root=LABEL=gatelight-root rw quiet ro\n"
    assert emulated_command_line(text) == (
        "console=ttyAMA0,115200 console=tty0 root=LABEL=gatelight-root rw ro systemd.watchdog_sec=0"
    )

"""The lists that the image is made of."""

import re
from pathlib import Path

import pytest
from maker.layers import BASE_FILES, HERE, LAYERS, base_key, parse_list, read_list, source_lines
from maker.options import parse_options
from maker.system import DATA_FOLDERS, add_ssh_key, copy_tree, install_units, parse_entry_points

from appliance.box.backup import FOLDERS
from appliance.box.derive import derive_system
from appliance.box.inbox import parse_inbox
from tests.support.box import ROOT

LISTS = sorted(path.name for path in LAYERS.iterdir())


@pytest.mark.parametrize("name", LISTS)
def test_a_list_says_what_it_is_for_and_names_each_thing_once(name: str) -> None:
    text = (LAYERS / name).read_text()
    assert text.startswith("# ")
    entries = parse_list(text)
    assert entries
    assert len(set(entries)) == len(entries)


def test_every_unit_of_ours_that_can_be_enabled_is(tmp_path: Path) -> None:
    install_units(tmp_path)
    units = tmp_path / "etc/systemd/system"
    ours = {path.name for path in units.iterdir() if "[Install]" in path.read_text()}
    assert ours
    assert ours <= set(read_list("units.list"))


def test_nothing_is_both_on_and_off() -> None:
    on, off, masked = (
        set(read_list(f"{name}.list")) for name in ("units", "units-off", "units-masked")
    )
    assert not on & (off | masked)
    assert not off & masked


def test_the_base_is_made_anew_when_what_it_is_made_of_changes() -> None:
    sources = source_lines("http://mirror.test/debian", "", "stable")
    plain = base_key(parse_options([]), sources)
    assert plain == base_key(parse_options([]), sources)
    others = [
        base_key(parse_options(["--package", "htop"]), sources),
        base_key(parse_options(["--kernel", "backports"]), sources),
        base_key(parse_options([]), source_lines("http://other.test/debian", "", "stable")),
    ]
    assert len({plain, *others}) == 4


def test_the_card_s_file_is_good_as_it_is_and_with_every_line_in_use() -> None:
    text = (HERE / "overlay/boot/firmware/gatelight.toml").read_text()
    assert parse_inbox(text.encode(), "f").sites == {}
    used = re.sub(r"^#(?=[\w\[])", "", text, flags=re.MULTILINE)
    used = used.replace("ssh-ed25519 AAAA...", "ssh-ed25519 AAAA")
    inbox = parse_inbox(used.encode(), "f")
    assert inbox.box.wifi.password
    assert list(inbox.sites) == ["photos.home.arpa"]


def test_a_key_given_to_the_build_stands_in_the_card_s_file(tmp_path: Path) -> None:
    copy_tree(HERE / "overlay", tmp_path)
    inbox = tmp_path / "boot/firmware/gatelight.toml"
    add_ssh_key(inbox, "ssh-ed25519 AAAA me")
    assert parse_inbox(inbox.read_bytes(), "f").box.ssh_keys == ("ssh-ed25519 AAAA me",)


def test_the_data_partition_has_the_folders_of_the_code_and_of_the_mounts() -> None:
    assert set(FOLDERS) <= set(DATA_FOLDERS)
    mounts = (HERE / "overlay/etc/fstab").read_text()
    assert set(re.findall(r"^/data/(\w+)", mounts, re.MULTILINE)) <= set(DATA_FOLDERS)


def test_what_the_box_writes_is_what_the_image_reads() -> None:
    """Names that stand in the code and in the overlay's files."""
    files = derive_system({}).files
    assert (
        "/etc/ssh/gatelight_keys"
        in (HERE / "overlay/etc/ssh/sshd_config.d/gatelight.conf").read_text()
    )
    assert "etc/ssh/gatelight_keys" in files
    assert (
        'include "/etc/gatelight/nftables.d/*.nft"'
        in (HERE / "overlay/etc/nftables.conf").read_text()
    )
    assert "etc/gatelight/nftables.d/ssh.nft" in files


def test_the_initramfs_script_mounts_root_where_it_is_grown() -> None:
    from appliance.box.grow import ROOT_LABEL, ROOT_MOUNT

    script = (BASE_FILES / "etc/initramfs-tools/scripts/init-bottom/gatelight").read_text()
    assert f"memory=/{ROOT_MOUNT.rpartition('/')[0]}\n" in script
    assert (
        f'ROOTPART="LABEL={ROOT_LABEL}"' in (BASE_FILES / "etc/default/raspi-firmware").read_text()
    )


def test_every_command_of_the_project_is_installed() -> None:
    text = (
        "[console_scripts]\ngatelight = appliance.cli:main\n"
        "gatelight-box = appliance.box.cli:main\n\n[other]\nx = y:z\n"
    )
    assert parse_entry_points(text) == [
        ("gatelight", "appliance.cli", "main"),
        ("gatelight-box", "appliance.box.cli", "main"),
    ]
    assert (ROOT / "image-build/build").stat().st_mode & 0o100

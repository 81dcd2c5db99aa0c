"""Root takes the whole card: only where there is room, and in the order that is safe."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.box.grow import grow_root, is_to_grow, split_partition

MIB = 2048


@pytest.mark.parametrize(
    ("name", "parts"),
    [("mmcblk0p3", ("mmcblk0", 3)), ("sda3", ("sda", 3)), ("nvme0n1p12", ("nvme0n1", 12))],
)
def test_a_partition_has_a_disk(name: str, parts: tuple[str, int]) -> None:
    assert split_partition(name) == parts


@pytest.mark.parametrize("name", ["mmcblk0", "sda", "", "loop"])
def test_a_disk_is_no_partition(name: str) -> None:
    with pytest.raises(ValueError, match="no partition"):
        split_partition(name)


@pytest.mark.parametrize(
    ("disk", "start", "size", "expected"),
    [
        (2048 * MIB, 600 * MIB, 1000 * MIB, True),
        (1608 * MIB, 600 * MIB, 1000 * MIB, False),
        (1600 * MIB, 600 * MIB, 1000 * MIB, False),
    ],
    ids=["a larger card", "a little left", "grown already"],
)
def test_only_room_worth_having_is_taken(disk: int, start: int, size: int, expected: bool) -> None:
    assert is_to_grow(disk, start, size) is expected


def make_card(root: Path, disk: int) -> None:
    (root / "dev/disk/by-label").mkdir(parents=True)
    (root / "dev/mmcblk0p3").touch()
    (root / "dev/disk/by-label/gatelight-root").symlink_to("../../mmcblk0p3")
    for name, numbers in {
        "mmcblk0": {"size": disk},
        "mmcblk0p3": {"start": 600 * MIB, "size": 1000 * MIB},
    }.items():
        folder = root / "sys/class/block" / name
        folder.mkdir(parents=True)
        for key, number in numbers.items():
            (folder / key).write_text(f"{number}\n")


def test_it_is_done_in_order_and_root_is_read_only_again(tmp_path: Path) -> None:
    make_card(tmp_path, 4096 * MIB)
    done: list[str] = []

    def run(command: Sequence[str], content: str) -> bool:
        done.append(" ".join(command[:3]))
        return command[0] != "resize2fs"

    assert not grow_root(tmp_path, run)
    assert [each.split()[0] for each in done] == ["sfdisk", "partx", "mount", "resize2fs", "mount"]
    assert "remount,ro" in done[-1]


def test_a_card_that_is_full_is_left_alone(tmp_path: Path) -> None:
    make_card(tmp_path, 1600 * MIB)
    assert grow_root(tmp_path, lambda command, content: pytest.fail("nothing is to be done"))

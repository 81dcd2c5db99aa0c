"""Our part of a file, put into another version of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.hdmi.config_edit import COMMENTED, edit_config
from display.hdmi.parts import part_of, put_part

MODE = {"hdmi_mode:0": "35"}
WITH = edit_config(b"a=1\n", MODE)
VIDEO = b"root=a video=HDMI-A-1:1x1\n"

PUT = [
    ("a block into another version", "config.txt", b"b=2\n", WITH, edit_config(b"b=2\n", MODE)),
    ("a block out of it", "config.txt", WITH + b"b=2\n", b"a=1\n", b"a=1\nb=2\n"),
    ("another block", "config.txt", edit_config(b"b=2\n", {"hdmi_mode:0": "4"}), WITH, edit_config(b"b=2\n", MODE)),
    ("comments of ours out of it", "config.txt", COMMENTED + b"hdmi_mode=1\nb=2\n", b"hdmi_mode=1\n", b"hdmi_mode=1\nb=2\n"),
    ("an argument into a line", "cmdline.txt", b"root=b quiet\n", VIDEO, b"root=b quiet video=HDMI-A-1:1x1\n"),
    ("an argument out of a line", "cmdline.txt", b"root=b video=HDMI-A-1:1x1 q\n", b"root=a\n", b"root=b q\n"),
    ("no file before, nothing else since", "/etc/default/raspi-firmware-custom", edit_config(b"", MODE), None, None),
    ("no file before, a line since", "/etc/default/raspi-firmware-custom", WITH, None, b"a=1\n"),
    ("no line before, a word since", "/etc/default/raspi-extra-cmdline", VIDEO, None, b"root=a\n"),
    ("a file only we write", "/lib/firmware/e.bin", b"1", b"2", b"2"),
    ("a file that is gone", "config.txt", None, WITH, WITH),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "found", "wanted", "put"), [row[1:] for row in PUT], ids=[row[0] for row in PUT]
)
def test_our_part_is_put(path: str, found: bytes, wanted: bytes, put: bytes) -> None:
    assert put_part(path, found, wanted) == put


WORDS = st.lists(
    st.sampled_from(
        [b"a=1", b"quiet", b"video=HDMI-A-1:1x1", b"video=HDMI-A-2:e", b"video=DSI-1:d"]
    ),
    max_size=5,
)


@given(WORDS, WORDS)
def test_the_part_of_a_line_is_the_wanted_one_and_all_else_stays(
    found: list[bytes], wanted: list[bytes]
) -> None:
    line, other = b" ".join(found) + b"\n", b" ".join(wanted) + b"\n"
    put = put_part("cmdline.txt", line, other)
    assert put is not None
    assert part_of("cmdline.txt", put) == part_of("cmdline.txt", other)

    def foreign(words: list[bytes]) -> list[bytes]:
        return [word for word in words if not word.startswith(b"video=HDMI")]

    assert foreign(put.split()) == foreign(found)

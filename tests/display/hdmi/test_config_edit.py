"""Edits of config.txt: byte for byte what is expected, over many shapes of file."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from display.hdmi.config_edit import (
    BEGIN,
    COMMENTED,
    END,
    block_settings,
    edit_config,
    strip_ours,
    uncomment,
)
from display.hdmi.config_eval import evaluate
from display.hdmi.config_filters import Board
from display.hdmi.config_txt import MAX_LINE_BYTES, parse_config
from display.hdmi.models import MODELS

MODE = {"hdmi_group:0": "2", "hdmi_mode:0": "35"}
BLOCK = BEGIN + b"\n[all]\nhdmi_group=2\nhdmi_mode=35\n" + END + b"\n"
JOINED = b"\n" + BEGIN + b" (+1)\n[all]\nhdmi_group=2\nhdmi_mode=35\n" + END + b"\n"
CRLF = BLOCK.replace(b"\n", b"\r\n")
EMPTY = BEGIN + b"\n[all]\n" + END + b"\n"

SHAPES = [
    ("empty", b"", BLOCK),
    ("one line", b"a=1\n", b"a=1\n" + BLOCK),
    ("no last line end", b"a=1", b"a=1" + JOINED),
    ("ends in a section", b"[pi3]\na=1\n", b"[pi3]\na=1\n" + BLOCK),
    ("ends with a section and no line end", b"[pi3]", b"[pi3]" + JOINED),
    ("blank lines at the end", b"a=1\n\n\n", b"a=1\n\n\n" + BLOCK),
    ("carriage returns", b"a=1\r\nb=2\r\n", b"a=1\r\nb=2\r\n" + CRLF),
    ("carriage returns first, then none", b"a=1\r\nb=2\n", b"a=1\r\nb=2\n" + CRLF),
    ("UTF-8", b"# \xc3\xa9cran\n", b"# \xc3\xa9cran\n" + BLOCK),
    ("Latin-1", b"# \xe9cran\n", b"# \xe9cran\n" + BLOCK),
    ("a key without =", b"arm_64bit\n", b"arm_64bit\n" + BLOCK),
    ("zero bytes", b"\0\0\n", b"\0\0\n" + BLOCK),
    ("31 KB", b"# " + b"x" * 70 + b"\n" * 31000, b"# " + b"x" * 70 + b"\n" * 31000 + BLOCK),
    ("a mode of its own", b"hdmi_mode=19\n", b"hdmi_mode=19\n" + BLOCK),
]


@pytest.mark.parametrize(
    ("before", "after"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES]
)
def test_the_block_is_added_at_the_end_and_taken_out_again(before: bytes, after: bytes) -> None:
    assert edit_config(before, MODE) == after
    assert edit_config(after, MODE) == after
    assert edit_config(after, {}) == before
    assert block_settings(after) == MODE


LATER = [
    (
        "another tool added a line",
        BLOCK + b"a=1\n",
        b"a=1\n" + BLOCK,
        b"a=1\n",
    ),
    (
        "a line was added, and the block decided its section",
        b"[pi3]\n" + BLOCK + b"a=1\n",
        b"[pi3]\n" + EMPTY + b"a=1\n" + BLOCK,
        b"[pi3]\n" + EMPTY + b"a=1\n",
    ),
    (
        "an include may have ended in a section",
        b"include e.txt\n" + BLOCK + b"a=1\n",
        b"include e.txt\n" + EMPTY + b"a=1\n" + BLOCK,
        b"include e.txt\n" + EMPTY + b"a=1\n",
    ),
    (
        "a section was added",
        b"[pi3]\n" + BLOCK + b"[all]\na=1\n",
        b"[pi3]\n[all]\na=1\n" + BLOCK,
        b"[pi3]\n[all]\na=1\n",
    ),
    (
        "a comment was added",
        b"[pi3]\n" + BLOCK + b"# b\n",
        b"[pi3]\n# b\n" + BLOCK,
        b"[pi3]\n# b\n",
    ),
    (
        "a line was added to a file that had no last line end",
        b"x=1" + JOINED + b"a=1\n",
        b"x=1\na=1\n" + BLOCK,
        b"x=1\na=1\n",
    ),
    (
        "a foreign line in the block is kept",
        BEGIN + b"\n[all]\nhdmi_mode=4\ndtoverlay=x\n" + END + b"\n",
        b"dtoverlay=x\n" + BLOCK,
        b"dtoverlay=x\n",
    ),
    (
        "the end mark is gone",
        BEGIN + b"\n[all]\nhdmi_mode=4\na=1\nhdmi_mode=5\n",
        b"a=1\nhdmi_mode=5\n" + BLOCK,
        b"a=1\nhdmi_mode=5\n",
    ),
    (
        "the block's own section is gone: its lines are in somebody's",
        b"[HDMI:1]\n" + BEGIN + b"\nhdmi_mode=4\n" + END + b"\n",
        b"[HDMI:1]\nhdmi_mode=4\n" + BLOCK,
        b"[HDMI:1]\nhdmi_mode=4\n",
    ),
    (
        "somebody's section in the block",
        BEGIN + b"\n[all]\n[pi3]\nhdmi_mode=4\n" + END + b"\n",
        b"[pi3]\nhdmi_mode=4\n" + BLOCK,
        b"[pi3]\nhdmi_mode=4\n",
    ),
    ("two blocks", BLOCK + b"a=1\n" + BLOCK, b"a=1\n" + BLOCK, b"a=1\n"),
]


@pytest.mark.parametrize(
    ("found", "edited", "stripped"), [row[1:] for row in LATER], ids=[row[0] for row in LATER]
)
def test_what_others_did_since_is_kept(found: bytes, edited: bytes, stripped: bytes) -> None:
    assert edit_config(found, MODE) == edited
    assert edit_config(edited, MODE) == edited
    assert strip_ours(found) == stripped
    assert strip_ours(stripped) == stripped


def test_older_lines_are_commented_out() -> None:
    before = b"a=1\nhdmi_mode=19"
    after = edit_config(before, MODE, {2})
    assert after == b"a=1\n" + COMMENTED + b"hdmi_mode=19" + JOINED
    assert edit_config(after, MODE) == after
    assert strip_ours(after) == b"a=1\n" + COMMENTED + b"hdmi_mode=19"
    assert uncomment(strip_ours(after)) == before
    assert uncomment(after, keep=[COMMENTED + b"hdmi_mode=19"]) == after


def test_a_port_other_than_the_first_is_named() -> None:
    assert b"\nhdmi_mode:1=16\n" in edit_config(b"", {"hdmi_mode:1": "16"})


def test_lines_of_the_block_are_read_whole() -> None:
    timings = "hdmi_timings:1", " ".join(["4096"] * 12 + ["0", "0", "60", "0", "594000000", "3"])
    lines = parse_config(edit_config(b"a", dict([timings])))
    assert [line.text for line in lines if len(line.text) > MAX_LINE_BYTES] == []


FRAGMENTS = st.sampled_from(
    [
        b"a=1",
        b"hdmi_mode=5",
        b"hdmi_group:1=1",
        b"hdmi_mode:0=8",
        b"hdmi_safe=1",
        b"# c",
        b"",
        b"[all]",
        b"[pi3]",
        b"[pi4]",
        b"[none]",
        b"[HDMI:1]",
        b"[EDID=A-B]",
        b"[wibble]",
        b"junk",
        b"include e.txt",
        b"dtoverlay=x",
        BEGIN,
        END,
        COMMENTED + b"hdmi_mode=9",
        b"\xff\xfe=\0",
        b"disable_overscan=1",
    ]
)
FILES = st.builds(
    lambda lines, end, last: end.join(lines) + (end if last else b""),
    st.lists(FRAGMENTS, max_size=14),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
WANTED = st.dictionaries(
    st.sampled_from(["hdmi_group:0", "hdmi_mode:0", "hdmi_mode:1", "disable_overscan"]),
    st.integers(0, 99).map(str),
    min_size=1,
)


@given(FILES, FILES, WANTED, st.sampled_from(["pi3", "pi4", "pi5"]))
@example(b"[pi3]\n" + BLOCK + b"a=1\n", b"", MODE, "pi4")
def test_the_asked_values_hold_and_all_others_stay(
    data: bytes, included: bytes, wanted: dict[str, str], model: str
) -> None:
    """The evaluator of the file's meaning decides, on each model."""
    board = Board(MODELS[model])
    before = evaluate({"config.txt": strip_ours(data), "e.txt": included}, board)
    edited = edit_config(data, wanted)
    assert evaluate({"config.txt": edited, "e.txt": included}, board) == {**before, **wanted}
    assert edit_config(edited, wanted) == edited
    assert strip_ours(edited) == strip_ours(data)

"""The history: every step can be taken back, and a power cut leaves nothing half-done."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from display.hdmi.config_edit import edit_config
from display.hdmi.errors import HdmiError
from display.hdmi.history import MAX_ENTRIES, History, Places
from display.hdmi.steps import Entry, is_torn, parse_entry, undoable

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
OLD = {"config.txt": b"hdmi_mode=19\n", "cmdline.txt": b"root=a\n"}
NEW = {"config.txt": b"hdmi_mode=35\n" * 99, "cmdline.txt": b"root=a video=b\n"}


@pytest.fixture
def history(tmp_path: Path) -> History:
    for name, data in OLD.items():
        (tmp_path / name).write_bytes(data)
    history = History(Places(tmp_path), lambda: NOON)
    with history.locked():
        pass
    return history


def files(history: History) -> dict[str, bytes]:
    boot = history.places.boot
    return {path.name: path.read_bytes() for path in boot.iterdir() if path.is_file()}


def test_a_change_is_written_with_its_time_and_what_was_asked(history: History) -> None:
    entry = history.apply("set --mode 1280x1024@60", NEW)
    assert files(history) == NEW
    assert entry is not None
    assert history.entries() == (entry,)
    assert (entry.number, entry.time) == (1, "2026-01-02T12:00:00+00:00")


def test_a_clock_that_is_not_set_gives_no_time(history: History) -> None:
    history.now = lambda: datetime(1970, 1, 1, tzinfo=UTC)
    entry = history.apply("set", NEW)
    assert entry is not None
    assert entry.time is None


def test_nothing_to_change_is_no_step(history: History) -> None:
    assert history.apply("set", OLD) is None
    assert history.entries() == ()


def test_steps_are_undone_one_by_one_and_several_at_once(history: History) -> None:
    contents = [f"hdmi_mode={n}\n".encode() for n in range(6)]
    for content in contents:
        history.apply("set", {"config.txt": content})
    history.undo(1)
    assert files(history)["config.txt"] == contents[4]
    history.undo(2)
    assert files(history)["config.txt"] == contents[2]
    history.apply("set", {"config.txt": b"x"})
    history.undo(2)
    assert files(history)["config.txt"] == contents[1]
    history.undo(2)
    assert files(history) == OLD
    with pytest.raises(HdmiError, match="nothing can be undone"):
        history.undo(1)
    assert undoable(history.entries()) == []


def test_more_steps_than_there_are_change_nothing(history: History) -> None:
    history.apply("set", NEW)
    with pytest.raises(HdmiError, match="1 step can be undone"):
        history.undo(2)
    assert files(history) == NEW


def test_a_file_that_was_made_goes_away_again(history: History) -> None:
    history.apply("set", {"extra.txt": b"x"})
    history.undo(1)
    assert files(history) == OLD


def test_settings_edited_by_hand_are_not_undone_without_a_word(history: History) -> None:
    history.apply("set", NEW)
    edited = b"hdmi_mode=4\n"
    (history.places.boot / "config.txt").write_bytes(edited)
    with pytest.raises(HdmiError, match="somebody has changed these settings since"):
        history.undo(1)
    assert files(history)["config.txt"] == edited
    history.undo(1, force=True)
    assert files(history) == OLD
    kept = [change.before for change in history.entries()[-1].changes]
    assert edited in [history.content(name) for name in kept]


def test_what_others_wrote_around_our_part_stays_when_it_is_undone(history: History) -> None:
    """A kernel update on Debian makes the file anew, a person adds a line."""
    config, cmdline = b"kernel=1\n", b"root=a\n"
    ours = edit_config(config, {"hdmi_mode:0": "35"})
    history.apply("set", {"config.txt": config, "cmdline.txt": cmdline})
    history.apply("set", {"config.txt": ours, "cmdline.txt": b"root=a video=HDMI-A-1:1x1\n"})
    boot = history.places.boot
    (boot / "config.txt").write_bytes(ours.replace(b"kernel=1", b"kernel=2") + b"# mine\n")
    (boot / "cmdline.txt").write_bytes(b"root=b video=HDMI-A-1:1x1 quiet\n")
    history.undo(1)
    assert files(history) == {
        "config.txt": b"kernel=2\n# mine\n",
        "cmdline.txt": b"root=b quiet\n",
    }


def test_a_damaged_copy_is_never_written(history: History) -> None:
    history.apply("set", NEW)
    for copy in history.copies.iterdir():
        copy.write_bytes(b"\0" * 10)
    with pytest.raises(HdmiError, match="missing or damaged"):
        history.undo(1)
    assert files(history) == NEW


def test_old_entries_and_their_copies_go(history: History) -> None:
    for number in range(MAX_ENTRIES + 5):
        history.apply("set", {"config.txt": str(number).encode()})
    entries = history.entries()
    assert (len(entries), entries[0].number, entries[-1].number) == (100, 6, 105)
    assert len(list(history.copies.iterdir())) == MAX_ENTRIES + 1
    history.undo(MAX_ENTRIES)
    assert files(history)["config.txt"] == b"4"


def test_two_writers_do_not_meet(history: History) -> None:
    refused = pytest.raises(HdmiError, match="another change is under way")
    with history.locked(), refused, history.locked():
        pass


def test_an_entry_that_cannot_be_read_is_passed_over(history: History) -> None:
    history.apply("set", NEW)
    (history.folder / "0002.json").write_bytes(b"{")
    assert [entry.number for entry in history.entries()] == [1]


class Killed(BaseException):
    """The power is gone: nothing after it may run."""


CALLS = ("open", "write", "fsync", "close", "rename", "unlink", "mkdir")


def with_a_cut(number: int, change: Callable[[], Any], patch: pytest.MonkeyPatch) -> bool:
    """Does `change` up to its system call of that number; True when it came so far."""
    seen = 0

    def gone(call: Callable[..., Any]) -> Callable[..., Any]:
        def maybe(*args: Any, **options: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen >= number:
                raise Killed
            return call(*args, **options)

        return maybe

    with patch.context() as inner:
        for name in CALLS:
            inner.setattr(os, name, gone(getattr(os, name)))
        try:
            change()
        except Killed:
            return True
    return False


CHANGES: list[tuple[str, Callable[[History], Entry | None]]] = [
    ("set", lambda history: history.apply("set", NEW)),
    ("undo", lambda history: history.undo(1)),
]


@pytest.mark.parametrize(("name", "change"), CHANGES, ids=[row[0] for row in CHANGES])
def test_after_a_cut_at_any_moment_both_files_are_old_or_both_new(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    change: Callable[[History], Entry | None],
) -> None:
    """And so is the history, which still goes on."""
    ends = set()
    for number in range(1, 500):
        boot = tmp_path / str(number)
        boot.mkdir()
        for file, data in OLD.items():
            (boot / file).write_bytes(data)
        history = History(Places(boot), lambda: NOON)
        with history.locked():
            pass
        if name == "undo":
            history.apply("set", NEW)
        before = len(history.entries())
        was_cut = with_a_cut(number, partial(change, history), monkeypatch)
        history.repair()
        found = files(history)
        assert found in (OLD, NEW), f"cut at call {number}"
        is_done = found == (NEW if name == "set" else OLD)
        assert len(history.entries()) == before + is_done, f"cut at call {number}"
        assert history.repair() == []
        ends.add(is_done)
        if not was_cut:
            break
    else:
        pytest.fail("it does not end")
    assert ends == {False, True}


def test_a_partition_that_fills_up_in_between_puts_the_first_file_back(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.rename

    def rename(source: Any, target: Any) -> None:
        if str(target).endswith("cmdline.txt"):
            raise OSError(28, "No space left on device")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        with pytest.raises(HdmiError, match="no room is left"):
            history.apply("set", NEW)
    assert files(history) == OLD
    assert history.entries() == ()


def test_an_edit_on_a_laptop_after_the_cut_is_kept(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "commit", lambda *_: None)
    history.apply("set", NEW)
    (history.places.boot / "config.txt").write_bytes(b"# all my own\n")
    assert history.repair() == ["cmdline.txt"]
    assert files(history) == {**OLD, "config.txt": b"# all my own\n"}


TORN = [
    ("the file is whole", NEW["config.txt"], False),
    ("nothing was written", b"", True),
    ("a part was written", NEW["config.txt"][:512], True),
    ("zeros in its place", NEW["config.txt"][:13] + b"\0" * 512, True),
    ("an edit", b"hdmi_mode=4\n", False),
    ("a line more", NEW["config.txt"] + b"# mine\n", False),
    ("lines taken out at the end", NEW["config.txt"][:130], False),
]


@pytest.mark.parametrize(("data", "torn"), [row[1:] for row in TORN], ids=[row[0] for row in TORN])
def test_repair_mends_what_is_torn_and_leaves_edits(
    history: History, data: bytes, torn: bool
) -> None:
    history.apply("set", NEW)
    (history.places.boot / "config.txt").write_bytes(data)
    assert history.repair() == (["config.txt"] if torn else [])
    assert files(history)["config.txt"] == (NEW["config.txt"] if torn else data)
    assert is_torn(data, NEW["config.txt"]) is torn


def test_a_file_the_user_took_away_stays_away(history: History) -> None:
    """It is the cure of a config.txt that shows no picture."""
    history.apply("set", NEW)
    (history.places.boot / "config.txt").unlink()
    assert history.repair() == []


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"number": 1}', b"\xff"])
def test_a_faulty_entry_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        parse_entry(data)

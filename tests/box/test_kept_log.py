"""What of the journal is kept, in few writes."""

from collections.abc import Sequence
from pathlib import Path

from appliance.box.kept_log import KEPT_LOG, append_bounded, keep_log


def test_the_oldest_lines_go() -> None:
    assert append_bounded("one\ntwo\n", "three\n", 100) == "one\ntwo\nthree\n"
    assert append_bounded("one\ntwo\n", "three\n", 8) == "three\n"


class Journal:
    """journalctl's part: lines after the cursor, and the cursor moved."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def read(self, command: Sequence[str]) -> str:
        (option,) = [each for each in command if each.startswith("--cursor-file=")]
        cursor = Path(option.partition("=")[2])
        at = int(cursor.read_text()) if cursor.exists() else 0
        cursor.write_text(str(len(self.lines)))
        return "".join(self.lines[at:]) or "-- No entries --\n"


def test_each_line_is_kept_once(tmp_path: Path) -> None:
    journal = Journal()
    journal.lines += ["power is low\n", "card is slow\n"]
    assert keep_log(tmp_path, journal.read, tmp_path) == 2
    journal.lines.append("power is low again\n")
    assert keep_log(tmp_path, journal.read, tmp_path) == 1
    assert (tmp_path / KEPT_LOG).read_text() == "power is low\ncard is slow\npower is low again\n"


def test_without_news_nothing_is_written(tmp_path: Path) -> None:
    journal = Journal()
    journal.lines.append("power is low\n")
    keep_log(tmp_path, journal.read, tmp_path)
    before = {path.name: path.stat().st_ino for path in (tmp_path / "log").iterdir()}
    assert keep_log(tmp_path, journal.read, tmp_path) == 0
    assert {path.name: path.stat().st_ino for path in (tmp_path / "log").iterdir()} == before

"""What a config.txt comes to on a given Pi: which lines count, and why the others do not (PURE)."""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from display.hdmi.config_filters import Board, Filters
from display.hdmi.config_txt import ADDING_KEYS, Kind, Line, name_of, parse_config

ROOT = "config.txt"
TRYBOOT_ROOT = "tryboot.txt"
# The firmware's own depth is not documented; real files nest once.
MAX_INCLUDE_DEPTH = 8
# Files that include others many times over must not take forever; real ones have 1,000 lines.
MAX_LINES = 100_000


class NoEffect(enum.Enum):
    """Why a line does nothing."""

    FILTERED = "in a section for another board, display or moment"
    CUT = "longer than 98 characters: the rest is not read"
    OVERRULED = "a later line wins"
    SPACED = 'spaces around "=" are not allowed'
    NO_VALUE = "it is neither a setting nor a section"
    NO_FILE = "the file it includes is not there"
    TOO_DEEP = "files that include each other"
    NOT_FIRST_LINE = "only the first line is read"
    KMS = "the KMS display driver does not read it"
    FIRMWARE = "the firmware's display does not read it"
    MODEL = "this model does not read it"
    NOT_UNDERSTOOD = "the kernel does not understand it"


@dataclass(frozen=True, slots=True)
class Setting:
    """A line that says something. `why` is None when it counts; `detail` names what is in the way.

    `line` counts from 1; `name` tells the port of a setting that has one (`hdmi_mode:0`).
    """

    file: str
    line: int
    text: str
    name: str
    value: str
    why: NoEffect | None = None
    detail: str = ""

    @property
    def counts(self) -> bool:
        """A cut line still sets what was read of it."""
        return self.why in (None, NoEffect.CUT)


def read_settings(files: Mapping[str, bytes], board: Board, root: str = "") -> tuple[Setting, ...]:
    """All settings of a boot folder in the order they are read, includes followed.

    `files` holds the contents by name; `root` is config.txt, or tryboot.txt on such a boot.
    """
    start = root or (TRYBOOT_ROOT if board.tryboot else ROOT)
    by_name = {name.lower(): (name, data) for name, data in files.items()}
    if start.lower() not in by_name:
        return ()
    reader = _Reader(by_name, board)
    return _mark_overruled(reader.read(start, ()))


def effective(settings: Iterable[Setting]) -> dict[str, str]:
    """The value of each setting that counts; those that add up are joined by line ends."""
    values: dict[str, str] = {}
    for setting in settings:
        if not setting.counts:
            continue
        before = values.get(setting.name)
        adds = setting.name in ADDING_KEYS and before is not None
        values[setting.name] = f"{before}\n{setting.value}" if adds else setting.value
    return values


def evaluate(files: Mapping[str, bytes], board: Board) -> dict[str, str]:
    """The effective values of a boot folder's config.txt."""
    return effective(read_settings(files, board))


class _Reader:
    """Follows the lines and keeps the filters in force, which includes share."""

    def __init__(self, files: Mapping[str, tuple[str, bytes]], board: Board) -> None:
        self.files = files
        self.board = board
        self.filters = Filters()
        self.lines_left = MAX_LINES

    def read(self, name: str, outer: tuple[str, ...]) -> Iterator[Setting]:
        """A file's settings; `outer` are the files that include it."""
        file, data = self.files[name.lower()]
        for number, line in enumerate(parse_config(data), 1):
            self.lines_left -= 1
            if self.lines_left < 0:
                return
            if line.kind is Kind.FILTER:
                self.filters = self.filters.then(line.key, self.board)
            elif line.kind is Kind.INCLUDE:
                yield from self._include(number, line, (*outer, file))
            elif line.kind in (Kind.SETTING, Kind.JUNK):
                yield self._setting(file, number, line)

    def _include(self, number: int, line: Line, files: tuple[str, ...]) -> Iterator[Setting]:
        here = Setting(files[-1], number, line.text, "include", line.value)
        blocker = self.filters.blocker
        if blocker is not None:
            yield replace(here, why=NoEffect.FILTERED, detail=f"[{blocker}]")
        elif line.value.lower() not in self.files:
            yield replace(here, why=NoEffect.NO_FILE, detail=line.value)
        elif len(files) > MAX_INCLUDE_DEPTH or self.files[line.value.lower()][0] in files:
            yield replace(here, why=NoEffect.TOO_DEEP)
        else:
            yield from self.read(line.value, files)

    def _setting(self, file: str, number: int, line: Line) -> Setting:
        port = line.port if line.port is not None else self.filters.port or 0
        here = Setting(file, number, line.text, name_of(line.key, port), line.value)
        blocker = self.filters.blocker
        if line.kind is Kind.JUNK:
            return replace(here, why=NoEffect.NO_VALUE)
        if line.key != line.key.strip() or line.value[:1].isspace():
            return replace(here, why=NoEffect.SPACED)
        if blocker is not None:
            return replace(here, why=NoEffect.FILTERED, detail=f"[{blocker}]")
        return replace(here, why=NoEffect.CUT) if line.is_cut else here


def _mark_overruled(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    """Names the later line at each one that it overrules."""
    later: dict[str, Setting] = {}
    marked = []
    for setting in reversed(list(settings)):
        winner = later.get(setting.name)
        if setting.counts and winner is not None:
            detail = f"{winner.file}:{winner.line}"
            setting = replace(setting, why=NoEffect.OVERRULED, detail=detail)
        elif setting.counts and setting.name not in (*ADDING_KEYS, "include"):
            later[setting.name] = setting
        marked.append(setting)
    return tuple(reversed(marked))

"""Where each key of a TOML text stands; tomllib does not tell (PURE).

The text is known to be valid TOML, so only its outline is read: headers, keys before `=`, and
enough of values to step over strings, arrays and inline tables that span lines.
"""

import re
import tomllib
from dataclasses import dataclass, field

Path = tuple[str | int, ...]

# No key that anything asks for lies deeper, and a path's cost grows with its square.
MAX_DEPTH = 16

_KEY_PART = re.compile(r"""[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*""")
_STRING_ENDS = ('"""', "'''", '"', "'")


@dataclass(frozen=True, slots=True)
class Header:
    """A [table] or [[table]] line, from its bracket to its last one."""

    path: Path
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its value, directly under the header of `table`."""

    path: Path
    table: Path
    start: int
    value_start: int
    end: int


@dataclass(slots=True)
class Outline:
    """What stands where, counted in characters of a text whose lines end in line feeds."""

    headers: list[Header] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)


def find_lines(text: str) -> dict[Path, int]:
    """Line numbers, from 1, by key path; an array of tables has an index in its path."""
    return _Reader(text).read()


def read_outline(text: str) -> Outline:
    """Headers and pairs in their order."""
    reader = _Reader(text)
    reader.read()
    return reader.outline


class _Reader:
    def __init__(self, text: str) -> None:
        self.outline = Outline()
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._line = 1
        self._table: Path = ()
        self._counts: dict[Path, int] = {}
        self._lines: dict[Path, int] = {}

    def read(self) -> dict[Path, int]:
        while self._skip_blank():
            if self._text[self._at] == "[":
                self._read_header()
            else:
                start = self._at
                path, value_start = self._read_pair(self._table)
                end = value_start + len(self._text[value_start : self._at].rstrip())
                self.outline.pairs.append(Pair(path, self._table, start, value_start, end))
        return self._lines

    def _skip_blank(self) -> bool:
        """Steps over white space and comments; False at the end."""
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif char in " \t\n\r":
                self._line += char == "\n"
                self._at += 1
            else:
                return True
        return False

    def _read_key(self) -> list[str]:
        parts = []
        while match := _KEY_PART.match(self._text, self._at):
            escaped, literal, bare = match.groups()
            if escaped is not None:
                literal = tomllib.loads(f'key = "{escaped}"')["key"]
            parts.append(literal if literal is not None else bare)
            self._at = match.end()
            if self._text[self._at : self._at + 1] != ".":
                break
            self._at += 1
        return parts[:MAX_DEPTH]

    def _resolve(self, base: Path, parts: list[str]) -> Path:
        """A path with the index of the last element where it runs through an array of tables."""
        path = base
        for part in parts:
            path = (*path, part)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        return path

    def _read_header(self) -> None:
        start = self._at
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        parts = self._read_key()
        if is_array:
            path = (*self._resolve((), parts[:-1]), parts[-1])
            self._counts[path] = self._counts.get(path, 0) + 1
            self._table = (*path, self._counts[path] - 1)
        else:
            self._table = self._resolve((), parts)
        for length in range(1, len(parts)):
            self._lines.setdefault(self._resolve((), parts[:length]), self._line)
        self._lines.setdefault(self._table, self._line)
        self._at += 2 if is_array else 1
        self.outline.headers.append(Header(self._table, start, self._at))

    def _read_pair(self, base: Path) -> tuple[Path, int]:
        """Steps over a pair; its path, and where its value begins."""
        line = self._line
        parts = self._read_key()
        for length in range(1, len(parts) + 1):
            self._lines.setdefault(self._resolve(base, parts[:length]), line)
        self._at += 1
        while self._text[self._at : self._at + 1] in (" ", "\t"):
            self._at += 1
        path, value_start = self._resolve(base, parts), self._at
        self._skip_value(path)
        return path, value_start

    def _skip_value(self, path: Path) -> None:
        char = self._text[self._at : self._at + 1]
        if char in ('"', "'"):
            self._skip_string()
        elif char == "[":
            self._skip_array(path)
        elif char == "{":
            self._skip_inline_table(path)
        else:
            while self._at < len(self._text) and self._text[self._at] not in ",]}#\n":
                self._at += 1

    def _skip_string(self) -> None:
        quote = next(end for end in _STRING_ENDS if self._text.startswith(end, self._at))
        start = self._at
        self._at += len(quote)
        while self._at < len(self._text) and not self._text.startswith(quote, self._at):
            self._at += 2 if quote[0] == '"' and self._text[self._at] == "\\" else 1
        self._at += len(quote)
        while len(quote) == 3 and self._text[self._at : self._at + 1] == quote[0]:
            self._at += 1
        self._line += self._text.count("\n", start, self._at)

    def _skip_array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip_blank() and self._text[self._at] != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._lines.setdefault((*path, index), self._line)
            self._skip_value((*path, index))
            index += 1
        self._at += 1

    def _skip_inline_table(self, path: Path) -> None:
        self._at += 1
        while self._skip_blank() and self._text[self._at] != "}":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._read_pair(path)
        self._at += 1

"""Changes to the [[site]] tables of a TOML text, and to nothing else in it (PURE).

Every byte that a change does not concern stays: comments, order, spacing, other tables. A comment
directly above a table belongs to it. What comes out is read again and compared with what was meant,
so that an oversight here is an error and not a spoilt file.
"""

import tomllib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.config_sites import hosts as parse_hosts
from appliance.toml_lines import Header, Pair, read_outline
from appliance.toml_write import encode_key, encode_part, encode_site, encode_value

Table = dict[str, Any]


class EditError(ValueError):
    """The text cannot be changed so, in words."""


def sites_in(text: str) -> dict[str, Table]:
    """The table of each host, without the host; the text is known to be good."""
    found: dict[str, Table] = {}
    for table in tomllib.loads(text).get("site", []):
        rest = {key: value for key, value in table.items() if key != "host"}
        found |= dict.fromkeys(parse_hosts(table["host"]), rest)
    return found


def edit_sites(text: str, put: Mapping[str, Table], removed: Iterable[str] = ()) -> str:
    """The text with sites added or replaced by host, and others taken away. Raises EditError."""
    before = sites_in(text)
    gone = set(removed) & before.keys()
    changed = {host: table for host, table in put.items() if before.get(host) != table}
    after = {host: table for host, table in {**before, **changed}.items() if host not in gone}
    if after == before:
        return text
    edited = _Editor(text.replace("\r\n", "\n")).edit(changed, gone)
    if "\r\n" in text:
        edited = edited.replace("\n", "\r\n")
    if sites_in(edited) != after:
        raise EditError("the file is written in a way that cannot be changed by command: edit it")
    return edited


@dataclass(slots=True)
class _Block:
    """One [[site]] table with what stands below it."""

    hosts: list[str]
    table: Table
    headers: list[Header]
    pairs: list[Pair]


class _Editor:
    """Collects replacements of parts of the text, and makes them all at once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._outline = read_outline(text)
        self._starts = sorted(header.start for header in self._outline.headers)
        self._changes: list[tuple[int, int, str]] = []

    def edit(self, changed: Mapping[str, Table], gone: set[str]) -> str:
        added = dict(changed)
        for block in self._blocks():
            self._edit_block(block, added, gone)
        text = self._make_changes()
        for host, table in added.items():
            gap = (
                "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
            )
            text += gap + encode_site([host], table)
        return text

    def _blocks(self) -> Iterable[_Block]:
        headers_of: dict[Any, list[Header]] = defaultdict(list)
        for header in self._outline.headers:
            headers_of[header.path[:2]].append(header)
        pairs_of: dict[Any, list[Pair]] = defaultdict(list)
        for pair in self._outline.pairs:
            pairs_of[pair.path[:2]].append(pair)
        for index, table in enumerate(tomllib.loads(self._text).get("site", [])):
            place = ("site", index)
            headers, pairs = headers_of[place], pairs_of[place]
            if not headers or headers[0].path != place:
                raise EditError("sites stand in the file as a list: write each as [[site]]")
            names = list(parse_hosts(table["host"]))
            yield _Block(names, {k: v for k, v in table.items() if k != "host"}, headers, pairs)

    def _edit_block(self, block: _Block, added: dict[str, Table], gone: set[str]) -> None:
        """In place where no host of the block stays as it was, else a host leaves for a new one."""
        changed = [host for host in block.hosts if host in added]
        stay = [host for host in block.hosts if host not in added and host not in gone]
        if stay:
            self._set_hosts(block, stay)
        elif changed:
            table = added[changed[0]]
            together = [host for host in changed if added[host] == table]
            self._set_hosts(block, together)
            self._set_table(block, table)
            for host in together:
                del added[host]
        else:
            self._remove_region(block.headers[0].start, self._end_of(block.headers))

    def _set_hosts(self, block: _Block, hosts: list[str]) -> None:
        if hosts != block.hosts:
            pair = self._find_pair(block, "host")
            value = encode_value(hosts[0] if len(hosts) == 1 else hosts)
            self._changes.append((pair.value_start, pair.end, value))

    def _set_table(self, block: _Block, table: Table) -> None:
        parts = ""
        lines = ""
        for key in dict.fromkeys((*block.table, *table)):
            before, after = block.table.get(key), table.get(key)
            if before == after and (key in block.table) == (key in table):
                continue
            pair = next((p for p in block.pairs if p.path[2:] == (key,)), None)
            if pair is not None and after is not None:
                self._changes.append((pair.value_start, pair.end, encode_value(after)))
                continue
            self._remove_key(block, key)
            if isinstance(after, dict):
                parts += "\n" + encode_part(("site", key), after)
            elif after is not None:
                lines += f"{encode_key(key)} = {encode_value(after)}\n"
        last = max(p.end for p in block.pairs if p.table == block.headers[0].path)
        self._insert(self._line_end(last), lines)
        self._insert(self._end_of(block.headers, with_gap=False), parts)

    def _remove_key(self, block: _Block, key: str) -> None:
        """However it is written: as dotted keys, or as tables of its own."""
        below = [h for h in block.headers if h.path[2:3] == (key,)]
        for header in below:
            self._remove_region(header.start, self._end_of([header]))
        for pair in block.pairs:
            if pair.path[2:3] == (key,) and pair.table == block.headers[0].path:
                start = self._text.rfind("\n", 0, pair.start) + 1
                self._changes.append((start, self._line_end(pair.end), ""))

    def _find_pair(self, block: _Block, key: str) -> Pair:
        return next(p for p in block.pairs if p.path[2:] == (key,))

    def _insert(self, at: int, text: str) -> None:
        if text:
            # A last line without an end gets one.
            start = "" if at == 0 or self._text[at - 1] == "\n" else "\n"
            self._changes.append((at, at, start + text))

    def _remove_region(self, start: int, end: int) -> None:
        start = self._with_comments(start)
        if end == len(self._text):
            # Nothing follows that the gap before would part from the rest.
            start = len(self._text[:start].rstrip()) + 1 if self._text[:start].strip() else 0
        self._changes.append((start, end, ""))

    def _line_end(self, at: int) -> int:
        """Behind the end of the line."""
        end = self._text.find("\n", at)
        return len(self._text) if end < 0 else end + 1

    def _with_comments(self, at: int) -> int:
        """Where the comment directly above a header begins; what opens the file is no such."""
        start = self._text.rfind("\n", 0, at) + 1
        above = start
        while above:
            line = self._text.rfind("\n", 0, above - 1) + 1
            if not self._text[line:above].lstrip(" \t").startswith("#"):
                return above
            above = line
        return start

    def _end_of(self, headers: list[Header], with_gap: bool = True) -> int:
        """Behind the last of these tables; with the comment and the gap that follow it."""
        last = headers[-1]
        pairs = [p.end for p in self._outline.pairs if p.table == last.path]
        end = self._line_end(max([last.end, *pairs]))
        following = bisect_right(self._starts, last.start)
        if not with_gap:
            return end
        most = len(self._text)
        if following < len(self._starts):
            most = max(end, self._with_comments(self._starts[following]))
        in_comment = True
        while end < most:
            line_end = self._line_end(end)
            line = self._text[end:line_end].strip()
            in_comment = in_comment and line.startswith("#")
            if line and not in_comment:
                break
            end = line_end
        return end

    def _make_changes(self) -> str:
        parts = []
        at = 0
        for start, end, text in sorted(self._changes, key=lambda change: change[:2]):
            parts += [self._text[at:start], text]
            at = max(at, end)
        return "".join([*parts, self._text[at:]])

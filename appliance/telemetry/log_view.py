"""Lines of the access log as fields again, and those that somebody asks for (PURE)."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# nginx's combined line and what follows it (log_lines); quotes inside are escaped as \x22.
_COMBINED = re.compile(
    r'(?P<client>\S+) - - \[(?P<time>[^\]]*)\] "(?P<request>[^"]*)" (?P<status>\d+)'
    r' (?P<bytes_out>\d+) "(?P<referer>[^"]*)" "(?P<user_agent>[^"]*)" site=(?P<site>\S+)'
    r" backend=(?P<backend>\S+) total_ms=(?P<total_ms>[\d.]+) backend_ms=(?P<backend_ms>[\d.]+)"
)
_WHOLE = ("status", "bytes_out")
_PARTS = ("total_ms", "backend_ms")
FIELDS = (
    "time", "client", "request", "status", "bytes_out", "site", "backend", "total_ms",
    "backend_ms", "user_agent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: of a site, of a status or a class as "5xx", with some words in them."""

    site: str = ""
    status: str = ""
    contains: str = ""

    def takes(self, line: Mapping[str, Any]) -> bool:
        """Whether a line is one of them."""
        if self.site and line["site"] != self.site:
            return False
        status = str(line["status"])
        if self.status and not (
            status == self.status or (self.status[1:] == "xx" and status[:1] == self.status[:1])
        ):
            return False
        words = self.contains.lower()
        return not words or any(words in str(line[name]).lower() for name in FIELDS)


def parse_line(text: bytes) -> dict[str, Any] | None:
    """A line's fields by name; None for what is no line of ours."""
    if text.startswith(b"{"):
        try:
            content = json.loads(text)
            return {name: content[name] for name in FIELDS}
        except (ValueError, KeyError, TypeError):
            return None
    match = _COMBINED.match(text.decode("utf-8", "replace"))
    if match is None:
        return None
    found: dict[str, Any] = match.groupdict()
    found |= {name: int(found[name]) for name in _WHOLE}
    found |= {name: float(found[name]) for name in _PARTS}
    return {name: found[name] for name in FIELDS}


def choose(lines: Iterable[bytes], wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """The first of `lines` that are wanted, `limit` of them at most."""
    found = []
    for line in _parsed(lines):
        if wanted.takes(line):
            found.append(line)
            if len(found) >= limit:
                break
    return found


def _parsed(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for text in lines:
        line = parse_line(text)
        if line is not None:
            yield line

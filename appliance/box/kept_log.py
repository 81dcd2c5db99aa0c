"""The small part of the journal that outlives a restart: warnings and worse.

The journal itself is in memory, for a card wears out by being written to.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from appliance.atomic_file import replace_file

KEPT_LOG = "log/warnings.log"
# Some thousand lines; what is older goes.
MAX_KEPT_BYTES = 256 << 10
READ_JOURNAL = ("journalctl", "--boot", "--priority=warning", "--output=short-iso", "--no-pager")

Read = Callable[[Sequence[str]], str]


def append_bounded(kept: str, fresh: str, most_bytes: int = MAX_KEPT_BYTES) -> str:
    """Both, without the oldest lines where that is too much (PURE)."""
    whole = (kept + fresh).encode()
    if len(whole) <= most_bytes:
        return kept + fresh
    return whole[-most_bytes:].partition(b"\n")[2].decode(errors="replace")


def keep_log(data: Path, read: Read, scratch: Path = Path("/run")) -> int:
    """Adds what has come since the last time; how many lines. Writes only where there is news."""
    path, cursor = data / KEPT_LOG, data / "log/cursor"
    path.parent.mkdir(parents=True, exist_ok=True)
    # The place in the journal moves only once its lines are kept; it is tried out in memory.
    fresh = scratch / "gatelight-cursor"
    if cursor.exists():
        fresh.write_bytes(cursor.read_bytes())
    lines = [
        line
        for line in read([*READ_JOURNAL, f"--cursor-file={fresh}"]).splitlines(keepends=True)
        if not line.startswith("-- ")
    ]
    if lines:
        kept = path.read_text(errors="replace") if path.exists() else ""
        replace_file(path, append_bounded(kept, "".join(lines)).encode(), 0o640)
        replace_file(cursor, fresh.read_bytes(), 0o640)
    fresh.unlink(missing_ok=True)
    return len(lines)

"""What a plan does, for people and as JSON (PURE)."""

import difflib
from collections.abc import Iterator

from display.hdmi.plan import Plan
from display.hdmi.report import Table
from display.hdmi.situation import Situation


def plan_table(plan: Plan, situation: Situation) -> Table:
    """The plan as JSON may have it. `changes` has the lines that go (-) and come (+) by file."""
    now: dict[str, bytes | None] = {**situation.files, **situation.custom}
    return {
        "action": plan.action,
        "port": plan.port,
        "mode": plan.mode or None,
        "driver": situation.driver.value,
        "model": situation.board.model.name,
        "changes": {
            path: list(_changed_lines(now.get(path), data)) for path, data in plan.contents.items()
        },
        "overruled": [
            {"file": setting.file, "line": setting.line, "text": setting.text}
            for setting in plan.overruled
        ],
        "notes": list(plan.notes),
    }


def plan_text(table: Table, *, comments: bool) -> str:
    """What is going to happen. `comments`: overruled lines become comments."""
    lines = []
    for path, changes in table["changes"].items():
        lines += [f"{path}:", *(f"  {change}" for change in changes)]
    fate = "becomes a comment" if comments else "stays, and is overruled"
    for old in table["overruled"]:
        lines.append(f"{old['file']}:{old['line']}: {old['text'].strip()} {fate}")
    lines += [f"note: {note}" for note in table["notes"]]
    return "\n".join(lines)


def _changed_lines(before: bytes | None, after: bytes | None) -> Iterator[str]:
    if not _is_text(before) or not _is_text(after):
        yield f"{len(before or b'')} bytes become {len(after or b'')}"
        return
    old, new = _lines(before), _lines(after)
    matcher = difflib.SequenceMatcher(None, old, new)
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag != "equal":
            yield from (f"- {line}" for line in old[first:last])
            yield from (f"+ {line}" for line in new[start:end])


def _lines(data: bytes | None) -> list[str]:
    return [_decoded(line) for line in (data or b"").splitlines()]


def _decoded(line: bytes) -> str:
    try:
        return line.rstrip(b"\r").decode()
    except UnicodeDecodeError:
        return line.rstrip(b"\r").decode("latin-1")


def _is_text(data: bytes | None) -> bool:
    return not data or data[:8] != b"\0\xff\xff\xff\xff\xff\xff\0"

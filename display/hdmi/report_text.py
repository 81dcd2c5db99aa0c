"""The same tables for people (PURE)."""

from collections.abc import Iterator, Sequence
from typing import Any

from display.hdmi.report import Table

_LIMIT_LINES = 60


def show_text(table: Table) -> str:
    """What `show` prints."""
    return "\n".join([*_head(table), "", *_port_lines(table["ports"]), "", *_settings(table)])


def modes_text(table: Table, groups: Sequence[str]) -> str:
    """What `modes` prints: the displays' own modes, then the tables of `groups`."""
    lines: list[str] = []
    for port in table["ports"]:
        if port["offered"] is not None:
            lines += [_port_line(port), *_offers(port["offered"]), ""]
    for group, title in (
        ("cea", "CEA, televisions: hdmi_group=1"),
        ("dmt", "DMT, monitors: hdmi_group=2"),
    ):
        if group in groups:
            lines += [title, *_rows(table[group]), ""]
    return "\n".join(lines[:-1])


def history_text(entries: Sequence[Table]) -> str:
    """What `history` prints, the newest first; numbers of undo stand before what it would take."""
    if not entries:
        return "nothing was changed yet"
    rows = [
        (
            f"undo {entry['undo']}" if entry["undo"] else "",
            str(entry["number"]),
            entry["time"] or "no time (the clock was not set)",
            entry["action"],
            ", ".join(entry["files"]),
        )
        for entry in reversed(entries)
    ]
    return "\n".join(_aligned(rows))


def trial_text(trial: Table) -> str:
    """One line about a trial."""
    left = trial["seconds_left"]
    time = f"{left} s left" if left is not None else "it has not begun"
    return f"on trial: {trial['mode']} on HDMI {trial['port']}, {time}"


def _head(table: Table) -> Iterator[str]:
    kms = table["driver"] == "kms"
    counts = "video= in cmdline.txt counts, hdmi_* in config.txt does not"
    if not kms:
        counts = "hdmi_* in config.txt counts, video= in cmdline.txt does not"
    yield f"model:   {table['model']}"
    yield f"driver:  {table['driver']} ({counts})"
    yield f"boot:    {table['boot']}"
    if table["made_by_raspi_firmware"]:
        yield "         made anew by raspi-firmware at updates, so settings go to /etc/default too"
    if table["trial"] is not None:
        yield trial_text(table["trial"])


def _port_lines(ports: Sequence[Table]) -> Iterator[str]:
    for port in ports:
        yield _port_line(port)
        display = port["display"]
        if port["mode_in_use"]:
            yield f"  in use:    {port['mode_in_use']}"
        if display is not None:
            yield f"  prefers:   {display['preferred'] or 'not said'}"
            yield f"  native:    {display['native'] or 'not said'}"
            kind = "HDMI" if display["hdmi"] else "DVI"
            yield f"  takes:     {kind}, {'with' if display['audio'] else 'without'} sound"
        for problem in display["problems"] if display else ():
            yield f"  its EDID:  {problem}"
        if port["fault"]:
            yield f"  its EDID:  {port['fault']}"


def _port_line(port: Table) -> str:
    display = port["display"]
    if display is not None:
        name = f"{display['name'] or 'a display'} ({display['maker']})"
    elif port["connected"]:
        name = "a display that says nothing of itself"
    else:
        name = (
            "nothing plugged in" if port["connected"] is False else "not known what is plugged in"
        )
    return f"HDMI {port['port']} ({port['connector']}): {name}"


def _settings(table: Table) -> Iterator[str]:
    if not table["settings"]:
        yield "no display settings in the files: everything is automatic"
        return
    yield "settings in the files:"
    rows = [
        (
            f"  {setting['file']}:{setting['line']}",
            setting["text"].strip()[:_LIMIT_LINES],
            _verdict(setting),
        )
        for setting in table["settings"]
    ]
    yield from _aligned(rows)


def _verdict(setting: Table) -> str:
    if not setting["counts"]:
        return f"no effect: {setting['why']}"
    ours = "in effect (set by gatelight-hdmi)" if setting["ours"] else "in effect"
    return f"{ours}, but {setting['why']}" if setting["why"] else ours


def _offers(offers: Sequence[Table]) -> Iterator[str]:
    rows = [("  mode", "clock", "named by", "")]
    for offer in offers:
        number = offer["vic"] or offer["dmt"]
        marks = [word for word in ("preferred", "native") if offer[word]]
        marks += ["only at half the colours: no Raspberry Pi sends it"] * offer["needs_420"]
        source = f"{offer['source']} {number}" if number else offer["source"]
        rows.append((f"  {offer['mode']}", _mhz(offer), source, ", ".join(marks)))
    yield from _aligned(rows)


def _rows(rows: Sequence[Table]) -> Iterator[str]:
    lines = [("  hdmi_mode", "mode", "aspect", "clock", "video=", "")]
    for row in rows:
        notes = ["offered"] if row["offered"] else []
        notes += ["reduced blanking"] if row["reduced_blanking"] else []
        notes += [f"each pixel {row['repetition']} times"] if row["repetition"] > 1 else []
        notes += [f"not here: {row['impossible']}"] if row["impossible"] else []
        lines.append(
            (
                f"  {row['hdmi_mode']}",
                row["mode"] or "custom",
                row["aspect"] or "",
                _mhz(row),
                row["video"] or "",
                ", ".join(notes),
            )
        )
    yield from _aligned(lines)


def _mhz(table: Table) -> str:
    clock_khz: Any = table["pixel_clock_khz"]
    return f"{clock_khz / 1000:g} MHz" if clock_khz else ""


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their longest entry."""
    if not rows:
        return []
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]

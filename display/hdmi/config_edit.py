"""Changes to a config.txt that leave every other byte as it was (PURE).

Ours is one block between two marks at the end of the file. It opens with `[all]`, so that it counts
whatever section the file ends in, and what comes after it is in `[all]` too. Older lines stay where
they are, or are commented out behind a mark of ours.
"""

from collections.abc import Collection, Mapping, Sequence

from display.hdmi.config_txt import DISPLAY_KEYS, Kind, Line, encode_config, name_of, parse_config

BEGIN = b"# gatelight-hdmi begin: change these lines with the gatelight-hdmi command"
# The file had no last line end; taking the block out takes the one we added out too.
BEGIN_JOINED = BEGIN + b" (+1)"
END = b"# gatelight-hdmi end"
COMMENTED = b"#gatelight-hdmi# "
# Display lines that a distribution ships, behind the comment above them (Raspberry Pi OS).
_SHIPPED = ((b"# Disable compensation for displays with overscan", b"disable_overscan=1"),)


def block_settings(data: bytes) -> dict[str, str]:
    """Our settings by name (`hdmi_mode:0`), in their order."""
    found: dict[str, str] = {}
    lines = parse_config(data)
    for begin, end in _blocks(lines):
        for line in lines[_opening(lines, begin, end) : end]:
            if line.kind is Kind.SETTING and _is_ours(line):
                found[name_of(line.key, line.port or 0)] = line.value
    return found


def block_lines(data: bytes) -> frozenset[int]:
    """The lines of our block, counted from 1."""
    blocks = _blocks(parse_config(data))
    return frozenset(number + 1 for begin, end in blocks for number in range(begin, end))


def edit_config(data: bytes, settings: Mapping[str, str], commented: Collection[int] = ()) -> bytes:
    """The file with `settings` (by name) as its block; without settings there is no block.

    `commented` are lines of `strip_ours(data)`, counted from 1, to comment out.
    """
    base = comment_out(strip_ours(data), commented)
    return base + _encode_block(base, settings) if settings else base


def comment_out(data: bytes, numbers: Collection[int]) -> bytes:
    """The file with lines, counted from 1, made comments behind our mark."""
    return b"".join(
        COMMENTED + line.raw if number in numbers else line.raw
        for number, line in enumerate(parse_config(data), 1)
    )


def strip_ours(data: bytes) -> bytes:
    """The file without the block.

    Where the block's `[all]` decides about later lines, an empty block stays in its place.
    """
    lines = _without_lone_ends(parse_config(data))
    for begin, end in reversed(_blocks(lines)):
        opens = _opening(lines, begin, end)
        marks = BEGIN, END
        found = tuple(line for line in lines[begin:opens] if not line.raw.startswith(marks))
        before = lines[:begin] + found
        after = _foreign(lines[opens:end]) + lines[end:]
        if opens < end and not _is_in_all(before) and _depends_on_section(after):
            lines = before + _empty_block(lines[begin]) + after
        elif lines[begin].raw.startswith(BEGIN_JOINED) and not after:
            lines = parse_config(encode_config(before).removesuffix(_line_end(lines[begin])))
        else:
            lines = before + after
    return encode_config(lines)


def uncomment(data: bytes, keep: Collection[bytes] = ()) -> bytes:
    """The lines we commented out in force again, but for those in `keep` (without line ends)."""
    return b"".join(
        line.raw if line.raw.rstrip(b"\r\n") in keep else line.raw.removeprefix(COMMENTED)
        for line in parse_config(data)
    )


def reset_config(data: bytes, port: int | None) -> bytes:
    """The file without our block, and with the display lines of others as comments.

    Lines a distribution ships stay. With a `port`, only what is about that port goes.
    """
    stripped = strip_ours(data)
    above, in_section, numbers = b"", 0, set[int]()
    for number, line in enumerate(parse_config(stripped), 1):
        if line.kind is Kind.FILTER:
            in_section = int(line.key == "HDMI:1")
        elif line.kind is Kind.SETTING and DISPLAY_KEYS.fullmatch(line.key):
            name = name_of(line.key, line.port if line.port is not None else in_section)
            is_meant = port is None or name.endswith(f":{port}")
            if is_meant and (above, line.raw.strip()) not in _SHIPPED:
                numbers.add(number)
        above = line.raw.strip()
    ours = block_settings(data).items() if port is not None else ()
    kept = {name: value for name, value in ours if not name.endswith(f":{port}")}
    return edit_config(stripped, kept, numbers)


def _blocks(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """Where our blocks are, as slices, in order."""
    begins = [n for n, line in enumerate(lines) if line.raw.startswith(BEGIN)]
    return [(begin, _block_end(lines, begin)) for begin in begins]


def _without_lone_ends(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """No end mark without a block before it."""
    inside = {number for begin, end in _blocks(lines) for number in range(begin, end)}
    return tuple(
        line
        for number, line in enumerate(lines)
        if number in inside or not line.raw.startswith(END)
    )


def _block_end(lines: Sequence[Line], begin: int) -> int:
    """Behind the end mark; where somebody took that out, at the first line that is not ours.

    A section that somebody opened between the marks ends it too.
    """
    for number in range(begin + 1, len(lines)):
        if lines[number].raw.startswith(END):
            return number + 1
        if lines[number].raw.startswith(BEGIN):
            break
        if lines[number].kind is Kind.FILTER and not _is_all(lines[number]):
            return number
    end = begin + 1
    while end < len(lines) and _is_ours(lines[end]) and not lines[end].raw.startswith(BEGIN):
        end += 1
    return end


def _opening(lines: Sequence[Line], begin: int, end: int) -> int:
    """Where a block's `[all]` is; settings before it are in somebody's section, and not ours."""
    return next((number for number in range(begin, end) if _is_all(lines[number])), end)


def _foreign(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """What others have put between our marks."""
    return tuple(line for line in lines if not _is_ours(line))


def _is_ours(line: Line) -> bool:
    """True for what a block of ours may hold."""
    if line.kind is Kind.SETTING:
        return DISPLAY_KEYS.fullmatch(line.key) is not None
    return line.raw.startswith((BEGIN, END)) or _is_all(line)


def _is_all(line: Line) -> bool:
    return line.kind is Kind.FILTER and line.key == "all"


def _is_in_all(lines: Sequence[Line]) -> bool:
    """True when what follows these lines is surely in `[all]`."""
    for line in reversed(lines):
        if line.kind is Kind.INCLUDE:
            return False
        if line.kind is Kind.FILTER:
            return line.key == "all"
    return True


def _depends_on_section(lines: Sequence[Line]) -> bool:
    """True when a line here would mean something else in another section."""
    for line in lines:
        if line.kind not in (Kind.BLANK, Kind.COMMENT):
            return not _is_all(line)
    return False


def _empty_block(begin: Line) -> tuple[Line, ...]:
    end = _line_end(begin)
    return parse_config(begin.raw + b"[all]" + end + END + end)


def _line_end(line: Line) -> bytes:
    return b"\r\n" if line.raw.endswith(b"\r\n") else b"\n"


def _encode_block(base: bytes, settings: Mapping[str, str]) -> bytes:
    lines = parse_config(base)
    end = _line_end(lines[0]) if lines else b"\n"
    is_joined = bool(base) and not base.endswith(b"\n")
    block = [BEGIN_JOINED if is_joined else BEGIN, b"[all]"]
    block += [_encode_setting(name, value) for name, value in settings.items()]
    return (end if is_joined else b"") + end.join([*block, END, b""])


def _encode_setting(name: str, value: str) -> bytes:
    """Port 0 goes without its number: firmware older than the Pi 4 does not know it."""
    return f"{name.removesuffix(':0')}={value}".encode("latin-1")

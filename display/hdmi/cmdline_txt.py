"""cmdline.txt: the kernel's one line of arguments, every other byte kept (PURE).

`video=HDMI-A-1:1280x1024@60D` sets the mode of a connector, the last one wins;
`drm.edid_firmware=HDMI-A-1:FILE[,HDMI-A-2:FILE]` gives it an EDID, one argument for all connectors.
HDMI-A-1 is the port marked HDMI0. The firmware hands the first line to the kernel.

Sources: Linux, Documentation/fb/modedb.rst; Documentation/admin-guide/kernel-parameters.txt.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from display.hdmi.config_eval import NoEffect, Setting

# COMMAND_LINE_SIZE of arm and arm64; the firmware adds some 500 bytes of its own.
MAX_CMDLINE_BYTES = 1024
_EDID_KEYS = (b"drm.edid_firmware=", b"drm_kms_helper.edid_firmware=")
# Blanks, or a word, which may hold blanks between quotes.
_PIECES = re.compile(rb'\s+|(?:"[^"]*"?|[^\s"])+')
# Of an HDMI connector, or of every one that has none of its own.
_ANY_VIDEO = re.compile(rb"video=(HDMI-A-[0-9]+:|[0-9]+x)")
_MODE = re.compile(
    r"(?P<width>[0-9]{1,5})x(?P<height>[0-9]{1,5})(?P<cvt>M?)(?P<reduced>R?)"
    r"(?:-[0-9]{1,2})?(?:@(?P<refresh>[0-9]{1,3}))?(?P<interlaced>i?)m?(?P<force>[eDd]?)"
)


@dataclass(frozen=True, slots=True)
class Video:
    """The value of a `video=` argument for one connector.

    `force` is D (on, digital), e (on), d (off) or empty; `cvt`: timings by CVT when the display
    does not offer the mode; `options` are like `rotate=90`. A width of 0: no mode is named.
    """

    width: int
    height: int
    refresh_hz: int | None = None
    cvt: bool = False
    reduced: bool = False
    interlaced: bool = False
    force: str = ""
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As modedb.rst writes it."""
        options = "".join(f",{option}" for option in self.options)
        if not self.width:
            return f"{self.force}{options}".lstrip(",")
        refresh = f"@{self.refresh_hz}" if self.refresh_hz else ""
        flags = "M" * self.cvt + "R" * self.reduced
        interlaced = "i" * self.interlaced
        return f"{self.width}x{self.height}{flags}{refresh}{interlaced}{self.force}{options}"


def connector(port: int) -> str:
    """The kernel's name of a port: 0 is HDMI-A-1."""
    return f"HDMI-A-{port + 1}"


def parse_video(value: str) -> Video | None:
    """The value behind `video=CONNECTOR:`; None when the kernel would not understand it."""
    head, *options = value.split(",")
    if head in ("e", "D", "d", ""):
        return Video(0, 0, force=head, options=tuple(options))
    if "=" in head:
        return Video(0, 0, options=(head, *options))
    match = _MODE.fullmatch(head)
    if match is None:
        return None
    return Video(
        int(match["width"]),
        int(match["height"]),
        int(match["refresh"]) if match["refresh"] else None,
        bool(match["cvt"]),
        bool(match["reduced"]),
        bool(match["interlaced"]),
        match["force"],
        tuple(options),
    )


def video_of(data: bytes, port: int) -> str | None:
    """What `video=` says about a port; None when nothing."""
    found = [word for word in _words(data) if word.startswith(_video_key(port))]
    return found[-1].removeprefix(_video_key(port)).decode("latin-1") if found else None


def set_video(data: bytes, port: int, value: str) -> bytes:
    """The last `video=` of the port replaced, or one added behind the last argument."""
    return _put(data, _video_key(port), value)


def drop_videos(data: bytes, port: int | None) -> bytes:
    """No `video=` left for the port; for None, for any HDMI port or for every display."""
    return _keep(data, lambda word: not _is_video_of(word, port))


def edid_files_of(data: bytes) -> dict[str, str]:
    """The EDID file of each connector; the name "" stands for every other one."""
    found = [word for word in _words(data) if _is_edid(word)]
    if not found:
        return {}
    parts = found[-1].partition(b"=")[2].decode("latin-1").split(",")
    pairs = (part.rpartition(":") for part in parts if part)
    return {name: file for name, _, file in pairs}


def set_edid_file(data: bytes, port: int, file: str | None) -> bytes:
    """The EDID file of one port set, or taken out; those of other connectors stay."""
    files = {name: old for name, old in edid_files_of(data).items() if name != connector(port)}
    if file is not None:
        files[connector(port)] = file
    if files == edid_files_of(data):
        return data
    if not files:
        return _keep(data, lambda word: not _is_edid(word))
    value = ",".join(f"{name}:{old}" if name else old for name, old in files.items())
    keys = [key for key in _EDID_KEYS if any(word.startswith(key) for word in _words(data))]
    return _put(data, keys[-1] if keys else _EDID_KEYS[0], value)


def display_words(data: bytes) -> tuple[bytes, ...]:
    """The arguments about HDMI displays, in their order."""
    return tuple(word for word in _words(data) if _is_video_of(word, None) or _is_edid(word))


def put_display_words(data: bytes, words: Sequence[bytes]) -> bytes:
    """The line with these arguments about HDMI displays, and none of those it had."""
    if display_words(data) == tuple(words):
        return data
    pieces, rest = _pieces(
        _keep(data, lambda word: not (_is_video_of(word, None) or _is_edid(word)))
    )
    end = max((n + 1 for n, piece in enumerate(pieces) if piece.strip()), default=0)
    joined = b" ".join([b"".join(pieces[:end]), *words]) if end else b" ".join(words)
    return joined + b"".join(pieces[end:]) + rest


def read_cmdline(data: bytes, file: str) -> tuple[Setting, ...]:
    """The display arguments by name (`video:HDMI-A-1`), in order, with why some do not count."""
    found: list[Setting] = []
    for number, line in enumerate(data.splitlines(), 1):
        for word in filter(_is_display, _words(line)):
            why = None if number == 1 else NoEffect.NOT_FIRST_LINE
            found.append(_setting(file, number, word.decode("latin-1"), why))
    last = {setting.name: n for n, setting in enumerate(found) if setting.why is None}
    return tuple(
        replace(setting, why=NoEffect.OVERRULED)
        if setting.why is None and last[setting.name] != n
        else setting
        for n, setting in enumerate(found)
    )


def _setting(file: str, line: int, text: str, why: NoEffect | None) -> Setting:
    key, _, value = text.partition("=")
    name, colon, mode = value.partition(":")
    if key != "video":
        return Setting(file, line, text, "drm.edid_firmware", value, why)
    return Setting(file, line, text, f"video:{name}" if colon else "video", mode or name, why)


def _is_display(word: bytes) -> bool:
    return word.startswith(b"video=") or _is_edid(word)


def _is_edid(word: bytes) -> bool:
    return word.startswith(_EDID_KEYS)


def _is_video_of(word: bytes, port: int | None) -> bool:
    if port is not None:
        return word.startswith(_video_key(port))
    return _ANY_VIDEO.match(word) is not None


def _video_key(port: int) -> bytes:
    return f"video={connector(port)}:".encode()


def _pieces(data: bytes) -> tuple[list[bytes], bytes]:
    """The first line as words and blanks in turn, and everything from its line end on."""
    line, end, rest = data.partition(b"\n")
    return [match[0] for match in _PIECES.finditer(line)], end + rest


def _words(data: bytes) -> list[bytes]:
    return [piece for piece in _pieces(data)[0] if piece.strip()]


def _put(data: bytes, key: bytes, value: str) -> bytes:
    pieces, rest = _pieces(data)
    word = key + value.encode("latin-1")
    places = [n for n, piece in enumerate(pieces) if piece.startswith(key)]
    ends = [n + 1 for n, piece in enumerate(pieces) if piece.strip()]
    if places:
        pieces[places[-1]] = word
    elif ends:
        pieces[ends[-1] : ends[-1]] = [b" ", word]
    else:
        pieces[:0] = [word]
    return b"".join(pieces) + (rest or (b"" if data else b"\n"))


def _keep(data: bytes, is_kept: Callable[[bytes], bool]) -> bytes:
    """The first line without some words, each going with the blanks before it."""
    pieces, rest = _pieces(data)
    kept: list[bytes] = []
    for piece in pieces:
        if not piece.strip() or is_kept(piece):
            kept.append(piece)
        elif kept and not kept[-1].strip():
            kept.pop()
    if kept and pieces and kept[0] != pieces[0] and not kept[0].strip():
        kept.pop(0)
    return b"".join(kept) + rest

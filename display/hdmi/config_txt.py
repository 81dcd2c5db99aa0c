"""config.txt as lines, every byte kept (PURE).

The firmware reads this file before Linux runs. A line is a comment (`#` first), a filter (`[pi4]`),
a setting (`key=value`, no quotes, the last one wins) or `include FILE`. Of each line it reads
MAX_LINE_BYTES. Files in the wild hold any encoding, CRLF, and no last line end: here a line is its
bytes, and what has no meaning is kept.

Source: raspberrypi/documentation, config_txt/what_is_config_txt.adoc, video.adoc.
"""

import enum
import functools
import re
from dataclasses import dataclass

MAX_LINE_BYTES = 98
# Far above any real file (31 KB has been seen); a bound for what is read into memory.
MAX_FILE_BYTES = 1 << 20
# Settings that belong to a port; `key:1=` or [HDMI:1] names it, else it is port 0.
PORT_KEYS = re.compile(
    r"hdmi_(?!enable_4kp60$|edid_file$)[a-z_]+|config_hdmi_boost|edid_content_type"
    r"|display_hdmi_rotate"
)
# Settings that each add to those before: all of them count, not the last one.
ADDING_KEYS = frozenset(
    {"dtoverlay", "dtparam", "device_tree_param", "device_tree_overlay", "gpio", "initramfs"}
)
# Settings that say what is on an HDMI screen: what `reset` takes out.
DISPLAY_KEYS = re.compile(
    r"hdmi_(?!ignore_cec|force_cec)[a-z0-9_]+|config_hdmi_boost|edid_content_type"
    r"|disable_overscan|overscan_[a-z]+|framebuffer_(?:width|height|depth|ignore_alpha)"
    r"|display_(?:hdmi_)?rotate|max_framebuffer_(?:width|height)"
)
# A plan reads the same lines some twenty times; a long file has 1,000 different ones.
_KEPT_LINES = 4096
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_INTEGER = re.compile(r"\s*[+-]?(?:0[xX][0-9a-fA-F]+|[0-9]+)")
_FILTER = re.compile(rb"\[([^\]]*)\]")
_PORT = re.compile(r"(.+):([0-9])")


class Kind(enum.Enum):
    """What a line is to the firmware."""

    BLANK = "blank"
    COMMENT = "comment"
    FILTER = "filter"
    SETTING = "setting"
    INCLUDE = "include"
    JUNK = "junk"


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its line end. `key` is the filter's text, the setting's key or empty."""

    raw: bytes
    kind: Kind
    key: str = ""
    value: str = ""
    port: int | None = None

    @property
    def text(self) -> str:
        """All of the line but its end, for people: UTF-8 where it is that, else Latin-1."""
        data = self.raw.rstrip(b"\r\n")
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")

    @property
    def is_cut(self) -> bool:
        """True when the firmware does not read all of it."""
        return len(self.raw.rstrip(b"\r\n")) > MAX_LINE_BYTES


def parse_config(data: bytes) -> tuple[Line, ...]:
    """The lines of a config.txt; joined again by `encode_config` they are the same bytes."""
    return tuple(parse_line(raw) for raw in _LINE.findall(data))


def encode_config(lines: tuple[Line, ...]) -> bytes:
    """The file again."""
    return b"".join(line.raw for line in lines)


@functools.lru_cache(_KEPT_LINES)
def parse_line(raw: bytes) -> Line:
    """What the firmware makes of one line, its end included."""
    read = raw.rstrip(b"\r\n")[:MAX_LINE_BYTES].strip(b" \t\0")
    if not read:
        return Line(raw, Kind.BLANK)
    if read.startswith(b"#"):
        return Line(raw, Kind.COMMENT)
    if match := _FILTER.match(read):
        return Line(raw, Kind.FILTER, match[1].decode("latin-1"))
    return _parse_setting(raw, read.decode("latin-1"))


def _parse_setting(raw: bytes, text: str) -> Line:
    word, _, rest = text.partition(" ")
    if word == "include":
        return Line(raw, Kind.INCLUDE, word, rest.strip())
    if word == "initramfs" and rest:
        return Line(raw, Kind.SETTING, word, rest.strip())
    key, equals, value = text.partition("=")
    if not equals or not key:
        return Line(raw, Kind.JUNK, text)
    if match := _PORT.fullmatch(key):
        return Line(raw, Kind.SETTING, match[1], value, int(match[2]))
    return Line(raw, Kind.SETTING, key, value)


def name_of(key: str, port: int) -> str:
    """What a setting is called among the effective ones: `hdmi_mode:0`, `arm_freq`."""
    return f"{key}:{port}" if PORT_KEYS.fullmatch(key) else key


def parse_integer(value: str) -> int | None:
    """The number the firmware reads, decimal or 0x; what follows it is ignored."""
    match = _INTEGER.match(value)
    return None if match is None else int(match[0], 0 if "x" in match[0].lower() else 10)

"""Which part of a boot file is ours, and that part put into another version of the file (PURE).

Others write these files too: a kernel update on Debian makes config.txt anew, people edit it on a
laptop. Taking our change back then changes our part only.
"""

from display.hdmi.cmdline_txt import display_words, put_display_words
from display.hdmi.config_edit import COMMENTED, block_settings, edit_config, uncomment
from display.hdmi.config_txt import parse_config


def part_of(path: str, data: bytes | None) -> object:
    """What we say in a file, to compare; the whole of a file in which only we write."""
    if is_cmdline(path):
        return display_words(data or b"")
    if not is_config(path):
        return data
    return tuple(block_settings(data or b"").items()), _commented(data or b"")


def put_part(path: str, found: bytes | None, wanted: bytes | None) -> bytes | None:
    """`found` with the part of ours that `wanted` has; `wanted` itself where only we write."""
    if found is None or not (is_cmdline(path) or is_config(path)):
        return wanted
    if is_cmdline(path):
        put = put_display_words(found, display_words(wanted or b""))
    else:
        shown = uncomment(found, keep=_commented(wanted or b""))
        put = edit_config(shown, block_settings(wanted or b""))
    return None if wanted is None and not put.strip() else put


def is_cmdline(path: str) -> bool:
    """cmdline.txt, the file config.txt names instead, Debian's raspi-extra-cmdline."""
    return "cmdline" in path.rpartition("/")[2].lower()


def is_config(path: str) -> bool:
    """config.txt, what it includes, Debian's raspi-firmware-custom."""
    name = path.rpartition("/")[2].lower()
    return name == "raspi-firmware-custom" or (name.endswith(".txt") and not is_cmdline(path))


def _commented(data: bytes) -> frozenset[bytes]:
    return frozenset(
        line.raw.rstrip(b"\r\n") for line in parse_config(data) if line.raw.startswith(COMMENTED)
    )

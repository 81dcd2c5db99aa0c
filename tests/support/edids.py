"""EDIDs as displays give them, put together from their parts."""

from collections.abc import Sequence

from display.hdmi.edid_file import encode_detailed
from display.hdmi.modes import Mode, parse_mode
from display.hdmi.timings import resolve_mode

HEADER = b"\0\xff\xff\xff\xff\xff\xff\0"
COLOURS = bytes.fromhex("ee91a3544c99260f5054")
DUMMY = b"\0\0\0\x10" + bytes(14)


def detailed(mode: str | Mode) -> bytes:
    """A detailed timing of a mode."""
    timing = resolve_mode(parse_mode(mode) if isinstance(mode, str) else mode).timing
    assert timing is not None
    return encode_detailed(timing)


def text(tag: int, words: str) -> bytes:
    """A descriptor with a name (0xFC) or a serial number (0xFF)."""
    return bytes([0, 0, 0, tag, 0]) + (words.encode() + b"\n").ljust(13, b" ")[:13]


def limits(formula: int = 0, max_clock_mhz: int = 150) -> bytes:
    """Range limits of 56 to 76 Hz and 30 to 83 kHz."""
    end = b"\x0a      " if formula in (0, 1) else b"\x11\0\0\xf8\x38\xf0\x3c"
    return bytes([0, 0, 0, 0xFD, 0, 56, 76, 30, 83, max_clock_mhz // 10, formula]) + end


def base(
    descriptors: Sequence[bytes],
    *,
    maker: str = "ACR",
    established: bytes = b"\x20\0\0",
    standard: bytes = b"",
    minor: int = 3,
    features: int = 0x0A,
    extensions: int = 0,
) -> bytes:
    """A base block of EDID 1.`minor`, with its checksum."""
    letters = [ord(letter) - 0x40 for letter in maker]
    code = letters[0] << 10 | letters[1] << 5 | letters[2]
    block = HEADER + code.to_bytes(2, "big") + b"\x34\x12\x78\x56\0\0" + bytes([10, 22, 1, minor])
    block += bytes([0x80 if minor < 4 else 0xA2, 38, 30, 120, features]) + COLOURS + established
    block += standard.ljust(16, b"\1")
    block += b"".join((*descriptors, *[DUMMY] * 4)[:4]) + bytes([extensions])
    return checked(block)


def cta(blocks: bytes, details: Sequence[bytes] = (), *, flags: int = 0x40) -> bytes:
    """A CTA-861 extension of data blocks and detailed timings."""
    head = bytes([2, 3, 4 + len(blocks), flags]) + blocks + b"".join(details)
    return checked(head.ljust(127, b"\0"))


def data_block(tag: int, content: bytes) -> bytes:
    """A data block of a CTA-861 extension."""
    return bytes([tag << 5 | len(content)]) + content


def displayid_detailed(mode: str, step_khz: int) -> bytes:
    """A detailed timing of type I (steps of 10 kHz) or VII (1 kHz)."""
    timing = resolve_mode(parse_mode(mode)).timing
    assert timing is not None
    words = (
        timing.width - 1,
        timing.h_total - timing.width - 1,
        timing.h_sync_start - timing.width - 1 | timing.h_positive << 15,
        timing.h_sync_end - timing.h_sync_start - 1,
        timing.height - 1,
        timing.v_total - timing.height - 1,
        timing.v_sync_start - timing.height - 1 | timing.v_positive << 15,
        timing.v_sync_end - timing.v_sync_start - 1,
    )
    clock = (timing.pixel_clock_khz // step_khz - 1).to_bytes(3, "little")
    return clock + b"\x04" + b"".join(word.to_bytes(2, "little") for word in words)


def displayid(blocks: Sequence[tuple[int, bytes]], version: int = 0x12) -> bytes:
    """A DisplayID extension of data blocks by tag, with their revision above it."""
    content = b"".join(bytes([tag & 0xFF, tag >> 8, len(data)]) + data for tag, data in blocks)
    section = bytes([version, 121, 0, 0]) + content.ljust(121, b"\0")
    section += bytes([-sum(section) % 256])
    return checked(b"\x70" + section)


def checked(block: bytes) -> bytes:
    """A block with its checksum."""
    return block + bytes([-sum(block) % 256])


# The old 1280x1024 DVI monitor whose 13 modes `tvservice -m DMT` once listed.
OLD_MONITOR = base(
    [detailed("1280x1024@60"), limits(), text(0xFC, "Acer AL1715"), text(0xFF, "L480C")],
    established=b"\x2f\xcf\0",
    standard=bytes([0x71, 0x4F, 0x81, 0x80]),
)
HDMI_VENDOR = b"\x03\x0c\x00\x10\x00\x80\x2d\x20\x00\x80\x01\x02\x03\x04"
TELEVISION = base(
    [
        detailed("1920x1080@60"),
        detailed("1280x720@60"),
        limits(max_clock_mhz=300),
        text(0xFC, "TV 42"),
    ],
    maker="SAM",
    extensions=1,
) + cta(
    data_block(2, bytes([0x90, 0x1F, 0x04, 0x13, 0x05, 0x14, 0x20, 0x22, 0x06, 0x15, 0x01, 0x10]))
    + data_block(1, b"\x09\x07\x07")
    + data_block(3, HDMI_VENDOR)
    + data_block(7, b"\x0e\x60\x61"),
    [detailed("1920x1080@50")],
    flags=0x71,
)
WIDE_MONITOR = (
    base(
        [detailed("2560x1440@60"), text(0xFC, "DELL U2719D"), limits(4, 250), DUMMY],
        maker="DEL",
        established=b"\xa5\x4b\0",
        standard=bytes([0xD1, 0xC0, 0xA9, 0x40, 0x95, 0x00]),
        minor=4,
        features=0x0F,
        extensions=2,
    )
    + cta(data_block(2, b"\x90\x1f\x65") + data_block(3, HDMI_VENDOR[:7]))
    + displayid(
        [
            (0x03, displayid_detailed("2560x1440@75", 10)),
            (0x05, b"\x04\xef\x3b"),
            (0x06, bytes([0x23, 0x52])),
            (0x07, b"\x08\0\0\0\0\0\0\0\0\0"),
            (0x08, b"\0\x80\0\0\0\0\0\0"),
        ]
    )
)
NEW_MONITOR = base(
    [detailed("3840x2160@30"), text(0xFC, "NEW")], minor=4, extensions=1
) + displayid(
    [
        (0x22, displayid_detailed("3840x2160@60", 1)),
        (0x23, b"\x10"),
        (0x23 | 0x40 << 8, b"\x61"),
    ],
    version=0x20,
)
NARROW_SCREEN = base(
    [detailed("1366x768@60"), text(0xFC, "7in panel")], maker="XXX", established=b"\0\0\0"
)
ALL = {
    "an old monitor": OLD_MONITOR,
    "a television": TELEVISION,
    "a wide monitor": WIDE_MONITOR,
    "a narrow screen": NARROW_SCREEN,
    "a new monitor": NEW_MONITOR,
}

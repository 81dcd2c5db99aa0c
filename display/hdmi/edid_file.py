"""An EDID for a display that has none: one detailed timing, for `drm.edid_firmware=` (PURE).

Source: VESA E-EDID standard, release A, revision 2; Linux, Documentation/admin-guide/edid.rst.
"""

from display.hdmi.edid_timings import DETAILED_BYTES
from display.hdmi.modes import Mode, Timing

# Linux's own built-in EDIDs call themselves so.
_MAKER = b"\x31\xd8"
# The colours of sRGB, which is what a picture without a word about them is meant to have.
_COLOURS = bytes.fromhex("ee91a3544c99260f5054")
_UNUSED_STANDARD = b"\x01\x01" * 8


def encode_edid(mode: Mode) -> bytes:
    """A base block of EDID 1.3 that prefers `mode`. Raises ValueError when it does not fit in."""
    timing = mode.timing
    if timing is None or timing.interlaced:
        raise ValueError(f"{mode} has no progressive timing to write into an EDID")
    detailed = encode_detailed(timing)
    head = b"\0\xff\xff\xff\xff\xff\xff\0" + _MAKER + b"\1\0" + bytes(4) + b"\0\x24\1\3"
    # Digital, no size, gamma 2.2; RGB, sRGB, the first detailed timing preferred.
    basics = b"\x81\0\0\x78\x0e" + _COLOURS
    # 640x480 at 60 Hz, which every display shows.
    established = b"\x20\0\0" + _UNUSED_STANDARD
    name = b"\0\0\0\xfc\0" + str(mode).encode()[:13].ljust(13, b" ").replace(b" ", b"\n", 1)
    block = head + basics + established + detailed + _range(timing) + name + _DUMMY + b"\0"
    return block + bytes([-sum(block) % 256])


def encode_detailed(timing: Timing) -> bytes:
    """Eighteen bytes of a progressive timing. Raises ValueError when a number is too large."""
    h_front, h_sync = timing.h_sync_start - timing.width, timing.h_sync_end - timing.h_sync_start
    v_front, v_sync = timing.v_sync_start - timing.height, timing.v_sync_end - timing.v_sync_start
    h_blank, v_blank = timing.h_total - timing.width, timing.v_total - timing.height
    clock = round(timing.pixel_clock_khz / 10)
    fits = (
        max(timing.width, timing.height, h_blank, v_blank) < 1 << 12
        and max(h_front, h_sync) < 1 << 10
        and max(v_front, v_sync) < 1 << 6
    )
    if not fits or clock >= 1 << 16:
        raise ValueError(f"{timing.width}x{timing.height} is too large for an EDID 1.3")
    flags = 0x18 | timing.v_positive << 2 | timing.h_positive << 1
    return bytes(
        [
            *(clock & 0xFF, clock >> 8),
            *(timing.width & 0xFF, h_blank & 0xFF, timing.width >> 8 << 4 | h_blank >> 8),
            *(timing.height & 0xFF, v_blank & 0xFF, timing.height >> 8 << 4 | v_blank >> 8),
            *(h_front & 0xFF, h_sync & 0xFF, (v_front & 0x0F) << 4 | v_sync & 0x0F),
            h_front >> 8 << 6 | h_sync >> 8 << 4 | v_front >> 4 << 2 | v_sync >> 4,
            *(0, 0, 0, 0, 0),
            flags,
        ]
    )


def _range(timing: Timing) -> bytes:
    """Range limits around the one timing, and 640x480 at 60 Hz."""
    rate_hz, line_khz = float(timing.refresh_hz), float(timing.line_rate_hz) / 1000
    limits = (
        *(min(int(rate_hz), 59), max(int(rate_hz) + 1, 60)),
        *(min(int(line_khz), 31), max(int(line_khz) + 1, 32)),
        timing.pixel_clock_khz // 10_000 + 1,
    )
    return b"\0\0\0\xfd\0" + bytes(limits) + b"\0\n      "


_DUMMY = b"\0\0\0\x10" + bytes(DETAILED_BYTES - 4)

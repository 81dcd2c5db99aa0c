"""The DisplayID extension of an EDID, as far as it names modes (PURE).

Sources: VESA DisplayID 1.3, section 4.4; DisplayID 2.0, sections 4.3 to 4.5.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction

from display.hdmi.edid_timings import (
    Offer,
    Source,
    dmt_offer,
    hdmi_vic_offer,
    mode_of_porches,
    vic_offer,
)
from display.hdmi.modes import Mode, dmt_modes
from display.hdmi.timings import cvt_mode

_TYPE_1, _TYPE_3, _TYPE_4, _TYPE_7, _TYPE_8 = 0x03, 0x05, 0x06, 0x22, 0x23


def parse_displayid(block: bytes) -> tuple[Offer, ...]:
    """The modes of an extension of 128 bytes."""
    return tuple(
        offer
        for tag, revision, data in _data_blocks(block)
        for offer in _offers(tag, revision, data)
    )


def _data_blocks(block: bytes) -> Iterator[tuple[int, int, bytes]]:
    """A section begins behind the tag: version, length, use, count; then its data blocks."""
    at, end = 5, min(5 + block[2], 126)
    while at + 3 <= end:
        tag, length = block[at], block[at + 2]
        if (tag, length) == (0, 0) or at + 3 + length > end:
            return
        yield tag, block[at + 1], block[at + 3 : at + 3 + length]
        at += 3 + length


def _offers(tag: int, revision: int, data: bytes) -> Iterator[Offer]:
    if tag in (_TYPE_4, _TYPE_8):
        yield from _enumerated(data, revision >> 6, 2 if tag == _TYPE_8 and revision & 8 else 1)
    elif tag in _BITS:
        yield from _named(_BITS[tag], _bits(data))
    elif tag in _SIZES:
        size = _SIZES[tag]
        for at in range(0, len(data) - size + 1, size):
            mode = _mode(tag, data[at : at + size])
            if mode is not None:
                yield Offer(mode, Source.DISPLAYID)


def _mode(tag: int, data: bytes) -> Mode | None:
    if tag == _TYPE_3:
        return _short(data)
    return _detailed(data, 1 if tag == _TYPE_7 else 10)


def _detailed(data: bytes, step_khz: int) -> Mode | None:
    """Twenty bytes; every number is one less than what it means."""
    clock_khz = (int.from_bytes(data[:3], "little") + 1) * step_khz
    words = [int.from_bytes(data[at : at + 2], "little") for at in range(4, 20, 2)]
    width, h_blank, h_front, h_sync, height, v_blank, v_front, v_sync = words
    interlaced = bool(data[3] & 0x10)
    per_frame = 2 if interlaced else 1
    vertical = (
        (height + 1) // per_frame,
        ((v_front & 0x7FFF) + 1) // per_frame,
        (v_sync + 1) // per_frame,
        (v_blank + 1) // per_frame,
    )
    return mode_of_porches(
        clock_khz,
        (width + 1, (h_front & 0x7FFF) + 1, h_sync + 1, h_blank + 1),
        vertical,
        (bool(h_front & 0x8000), bool(v_front & 0x8000)),
        interlaced=interlaced,
    )


def _short(data: bytes) -> Mode | None:
    """Three bytes: a shape, a width in eights, a rate; the timing by CVT."""
    shape, width, rate_hz = data[0] & 0x0F, (data[1] + 1) * 8, (data[2] & 0x7F) + 1
    if shape >= len(_SHAPES) or data[2] & _INTERLACED:
        return None
    across, down = _SHAPES[shape]
    height, reduced = width * down // across, data[0] & 0x70 == 0x10
    try:
        return cvt_mode(width, height, Fraction(rate_hz), reduced)
    except ValueError:
        return Mode(width, height, Fraction(rate_hz), reduced_blanking=reduced)


def _enumerated(data: bytes, kind: int, size: int) -> Iterator[Offer]:
    """One number a mode: DMT ids, VICs or HDMI's own numbers."""
    numbers = (int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size))
    if kind in _KINDS:
        yield from _named(_KINDS[kind], numbers)


def _bits(data: bytes) -> Iterator[int]:
    return (n + 1 for n in range(len(data) * 8) if data[n // 8] & 1 << n % 8)


def _dmt_offer(number: int) -> Offer | None:
    return dmt_offer(number, Source.DISPLAYID) if 1 <= number <= len(dmt_modes()) else None


def _named(find: Callable[[int], Offer | None], numbers: Iterator[int]) -> Iterator[Offer]:
    for number in numbers:
        offer = find(number)
        if offer is not None:
            yield offer


_INTERLACED = 0x80
_SHAPES = ((1, 1), (5, 4), (4, 3), (15, 9), (16, 9), (16, 10), (64, 27), (256, 135))
_KINDS: dict[int, Callable[[int], Offer | None]] = {
    0: _dmt_offer,
    1: vic_offer,
    2: hdmi_vic_offer,
}
_BITS: dict[int, Callable[[int], Offer | None]] = {0x07: _dmt_offer, 0x08: vic_offer}
_SIZES = {_TYPE_1: 20, _TYPE_3: 3, _TYPE_7: 20}

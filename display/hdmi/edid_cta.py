"""The CTA-861 extension of an EDID: televisions' modes, HDMI or DVI, sound (PURE).

Sources: CTA-861-H, section 7.5; HDMI 1.4b, section 8.3.2; HDMI 2.0, section 10.3.2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from display.hdmi.edid_timings import (
    DETAILED_BYTES,
    Offer,
    Source,
    hdmi_vic_offer,
    parse_detailed,
    vic_offer,
)
from display.hdmi.modes import Mode

_VIDEO, _VENDOR, _EXTENDED = 2, 3, 7
_PREFERENCE, _ONLY_420 = 0x0D, 0x0E
_HDMI_OUI, _HDMI_FORUM_OUI = b"\x03\x0c\x00", b"\xd8\x5d\xc4"


@dataclass(frozen=True, slots=True)
class Cta:
    """What one extension block says."""

    offers: tuple[Offer, ...]
    is_hdmi: bool
    has_audio: bool
    max_tmds_khz: int | None


def parse_cta(block: bytes, details: Sequence[Mode] = ()) -> Cta:
    """An extension of 128 bytes. `details` are the detailed timings of the base block."""
    revision, details_at, flags = block[1], block[2], block[3]
    blocks = list(_data_blocks(block, details_at)) if revision >= 3 else []
    own = list(_details(block, details_at, flags & 0x0F, len(details)))
    vendors = [data for tag, data in blocks if tag == _VENDOR]
    offers = [offer for tag, data in blocks for offer in _offers(tag, data)]
    return Cta(
        offers=(*offers, *own),
        is_hdmi=any(data.startswith((_HDMI_OUI, _HDMI_FORUM_OUI)) for data in vendors),
        has_audio=revision >= 2 and bool(flags & 0x40),
        max_tmds_khz=max((_tmds_khz(data) for data in vendors), default=0) or None,
    )


def _data_blocks(block: bytes, end: int) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each data block: they fill the room before the detailed timings."""
    at, end = 4, min(end, 127)
    while at < end:
        tag, length = block[at] >> 5, block[at] & 0x1F
        data = block[at + 1 : at + 1 + length]
        if at + 1 + length > end:
            return
        if tag == _EXTENDED and data:
            yield _EXTENDED << 8 | data[0], data[1:]
        else:
            yield tag, data
        at += 1 + length


def _offers(tag: int, data: bytes) -> Iterator[Offer]:
    if tag == _VIDEO:
        yield from _video_formats(data)
    elif tag == _EXTENDED << 8 | _ONLY_420:
        yield from _video_formats(data, needs_420=True)
    elif tag == _VENDOR and data.startswith(_HDMI_OUI):
        yield from _hdmi_vics(data)


def _video_formats(data: bytes, *, needs_420: bool = False) -> Iterator[Offer]:
    """Short video descriptors: in numbers up to 64 the top bit says that it is native."""
    for number in data:
        is_native = 129 <= number <= 192
        offer = vic_offer(number & 0x7F if is_native else number, is_native=is_native)
        if offer is not None:
            yield Offer(offer.mode, Source.CEA, offer.number, is_native, needs_420)


def _hdmi_vics(data: bytes) -> Iterator[Offer]:
    """The HDMI block names the 4K formats behind its optional latencies."""
    if len(data) < 8 or not data[7] & 0x20:
        return
    at = 8 + (2 if data[7] & 0x80 else 0) + (2 if data[7] & 0x40 else 0)
    if at + 2 > len(data):
        return
    for number in data[at + 2 : at + 2 + (data[at + 1] >> 5)]:
        offer = hdmi_vic_offer(number)
        if offer is not None:
            yield offer


def _tmds_khz(data: bytes) -> int:
    """The fastest clock, in steps of 5 MHz; 0 when it is not said."""
    if data.startswith(_HDMI_OUI) and len(data) >= 7:
        return data[6] * 5000
    if data.startswith(_HDMI_FORUM_OUI) and len(data) >= 5:
        return data[4] * 5000
    return 0


def _details(block: bytes, at: int, natives: int, before: int) -> Iterator[Offer]:
    """The detailed timings; the first `natives`, those of the base block counted, are native."""
    number = before
    while 4 <= at <= 127 - DETAILED_BYTES and block[at : at + 2] != b"\0\0":
        mode = parse_detailed(block[at : at + DETAILED_BYTES])
        if mode is not None:
            yield Offer(mode, Source.DETAILED, is_native=number < natives)
            number += 1
        at += DETAILED_BYTES

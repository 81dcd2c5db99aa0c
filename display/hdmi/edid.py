"""EDID: what a display says of itself over the HDMI cable (PURE).

A base block of 128 bytes, then extensions of 128 bytes each: CTA-861 (edid_cta.py), DisplayID
(edid_displayid.py). Displays get much of it wrong, so what can be read is read and the rest is told
in `problems`; only something that is no EDID at all is refused.

Sources: VESA E-EDID standard, release A, revision 2; Linux, drivers/gpu/drm/drm_edid.c (which
timings of a base block count).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from display.hdmi.edid_cta import parse_cta
from display.hdmi.edid_displayid import parse_displayid
from display.hdmi.edid_timings import (
    DETAILED_BYTES,
    Formula,
    Offer,
    Source,
    parse_cvt_code,
    parse_detailed,
    parse_established,
    parse_established_3,
    parse_standard,
)
from display.hdmi.modes import Mode

BLOCK_BYTES = 128
# The number of extensions is one byte.
MAX_EDID_BYTES = 256 * BLOCK_BYTES
_HEADER = b"\0\xff\xff\xff\xff\xff\xff\0"
_CTA, _DISPLAYID, _BLOCK_MAP = 0x02, 0x70, 0xF0


@dataclass(frozen=True, slots=True)
class Display:
    """A display by its EDID.

    `maker` is its three letters, `offers` the modes in the order of the EDID, `size_cm` None when
    unknown (a projector). `max_tmds_khz` is the fastest clock it takes, where it says so;
    `range_khz` its lowest and highest line rate with the pixel clock, `is_hdmi` False for DVI.
    """

    maker: str
    product: int
    name: str = ""
    serial: str = ""
    year: int | None = None
    version: str = ""
    size_cm: tuple[int, int] | None = None
    is_digital: bool = True
    is_hdmi: bool = False
    has_audio: bool = False
    max_tmds_khz: int | None = None
    max_clock_khz: int | None = None
    preferred: Mode | None = None
    native: tuple[int, int] | None = None
    offers: tuple[Offer, ...] = ()
    problems: tuple[str, ...] = field(default=())

    @property
    def filter_name(self) -> str:
        """What `[EDID=...]` in config.txt calls it: `DEL-DELL_U2422H`."""
        return f"{self.maker}-{self.name.replace(' ', '_')}"

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes a Raspberry Pi could send, without repetitions, in the display's order."""
        found: dict[Mode, None] = {}
        for offer in self.offers:
            if not offer.needs_420:
                found.setdefault(offer.mode)
        return tuple(found)


def parse_edid(data: bytes) -> Display:
    """The display behind an EDID. Raises ValueError, in words, for what is none."""
    if len(data) < BLOCK_BYTES:
        raise ValueError(f"an EDID has at least {BLOCK_BYTES} bytes, here are {len(data)}")
    if data[:8] != _HEADER:
        raise ValueError("it does not begin as an EDID does")
    blocks = [data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES)]
    base, extensions = blocks[0], [block for block in blocks[1:] if len(block) == BLOCK_BYTES]
    problems = list(_problems(data, blocks))
    descriptors = _Descriptors(base)
    offers = list(_base_offers(base, descriptors))
    details = [offer.mode for offer in offers if offer.source is Source.DETAILED]
    is_hdmi = has_audio = False
    max_tmds_khz = None
    for block in extensions:
        if block[0] == _CTA:
            cta = parse_cta(block, details)
            offers += cta.offers
            is_hdmi |= cta.is_hdmi
            has_audio |= cta.has_audio
            max_tmds_khz = cta.max_tmds_khz or max_tmds_khz
        elif block[0] == _DISPLAYID:
            offers += parse_displayid(block)
        elif block[0] != _BLOCK_MAP:
            problems.append(f"an extension 0x{block[0]:02x} is not understood")
    return Display(
        maker=_maker(base),
        product=int.from_bytes(base[10:12], "little"),
        name=descriptors.text(0xFC),
        serial=descriptors.text(0xFF) or _serial(base),
        year=base[17] + 1990 if base[17] else None,
        version=f"{base[18]}.{base[19]}",
        size_cm=(base[21], base[22]) if base[21] and base[22] else None,
        is_digital=bool(base[20] & 0x80),
        is_hdmi=is_hdmi,
        has_audio=has_audio,
        max_tmds_khz=max_tmds_khz,
        max_clock_khz=descriptors.max_clock_khz,
        preferred=_preferred(base, offers),
        native=_native(base, offers),
        offers=tuple(offers),
        problems=tuple(problems),
    )


class _Descriptors:
    """The four places of 18 bytes each in a base block."""

    def __init__(self, base: bytes) -> None:
        self.all = [base[at : at + DETAILED_BYTES] for at in range(54, 126, DETAILED_BYTES)]
        self.tagged = [(data[3], data) for data in self.all if data[:3] == b"\0\0\0"]

    def text(self, tag: int) -> str:
        """A name or serial number: up to 13 characters, ended by a line feed."""
        texts = (data[5:18].split(b"\n")[0] for found, data in self.tagged if found == tag)
        return next((text.decode("cp437").strip() for text in texts), "")

    @property
    def formula_byte(self) -> int | None:
        """What the range limits say about formulas; None without range limits."""
        return next((data[10] for tag, data in self.tagged if tag == 0xFD), None)

    @property
    def max_clock_khz(self) -> int | None:
        """The highest pixel clock by the range limits; 0 and 0xFF say nothing."""
        clocks = [data[9] for tag, data in self.tagged if tag == 0xFD and data[9] not in (0, 0xFF)]
        return clocks[0] * 10_000 if clocks else None


def _problems(data: bytes, blocks: list[bytes]) -> Iterator[str]:
    for number, block in enumerate(blocks):
        if len(block) < BLOCK_BYTES:
            yield f"block {number} is cut off"
        elif sum(block) % 256:
            yield f"the checksum of block {number} is wrong"
    if data[126] >= len(data) // BLOCK_BYTES:
        yield f"{data[126]} extensions are announced, {len(data) // BLOCK_BYTES - 1} are there"


def _base_offers(base: bytes, descriptors: _Descriptors) -> Iterator[Offer]:
    """Detailed timings first: the display's own order of preference."""
    minor, formula = base[19], _formula(base, descriptors)
    for data in descriptors.all:
        mode = parse_detailed(data) if data[:2] != b"\0\0" else None
        if mode is not None:
            yield Offer(mode, Source.DETAILED)
    for tag, data in descriptors.tagged:
        if tag == 0xF8:
            codes = (data[at : at + 3] for at in range(6, 18, 3))
            yield from (offer for code in codes if any(code) for offer in parse_cvt_code(code))
        elif tag == 0xF7:
            yield from parse_established_3(data[6:12])
        elif tag == 0xFA:
            yield from _standard(data[5:17], minor, formula)
    yield from parse_established(base[35:38])
    yield from _standard(base[38:54], minor, formula)


def _standard(data: bytes, minor: int, formula: Formula) -> Iterator[Offer]:
    pairs = zip(data[::2], data[1::2], strict=True)
    offers = (parse_standard(first, second, minor, formula) for first, second in pairs)
    return (offer for offer in offers if offer is not None)


def _formula(base: bytes, descriptors: _Descriptors) -> Formula:
    """Byte 24, bit 0: GTF before EDID 1.4, any rate in its range since; the range says by what."""
    if not base[24] & 1:
        return Formula.NONE
    if base[19] >= 4 and descriptors.formula_byte == 4:
        return Formula.CVT
    return Formula.GTF


def _preferred(base: bytes, offers: Iterable[Offer]) -> Mode | None:
    """The first detailed timing: since EDID 1.3 always, before when byte 24 says so."""
    if base[19] < 3 and not base[24] & 2:
        return None
    return next((offer.mode for offer in offers if offer.source is Source.DETAILED), None)


def _native(base: bytes, offers: Iterable[Offer]) -> tuple[int, int] | None:
    """The pixels there are: of the preferred mode where byte 24 says it is native, or as marked."""
    offers = tuple(offers)
    preferred = _preferred(base, offers)
    if preferred is not None and (base[19] < 4 or base[24] & 2):
        return preferred.width, preferred.height
    marked = [offer.mode for offer in offers if offer.is_native]
    return (marked[0].width, marked[0].height) if marked else None


def _maker(base: bytes) -> str:
    code = int.from_bytes(base[8:10], "big")
    return "".join(chr(0x40 + (code >> shift & 0x1F)) for shift in (10, 5, 0))


def _serial(base: bytes) -> str:
    number = int.from_bytes(base[12:16], "little")
    return str(number) if number else ""

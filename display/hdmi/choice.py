"""Which mode it comes to, and whether it can work there (PURE).

Sources: Linux, drivers/gpu/drm/vc4/vc4_hdmi.c (clocks, odd timings); raspberrypi/documentation,
config_txt/video.adoc (numbers and where they hold) and pi4-hdmi.adoc.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from display.hdmi.config_eval import evaluate
from display.hdmi.config_txt import parse_integer
from display.hdmi.edid_timings import Offer, Source
from display.hdmi.errors import RefusedError
from display.hdmi.models import HDMI_14_KHZ
from display.hdmi.modes import (
    Group,
    Limit,
    Mode,
    NumberedMode,
    cea_modes,
    dmt_modes,
    find_numbered_modes,
    is_same_picture,
    nearest,
)
from display.hdmi.situation import Driver, Port, Situation
from display.hdmi.timings import resolve_mode

_CORE_FREQ_MIN_MHZ = 600


@dataclass(frozen=True, slots=True)
class Choice:
    """A mode with its timing; `row` has its number, if one fits. `is_offered`: None if unknown.

    `by_formula`: no display or table has the timing. `rate_hz` is the whole rate to ask for, which
    formulas come near only.
    """

    mode: Mode
    row: NumberedMode | None
    is_offered: bool | None
    rate_hz: int
    by_formula: bool = False

    @property
    def needs_4kp60(self) -> bool:
        """Whether a Raspberry Pi 4 needs hdmi_enable_4kp60=1 for it."""
        return (self.mode.pixel_clock_khz or 0) > HDMI_14_KHZ


def choose_mode(wanted: Mode, situation: Situation, number: int, force: bool) -> Choice:
    """The mode to set for a wish. Raises RefusedError, naming the nearest that works."""
    port = situation.port(number)
    offers = [offer for offer in _offers(port) if is_same_picture(offer.mode, wanted)]
    if port.display is not None and not offers and not force:
        name = port.display.name or port.display.maker
        why = f"the display ({name}) does not offer it"
        raise _refused(wanted, why, port, situation)
    candidates = _candidates(wanted, situation, offers)
    faults = [mode_fault(mode, situation, number) for mode, _ in candidates]
    for (mode, row), fault in zip(candidates, faults, strict=True):
        if fault is None:
            by_formula = not offers and not find_numbered_modes(wanted)
            rate_hz = round(wanted.refresh_hz if by_formula else mode.refresh_hz)
            is_offered = None if port.display is None else bool(offers)
            return Choice(mode, row, is_offered, rate_hz, by_formula)
    raise _refused(wanted, faults[0] or "", port, situation)


def row_fault(row: NumberedMode, situation: Situation, number: int) -> str | None:
    """Why a numbered mode cannot be had on this model and port; None when it can."""
    if row.mode is None:
        return "a number for a mode of your own"
    if row.limit is Limit.IMPOSSIBLE:
        return "no Raspberry Pi sends it"
    if not _is_known(row, situation):
        return f"the {situation.board.model.name} does not know this number"
    return mode_fault(row.mode, situation, number)


def mode_fault(mode: Mode, situation: Situation, number: int) -> str | None:
    """Why a mode cannot be shown by this model and port; None when it can."""
    model, timing = situation.board.model, mode.timing
    if timing is None:
        return None
    limit_khz = model.max_clock_khz[number]
    if timing.pixel_clock_khz > limit_khz:
        return (
            f"its pixel clock is {timing.pixel_clock_khz / 1000:g} MHz, and port {number} of the "
            f"{model.name} goes to {limit_khz / 1000:g} MHz"
        )
    if model.even_timings and timing.has_odd_horizontal:
        return f"the {model.name} sends two pixels a clock, and it has odd horizontal timings"
    if model.enable_4kp60 and mode.width > 4000 and timing.pixel_clock_khz > HDMI_14_KHZ:
        core_mhz = parse_integer(
            evaluate(situation.files, situation.board).get("core_freq_min", "")
        )
        if (core_mhz or 0) < _CORE_FREQ_MIN_MHZ:
            return f"the {model.name} needs core_freq_min={_CORE_FREQ_MIN_MHZ} in config.txt for it"
    return None


def working_modes(port: Port, situation: Situation) -> tuple[Mode, ...]:
    """What would work: of the display's modes, or of the tables when they are not known."""
    if port.display is not None:
        modes: Iterable[Mode | None] = port.display.modes
    else:
        rows = (*cea_modes(), *dmt_modes())
        modes = (row.mode for row in rows if row_fault(row, situation, port.number) is None)
    return tuple(
        mode
        for mode in modes
        if mode is not None and mode_fault(mode, situation, port.number) is None
    )


def _offers(port: Port) -> list[Offer]:
    if port.display is None:
        return []
    return [offer for offer in port.display.offers if not offer.needs_420]


def _candidates(
    wanted: Mode, situation: Situation, offers: list[Offer]
) -> list[tuple[Mode, NumberedMode | None]]:
    """Modes for a wish, the best first, with their numbers: the display's own, else the tables'."""
    rows = [row for row in find_numbered_modes(wanted) if _is_known(row, situation)]
    if not offers:
        found = [(row.mode, row) for row in rows if row.mode is not None]
        return [*found] or [(_resolved(wanted), None)]
    by_rate = sorted(offers, key=lambda offer: abs(offer.mode.refresh_hz - wanted.refresh_hz))
    return [(offer.mode, _row_of(offer, rows)) for offer in by_rate]


def _is_known(row: NumberedMode, situation: Situation) -> bool:
    """Numbers above 65 are read by the Raspberry Pi 4's firmware only; KMS reads no numbers."""
    has_number = row.number <= 65 or row.group is Group.DMT or situation.board.model.has_cea_66
    return has_number or situation.driver is Driver.KMS


def _row_of(offer: Offer, rows: list[NumberedMode]) -> NumberedMode | None:
    """The number the display itself uses; else one with the same timing, or the same picture."""
    group = Group.CEA if offer.source in (Source.CEA, Source.HDMI) else Group.DMT
    named = [row for row in rows if (row.group, row.number) == (group, offer.number)]
    same = [row for row in rows if row.mode and row.mode.timing == offer.mode.timing]
    return next(iter((*named, *same, *rows)), None)


def _resolved(wanted: Mode) -> Mode:
    try:
        return resolve_mode(wanted)
    except ValueError as error:
        what, _, way_out = str(error).partition(": ")
        raise RefusedError(what, "(so it has no timing)", way_out) from None


def _refused(wanted: Mode, why: str, port: Port, situation: Situation) -> RefusedError:
    near = nearest(working_modes(port, situation), wanted)
    way_out = f"the nearest that works is {near}" if near else "nothing that works is known"
    where = f"HDMI port {port.number} of the {situation.board.model.name} ({why})"
    return RefusedError(
        f"{wanted} cannot be shown on", where, way_out, nearest=str(near) if near else None
    )

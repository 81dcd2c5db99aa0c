"""config.txt settings for a wish: the language of the firmware's display (PURE).

Sources: raspberrypi/documentation, config_txt/video.adoc; raspberrypi/firmware, issue 1218 (in
hdmi_timings, 1 is a positive sync).
"""

from collections.abc import Mapping
from fractions import Fraction

from display.hdmi.choice import Choice
from display.hdmi.config_txt import parse_integer
from display.hdmi.errors import RefusedError
from display.hdmi.models import Model
from display.hdmi.modes import Group, Timing
from display.hdmi.wish import Wish

_MODE_KEYS = ("hdmi_group", "hdmi_mode", "hdmi_cvt", "hdmi_timings")
_FORCE_KEYS = ("hdmi_force_hotplug", "hdmi_ignore_edid")
_OVERSCAN_KEYS = ("overscan_left", "overscan_right", "overscan_top", "overscan_bottom")
# The block's order. Keys of a port first, port 0 before port 1.
_ORDER = (
    "hdmi_safe",
    *_MODE_KEYS,
    "hdmi_force_hotplug",
    "hdmi_ignore_hotplug",
    "hdmi_ignore_edid",
    "hdmi_drive",
    "config_hdmi_boost",
    "display_hdmi_rotate",
    "hdmi_enable_4kp60",
    "disable_overscan",
    *_OVERSCAN_KEYS,
)
# What `hdmi_safe=1` stands for, written out: so it wins over every older line, whatever the order.
_SAFE_PORT = {
    "hdmi_force_hotplug": "1",
    "hdmi_ignore_edid": "0xa5000080",
    "config_hdmi_boost": "4",
    "hdmi_group": "2",
    "hdmi_mode": "4",
}
_SAFE_EVERYWHERE = {"disable_overscan": "0", **dict.fromkeys(_OVERSCAN_KEYS, "24")}
_CUSTOM_MODE = 87
# hdmi_cvt and hdmi_timings number the shapes; hdmi_cvt knows the first six.
_SHAPES = (
    Fraction(4, 3),
    Fraction(14, 9),
    Fraction(16, 9),
    Fraction(5, 4),
    Fraction(16, 10),
    Fraction(15, 9),
    Fraction(21, 9),
    Fraction(64, 27),
)


def plan_settings(
    wish: Wish,
    choice: Choice | None,
    ours: Mapping[str, str],
    others: Mapping[str, str],
    model: Model,
) -> dict[str, str]:
    """Our block's settings by name, from those it has now. `others` is in effect without the block.

    Raises RefusedError for what this model does not read.
    """
    port = wish.port
    settings = dict(ours)
    if choice is not None and parse_integer(settings.get("hdmi_safe:0", "")):
        _drop(settings, port, (*_SAFE_PORT, "hdmi_safe"))
        _drop(settings, port, _SAFE_EVERYWHERE)
    if choice is not None:
        _drop(settings, port, (*_MODE_KEYS, *_FORCE_KEYS, "hdmi_enable_4kp60"))
        settings |= _named(port, mode_settings(choice))
        settings |= _named(port, _neutral(port, others))
        settings |= settings_4kp60(choice, model)
        if wish.force and choice.is_offered is False:
            settings |= _named(port, {"hdmi_ignore_edid": "0xa5000080"})
    if wish.force:
        settings |= _named(port, {"hdmi_force_hotplug": "1"})
    if wish.drive is not None:
        settings |= _named(port, {"hdmi_drive": str(int(wish.drive))})
    if wish.boost is not None:
        if not model.has_boost:
            why = "the strength of its signal is fixed"
            raise RefusedError(
                "config_hdmi_boost is not read by the", model.name, f"leave it out: {why}"
            )
        settings |= _named(port, {"config_hdmi_boost": str(wish.boost)})
    if wish.rotate is not None:
        settings |= _named(port, {"display_hdmi_rotate": str(wish.rotate // 90)})
    settings |= _overscan(wish)
    return in_order(settings)


def plan_safe(ours: Mapping[str, str], port: int, model: Model) -> dict[str, str]:
    """The block's settings with VGA on a port, shown by whatever is plugged in."""
    kept = {name: value for name, value in ours.items() if not name.endswith(f":{port}")}
    safe = {key: value for key, value in _SAFE_PORT.items() if key != "config_hdmi_boost"}
    boost = {"config_hdmi_boost": _SAFE_PORT["config_hdmi_boost"]} if model.has_boost else {}
    return in_order(kept | {"hdmi_safe:0": "1"} | _named(port, safe | boost) | _SAFE_EVERYWHERE)


def mode_settings(choice: Choice) -> dict[str, str]:
    """hdmi_group and hdmi_mode; where no number fits, a mode of our own by CVT or exact timings."""
    if choice.row is not None:
        return {"hdmi_group": str(int(choice.row.group)), "hdmi_mode": str(choice.row.number)}
    custom = {"hdmi_group": str(int(Group.DMT)), "hdmi_mode": str(_CUSTOM_MODE)}
    mode = choice.mode
    if not choice.by_formula and mode.timing is not None:
        return custom | {"hdmi_timings": encode_timings(mode.timing)}
    shape = _shape(mode.width, mode.height, _SHAPES[:6])
    reduced = int(mode.reduced_blanking)
    size = f"{mode.width} {mode.height} {choice.rate_hz}"
    return custom | {"hdmi_cvt": f"{size} {shape} 0 0 {reduced}"}


def encode_timings(timing: Timing) -> str:
    """The value of hdmi_timings: seventeen numbers, the clock in Hz."""
    vertical = timing.height, timing.v_sync_start, timing.v_sync_end, timing.v_total
    horizontal = timing.width, timing.h_sync_start, timing.h_sync_end, timing.h_total
    numbers = (
        *_porches(horizontal, timing.h_positive),
        *_porches(vertical, timing.v_positive),
        *(0, 0, 0),
        round(timing.refresh_hz),
        int(timing.interlaced),
        timing.pixel_clock_khz * 1000,
        _shape(timing.width, timing.height, _SHAPES),
    )
    return " ".join(str(number) for number in numbers)


def settings_4kp60(choice: Choice, model: Model) -> dict[str, str]:
    """What a Raspberry Pi 4 needs for modes beyond HDMI 1.4, whoever drives the display."""
    return {"hdmi_enable_4kp60": "1"} if choice.needs_4kp60 and model.enable_4kp60 else {}


def in_order(settings: Mapping[str, str]) -> dict[str, str]:
    """The same settings in the block's order; asking again for the same gives the same bytes."""

    def place(name: str) -> tuple[bool, str, int, str]:
        key, _, port = name.partition(":")
        known = _ORDER.index(key) if key in _ORDER else len(_ORDER)
        return not port, port, known, key

    return {name: settings[name] for name in sorted(settings, key=place)}


def _neutral(port: int, others: Mapping[str, str]) -> dict[str, str]:
    """Older settings that would keep any mode from being shown."""
    found = {"hdmi_safe": others.get("hdmi_safe:0", "")}
    found["hdmi_ignore_hotplug"] = others.get(f"hdmi_ignore_hotplug:{port}", "")
    return {key: "0" for key, value in found.items() if parse_integer(value)}


def _overscan(wish: Wish) -> dict[str, str]:
    if wish.overscan is None:
        return {}
    if wish.overscan.is_off:
        return {"disable_overscan": "1"}
    edges = wish.overscan.left, wish.overscan.right, wish.overscan.top, wish.overscan.bottom
    return {"disable_overscan": "0", **dict(zip(_OVERSCAN_KEYS, map(str, edges), strict=True))}


def _named(port: int, settings: Mapping[str, str]) -> dict[str, str]:
    return {f"{key}:{0 if key == 'hdmi_safe' else port}": value for key, value in settings.items()}


def _drop(settings: dict[str, str], port: int, keys: tuple[str, ...] | Mapping[str, str]) -> None:
    for key in keys:
        settings.pop(f"{key}:{0 if key == 'hdmi_safe' else port}", None)
        settings.pop(key, None)


def _porches(numbers: tuple[int, int, int, int], positive: bool) -> tuple[int, ...]:
    active, start, end, total = numbers
    return active, int(positive), start - active, end - start, total - end


def _shape(width: int, height: int, shapes: tuple[Fraction, ...]) -> int:
    ratio = Fraction(width, height)
    return 1 + min(range(len(shapes)), key=lambda n: abs(shapes[n] - ratio))

"""cmdline.txt arguments for a wish: the language of the kernel's display driver (PURE).

Source: Linux, Documentation/fb/modedb.rst; Documentation/admin-guide/kernel-parameters.txt,
`drm.edid_firmware`.
"""

from dataclasses import replace

from display.hdmi.choice import Choice
from display.hdmi.cmdline_txt import (
    MAX_CMDLINE_BYTES,
    Video,
    drop_videos,
    parse_video,
    set_edid_file,
    set_video,
    video_of,
)
from display.hdmi.edid_file import encode_edid
from display.hdmi.errors import HdmiError, RefusedError
from display.hdmi.modes import Mode
from display.hdmi.situation import Situation
from display.hdmi.wish import Wish

_MARGINS = ("margin_left", "margin_right", "margin_top", "margin_bottom")
# VGA is the one format that every HDMI and DVI display must show (CTA-861-H, section 4.1).
_SAFE = Video(640, 480, 60, force="D")


def plan_cmdline(data: bytes, port: int, wish: Wish, choice: Choice | None) -> bytes:
    """The line with the port's `video=`. Raises RefusedError."""
    for name, value in (("drive", wish.drive), ("boost", wish.boost)):
        if value is not None:
            way_out = f"leave --{name} out: the kernel decides that by the display's EDID"
            raise RefusedError(f"--{name} cannot be set with", "the KMS display driver", way_out)
    video = _present(data, port)
    if choice is not None:
        video = replace(_video_of(choice), options=video.options)
    elif wish.force:
        video = replace(video, force="D")
    return set_video(data, port, str(replace(video, options=_options(video.options, wish))))


def plan_safe_cmdline(data: bytes, port: int) -> bytes:
    """The line with VGA on a port, and its own EDID."""
    return set_edid_file(set_video(data, port, str(_SAFE)), port, None)


def plan_reset_cmdline(data: bytes, port: int | None) -> bytes:
    """The line without a word about a port; for None, about any."""
    data = drop_videos(data, port)
    for number in (0, 1) if port is None else (port,):
        data = set_edid_file(data, number, None)
    return data


def plan_edid(situation: Situation, wish: Wish, mode: Mode | None) -> bytes | None:
    """An EDID file for a port without an EDID; None where none is needed or it cannot be put.

    It is for a display that is plugged in and says nothing, or for any with `force`.
    """
    port = situation.port(wish.port)
    is_mute = port.is_connected is True or wish.force
    if mode is None or port.display is not None or not is_mute or not situation.has_root:
        return None
    try:
        return encode_edid(mode)
    except ValueError:
        return None


def require_room(data: bytes, where: str) -> None:
    """Raises HdmiError when the kernel would cut the line."""
    length = len(data.partition(b"\n")[0].rstrip())
    if length > MAX_CMDLINE_BYTES:
        what = f"{length} bytes are more than the {MAX_CMDLINE_BYTES} the kernel reads of"
        raise HdmiError(what, where, "take something out of it")


def _present(data: bytes, port: int) -> Video:
    """What the port's argument says now; nothing when it is not understood."""
    value = video_of(data, port)
    return (parse_video(value) if value is not None else None) or Video(0, 0)


def _video_of(choice: Choice) -> Video:
    """The mode by whole hertz, which is how the kernel compares.

    Timings by CVT (M) for what the display does not offer, or no table has: the kernel's other
    formula is GTF. D: on, as a digital display, also when nothing is plugged in at the start.
    """
    mode = choice.mode
    is_known = choice.is_offered or (choice.is_offered is None and not choice.by_formula)
    return Video(
        mode.width,
        mode.height,
        choice.rate_hz,
        cvt=not is_known,
        reduced=not is_known and mode.reduced_blanking,
        interlaced=mode.interlaced,
        force="D",
    )


def _options(options: tuple[str, ...], wish: Wish) -> tuple[str, ...]:
    """The options behind the mode; those not asked about stay."""
    kept = list(options)
    if wish.rotate is not None:
        kept = [option for option in kept if not option.startswith("rotate=")]
        kept += [f"rotate={wish.rotate}"] * bool(wish.rotate)
    if wish.overscan is not None:
        kept = [option for option in kept if not option.startswith(_MARGINS)]
        edges = wish.overscan.left, wish.overscan.right, wish.overscan.top, wish.overscan.bottom
        margins = zip(_MARGINS, edges, strict=True)
        kept += [f"{name}={pixels}" for name, pixels in margins if not wish.overscan.is_off]
    return tuple(kept)

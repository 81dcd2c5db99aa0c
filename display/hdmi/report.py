"""How things stand, as tables: what `show` and `modes` print and give as JSON (PURE)."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from display.hdmi.choice import row_fault
from display.hdmi.cmdline_txt import Video, connector, parse_video, read_cmdline
from display.hdmi.config_edit import block_lines
from display.hdmi.config_eval import NoEffect, Setting
from display.hdmi.config_txt import DISPLAY_KEYS
from display.hdmi.edid import Display
from display.hdmi.edid_timings import Offer, Source
from display.hdmi.models import Model
from display.hdmi.modes import (
    Group,
    Mode,
    NumberedMode,
    cea_modes,
    dmt_modes,
    kms_name,
)
from display.hdmi.situation import Driver, Port, Situation

# Settings beside the display's own that decide what is on the screen.
_NEIGHBOURS = re.compile(
    r"disable_fw_kms_setup|max_framebuffers|enable_tvout|sdtv_[a-z_]+|cmdline|os_prefix|include"
)
# What the firmware acts on, or hands to the kernel, when KMS drives the display.
_KMS_READS = re.compile(r"hdmi_enable_4kp60|hdmi_max_pixel_freq|disable_overscan|overscan_[a-z]+")

_MODE_KEYS = (
    *("mode", "width", "height", "refresh_hz", "interlaced", "reduced_blanking"),
    *("aspect", "pixel_clock_khz", "kms"),
)

Table = dict[str, Any]


def status_table(situation: Situation) -> Table:
    """Model, driver, ports and settings, as JSON may have them."""
    ours = {name: block_lines(data) for name, data in situation.files.items()}
    settings = [_setting_table(setting, ours) for setting in display_settings(situation)]
    return {
        "model": situation.board.model.name,
        "driver": situation.driver.value,
        "ports": [_port_table(port) for port in _ports(situation)],
        "settings": settings,
        "made_by_raspi_firmware": bool(situation.custom),
    }


def modes_table(situation: Situation, number: int | None = None) -> Table:
    """What each display offers, or that of one port, and every numbered mode."""
    ports = _ports(situation) if number is None else [situation.port(number)]
    rows = [_row_table(row, situation, ports) for row in (*cea_modes(), *dmt_modes())]
    return {
        "model": situation.board.model.name,
        "driver": situation.driver.value,
        "ports": [_port_table(port) | {"offered": _offered(port.display)} for port in ports],
        "cea": [row for row in rows if row["hdmi_group"] == 1],
        "dmt": [row for row in rows if row["hdmi_group"] == 2],
    }


def display_settings(situation: Situation) -> tuple[Setting, ...]:
    """The settings about displays in the order they are read, with why some do nothing."""
    found = [setting for setting in situation.settings() if _is_about_displays(setting)]
    if situation.cmdline is not None:
        found += read_cmdline(situation.files[situation.cmdline], situation.cmdline)
    return tuple(mark_driver(setting, situation.driver, situation.board.model) for setting in found)


def mark_driver(setting: Setting, driver: Driver, model: Model) -> Setting:
    """The setting, with why this display driver or model does not read it."""
    if not setting.counts:
        return setting
    key, _, rest = setting.name.partition(":")
    if key in ("video", "drm.edid_firmware"):
        if driver is Driver.FIRMWARE:
            return replace(setting, why=NoEffect.FIRMWARE)
        is_bad = key == "video" and parse_video(setting.value) is None
        return replace(setting, why=NoEffect.NOT_UNDERSTOOD) if is_bad else setting
    if not DISPLAY_KEYS.fullmatch(key):
        return setting
    if driver is Driver.KMS and not _KMS_READS.fullmatch(key):
        return replace(setting, why=NoEffect.KMS)
    is_beyond = rest.isdigit() and int(rest) >= model.ports
    if is_beyond or (key == "config_hdmi_boost" and not model.has_boost):
        return replace(setting, why=NoEffect.MODEL)
    return setting


def mode_table(mode: Mode) -> Table:
    """A mode by its numbers and by the kernel's name."""
    values = (
        *(str(mode), mode.width, mode.height, round(float(mode.refresh_hz), 3)),
        *(mode.interlaced, mode.reduced_blanking),
        *(mode.aspect or None, mode.pixel_clock_khz, kms_name(mode)),
    )
    return dict(zip(_MODE_KEYS, values, strict=True))


def _is_about_displays(setting: Setting) -> bool:
    key = setting.name.partition(":")[0].strip()
    if key in ("dtoverlay", "device_tree_overlay"):
        return setting.value.startswith("vc4-")
    return bool(DISPLAY_KEYS.fullmatch(key) or _NEIGHBOURS.fullmatch(key))


def _ports(situation: Situation) -> list[Port]:
    return [situation.port(number) for number in range(situation.board.model.ports)]


def _setting_table(setting: Setting, ours: Mapping[str, Collection[int]]) -> Table:
    why = None
    if setting.why is not None:
        why = setting.why.value + (f" ({setting.detail})" if setting.detail else "")
    return {
        "file": setting.file,
        "line": setting.line,
        "text": setting.text,
        "name": setting.name,
        "value": setting.value,
        "counts": setting.counts,
        "why": why,
        "ours": setting.line in ours[setting.file],
    }


def _port_table(port: Port) -> Table:
    return {
        "port": port.number,
        "connector": connector(port.number),
        "connected": port.is_connected,
        "mode_in_use": port.mode_in_use,
        "display": None if port.display is None else _display_table(port.display),
        "fault": port.fault,
    }


def _display_table(display: Display) -> Table:
    return {
        "maker": display.maker,
        "product": display.product,
        "name": display.name or None,
        "serial": display.serial or None,
        "year": display.year,
        "edid_version": display.version,
        "edid_filter": display.filter_name,
        "preferred": str(display.preferred) if display.preferred else None,
        "native": "x".join(map(str, display.native)) if display.native else None,
        "size_cm": list(display.size_cm) if display.size_cm else None,
        "hdmi": display.is_hdmi,
        "audio": display.has_audio,
        "max_tmds_khz": display.max_tmds_khz,
        "problems": list(display.problems),
    }


def _offered(display: Display | None) -> list[Table] | None:
    if display is None:
        return None
    return [_offer_table(offer, display) for offer in _unrepeated(display.offers)]


def _unrepeated(offers: tuple[Offer, ...]) -> Iterator[Offer]:
    seen: set[Mode] = set()
    for offer in offers:
        if offer.mode not in seen:
            seen.add(offer.mode)
            yield offer


def _offer_table(offer: Offer, display: Display) -> Table:
    is_cea = offer.source in (Source.CEA, Source.HDMI)
    return mode_table(offer.mode) | {
        "source": offer.source.value,
        "vic": offer.number if is_cea else None,
        "dmt": None if is_cea else offer.number,
        "preferred": offer.mode == display.preferred,
        "native": offer.is_native,
        "needs_420": offer.needs_420,
    }


def _row_table(row: NumberedMode, situation: Situation, ports: list[Port]) -> Table:
    displays = [port.display for port in ports if port.display is not None]
    is_offered = any(_is_offered(row, offer) for each in displays for offer in each.offers)
    return {
        "hdmi_group": int(row.group),
        "hdmi_mode": row.number,
        **(mode_table(row.mode) if row.mode else dict.fromkeys(_MODE_KEYS)),
        "video": str(_video(row.mode)) if row.mode else None,
        "repetition": row.repetition,
        "offered": is_offered if displays else None,
        "impossible": row_fault(row, situation, ports[0].number),
    }


def _video(mode: Mode) -> Video:
    return Video(mode.width, mode.height, round(mode.refresh_hz), interlaced=mode.interlaced)


def _is_offered(row: NumberedMode, offer: Offer) -> bool:
    """By the number the display gives, else by the same timing."""
    if offer.number is None:
        return row.mode is not None and row.mode.timing == offer.mode.timing
    group = Group.CEA if offer.source in (Source.CEA, Source.HDMI) else Group.DMT
    return (row.group, row.number) == (group, offer.number)

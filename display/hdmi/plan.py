"""From a wish to the files that make it so, or a refusal with the nearest mode that works (PURE).

A plan says the whole content of each file it changes; who carries it out adds nothing to it. On
Debian the same settings also go into the files raspi-firmware makes the boot files from.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from display.hdmi.choice import Choice, choose_mode
from display.hdmi.cmdline_txt import set_edid_file
from display.hdmi.config_edit import (
    block_settings,
    comment_out,
    edit_config,
    reset_config,
    strip_ours,
)
from display.hdmi.config_eval import NoEffect, Setting, evaluate, read_settings
from display.hdmi.errors import HdmiError
from display.hdmi.plan_firmware import plan_safe, plan_settings, settings_4kp60
from display.hdmi.plan_kms import (
    plan_cmdline,
    plan_edid,
    plan_reset_cmdline,
    plan_safe_cmdline,
    require_room,
)
from display.hdmi.situation import (
    CUSTOM_CMDLINE,
    CUSTOM_CONFIG,
    Driver,
    Situation,
    edid_name,
    edid_path,
)
from display.hdmi.wish import Wish, describe

Contents = Mapping[str, bytes | None]
TRY_CMDLINE = "gatelight-try-cmdline.txt"
TRYBOOT = "tryboot.txt"
_BOOT_FILES = re.compile(r"config\.txt|cmdline\.txt|bootcode\.bin|start.*\.elf|kernel.*\.img", re.I)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be in which file; None: no such file. Nothing in it changes a file needlessly.

    `overruled` are older lines that said otherwise, `notes` sentences for whoever asked. `tryboot`
    are the files of a start with the same display settings which leaves `contents` unwritten.
    """

    action: str
    port: int
    mode: str
    contents: Contents
    overruled: tuple[Setting, ...] = ()
    notes: tuple[str, ...] = ()
    tryboot: Contents = field(default_factory=dict)


# A wish that is still to be planned for a situation.
Planner = Callable[[Situation], Plan]


def plan_set(wish: Wish, situation: Situation) -> Plan:
    """The files for a wish.

    Raises RefusedError, or HdmiError when the files are not what they should be.
    """
    require_boot_files(situation)
    situation.port(wish.port)
    choice = None
    if wish.mode is not None:
        choice = choose_mode(wish.mode, situation, wish.port, wish.force)
    if situation.driver is Driver.KMS:
        return _set_kms(wish, choice, situation)
    return _set_firmware(wish, choice, situation)


def plan_safe_mode(situation: Situation, port: int | None) -> Plan:
    """640x480 on one port, or on all for None, whatever the display says it can show."""
    require_boot_files(situation)
    ports = range(situation.board.model.ports) if port is None else (situation.port(port).number,)
    if situation.driver is Driver.KMS:

        def edit(data: bytes) -> bytes:
            for number in ports:
                data = plan_safe_cmdline(data, number)
            return data

        contents = _cmdlines(situation, edit) | _without_edids(situation, ports)
    else:
        ours = block_settings(situation.files.get(situation.config, b""))
        for number in ports:
            ours = plan_safe(ours, number, situation.board.model)
        contents = _configs(situation, ours)
    action = "safe" if port is None else f"safe --port {port}"
    return Plan(action, ports[0], "640x480@60", _changed(contents, situation))


def plan_reset(situation: Situation, port: int | None) -> Plan:
    """No display settings: ours gone, those of others comments, but for what a distribution ships.

    For one port only, or for everything for None.
    """
    require_boot_files(situation)
    if port is not None:
        situation.port(port)
    contents: dict[str, bytes | None] = {}
    for name in sorted(_config_files(situation)):
        contents[name] = reset_config(situation.files[name], port)
    custom = situation.custom.get(CUSTOM_CONFIG)
    if custom is not None:
        contents[CUSTOM_CONFIG] = _unless_blank(reset_config(custom, port))
    if situation.cmdline is not None:
        data = situation.files[situation.cmdline]
        contents[situation.cmdline] = plan_reset_cmdline(data, port)
    extra = situation.custom.get(CUSTOM_CMDLINE)
    if extra is not None:
        contents[CUSTOM_CMDLINE] = _unless_blank(plan_reset_cmdline(extra, port))
    contents |= _without_edids(situation, (0, 1) if port is None else (port,))
    action = "reset" if port is None else f"reset --port {port}"
    return Plan(action, port or 0, "automatic", _changed(contents, situation))


def require_boot_files(situation: Situation) -> None:
    """Raises HdmiError when a folder is no boot partition."""
    if not any(_BOOT_FILES.fullmatch(name) for name in situation.files):
        way_out = "--boot names the folder of config.txt"
        raise HdmiError("there are no boot files in", situation.folder, way_out)


def _set_firmware(wish: Wish, choice: Choice | None, situation: Situation) -> Plan:
    files, board = situation.files, situation.board
    data = files.get(situation.config, b"")
    base = {**files, situation.config: strip_ours(data)}
    others = evaluate(base, board)
    ours = plan_settings(wish, choice, block_settings(data), others, board.model)
    read = read_settings(base, board)
    overruled = tuple(
        setting
        for setting in read
        if (setting.counts or setting.why is NoEffect.OVERRULED)
        and ours.get(setting.name, setting.value) != setting.value
    )
    contents = _configs(situation, ours)
    if wish.comment_out:
        contents |= _commented(contents, base, _once(overruled, read), situation)
    return Plan(
        describe(wish),
        wish.port,
        str(choice.mode) if choice else "",
        _changed(contents, situation),
        overruled,
        tuple(_firmware_notes(wish, choice, situation, others)),
        {TRYBOOT: contents.get(situation.config)},
    )


def _set_kms(wish: Wish, choice: Choice | None, situation: Situation) -> Plan:
    edid = plan_edid(situation, wish, choice.mode if choice else None)

    def edit(data: bytes) -> bytes:
        edited = plan_cmdline(data, wish.port, wish, choice)
        return edited if edid is None else set_edid_file(edited, wish.port, edid_name(wish.port))

    contents = _cmdlines(situation, edit)
    if edid is not None and _changed(contents, situation):
        contents[edid_path(wish.port)] = edid
    config = dict(block_settings(situation.files.get(situation.config, b"")))
    wanted = settings_4kp60(choice, situation.board.model) if choice else {}
    if wanted.items() - config.items():
        contents |= _configs(situation, config | wanted)
    changed = _changed(contents, situation)
    return Plan(
        describe(wish),
        wish.port,
        str(choice.mode) if choice else "",
        changed,
        (),
        tuple(_kms_notes(choice, edid is not None, situation)),
        _tryboot_kms(wish.port, contents, edid, situation),
    )


def _tryboot_kms(
    port: int, contents: Contents, edid: bytes | None, situation: Situation
) -> Contents:
    """A tryboot.txt that names a command line, and that an EDID file, of its own."""
    name = _require_cmdline(situation)
    config = contents.get(situation.config) or situation.files.get(situation.config, b"")
    ours = block_settings(config) | {"cmdline": TRY_CMDLINE}
    folder = name.rpartition("/")[0]
    line = contents[name] or b""
    tried: dict[str, bytes | None] = {TRYBOOT: edit_config(config, ours)}
    if edid is not None:
        line = set_edid_file(line, port, edid_name(port, trial=True))
        tried[edid_path(port, trial=True)] = edid
    return tried | {f"{folder}/{TRY_CMDLINE}" if folder else TRY_CMDLINE: line}


def _configs(situation: Situation, ours: Mapping[str, str]) -> dict[str, bytes | None]:
    """config.txt and, on Debian, what it is made from, with our block."""
    config = situation.config
    contents: dict[str, bytes | None] = {
        config: edit_config(situation.files.get(config, b""), ours)
    }
    if CUSTOM_CONFIG in situation.custom:
        custom = situation.custom[CUSTOM_CONFIG]
        contents[CUSTOM_CONFIG] = _unless_blank(edit_config(custom or b"", ours))
    return contents


def _cmdlines(situation: Situation, edit: Callable[[bytes], bytes]) -> dict[str, bytes | None]:
    """cmdline.txt and, on Debian, what its end is made from, edited."""
    name = _require_cmdline(situation)
    line = edit(situation.files[name])
    require_room(line, name)
    contents: dict[str, bytes | None] = {name: line}
    if CUSTOM_CMDLINE in situation.custom:
        contents[CUSTOM_CMDLINE] = edit(situation.custom[CUSTOM_CMDLINE] or b"")
    return contents


def _without_edids(situation: Situation, ports: Iterable[int]) -> dict[str, bytes | None]:
    """The EDID files of ours that the command line names taken away."""
    return {edid_path(port): None for port in ports if situation.has_our_edid(port)}


def _require_cmdline(situation: Situation) -> str:
    """A line made of our arguments alone would have no root= to start from."""
    if situation.cmdline is None:
        way_out = "is it the boot partition? A Pi that starts has its root= there"
        raise HdmiError("there is no cmdline.txt in", situation.folder, way_out)
    return situation.cmdline


def _once(settings: Iterable[Setting], read: Iterable[Setting]) -> list[Setting]:
    """Those whose line is not also another port's, in a file that is included twice."""
    names: dict[tuple[str, int], set[str]] = {}
    for each in read:
        names.setdefault((each.file, each.line), set()).add(each.name)
    return [each for each in settings if len(names[each.file, each.line]) == 1]


def _commented(
    contents: Contents,
    base: Mapping[str, bytes],
    overruled: Collection[Setting],
    situation: Situation,
) -> dict[str, bytes | None]:
    """The files with the overruled lines made comments, those they include too."""
    found: dict[str, bytes | None] = {}
    for name in {setting.file for setting in overruled}:
        numbers = {setting.line for setting in overruled if setting.file == name}
        if name == situation.config:
            data = contents[name] or b""
            found[name] = edit_config(base[name], block_settings(data), numbers)
        else:
            found[name] = comment_out(base[name], numbers)
    return found


def _config_files(situation: Situation) -> set[str]:
    """config.txt and what it includes, as far as it is there."""
    read = {setting.file for setting in situation.settings()}
    return (read | {situation.config}) & situation.files.keys()


def _firmware_notes(
    wish: Wish, choice: Choice | None, situation: Situation, others: Mapping[str, str]
) -> list[str]:
    notes = []
    if "vc4-kms" in others.get("dtoverlay", ""):
        notes.append("config.txt loads vc4-kms-v3d, and with that these settings have no effect")
    size = [others.get(f"framebuffer_{side}") for side in ("width", "height")]
    if choice is not None and any(size):
        pinned = "x".join(value or "?" for value in size)
        notes.append(f"framebuffer_width and framebuffer_height keep the picture at {pinned}")
    if wish.rotate in (90, 270) and "vc4-fkms" in others.get("dtoverlay", ""):
        notes.append("with vc4-fkms-v3d the picture cannot be turned by 90 or 270 degrees")
    return notes


def _kms_notes(choice: Choice | None, has_edid: bool, situation: Situation) -> list[str]:
    notes = []
    if has_edid:
        notes.append("the display gives no EDID, so the kernel gets one of ours")
    if choice is not None and choice.is_offered is False:
        notes.append("the display does not offer this mode: its timing is computed by CVT")
    if situation.cmdline != "cmdline.txt":
        notes.append(f"config.txt has the kernel read {situation.cmdline}")
    return notes


def _changed(contents: Contents, situation: Situation) -> Contents:
    """Only the files that get another content."""
    now: dict[str, bytes | None] = {**situation.files, **situation.custom}
    return {path: data for path, data in contents.items() if path not in now or now[path] != data}


def _unless_blank(data: bytes) -> bytes | None:
    return data if data.strip() else None

"""Plans: from a wish to the bytes of the files."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from display.hdmi.cmdline_txt import video_of
from display.hdmi.config_edit import BEGIN, COMMENTED, END, block_settings
from display.hdmi.config_eval import evaluate
from display.hdmi.config_filters import Board
from display.hdmi.config_txt import DISPLAY_KEYS, MAX_LINE_BYTES
from display.hdmi.edid import parse_edid
from display.hdmi.edid_file import encode_edid
from display.hdmi.errors import HdmiError, RefusedError
from display.hdmi.models import MODELS, UNKNOWN
from display.hdmi.modes import parse_mode
from display.hdmi.plan import plan_reset, plan_safe_mode, plan_set
from display.hdmi.plan_firmware import encode_timings
from display.hdmi.situation import CUSTOM_CMDLINE, CUSTOM_CONFIG, Driver, Port, Situation
from display.hdmi.timings import cvt_mode, resolve_mode
from display.hdmi.wish import parse_wish
from tests.display.hdmi.test_config_edit import FILES
from tests.support import edids

LINE = b"console=tty1 root=/dev/mmcblk0p2 rootwait\n"
STOCK = b"dtparam=audio=on\n[all]\n"
# The card of somebody who once sat before a black screen for an afternoon.
OOB = b"hdmi_mode=19\n#arm_freq=800\ndisable_overscan=1\n"


def situation(
    config: bytes | None = STOCK,
    *,
    model: str = "pi4",
    driver: Driver = Driver.FIRMWARE,
    line: bytes | None = LINE,
    ports: tuple[Port, ...] = (),
    custom: Mapping[str, bytes | None] | None = None,
    has_root: bool = False,
) -> Situation:
    files = {"config.txt": config, "cmdline.txt": line}
    present = {name: data for name, data in files.items() if data is not None}
    board = Board(MODELS.get(model, UNKNOWN))
    return Situation(board, driver, present, ports, custom or {}, has_root)


def block(*lines: str, end: bytes = b"\n", joined: bool = False) -> bytes:
    head = BEGIN + b" (+1)" if joined else BEGIN
    return end.join([head, b"[all]", *(line.encode() for line in lines), END, b""])


FIRMWARE = [
    ({"mode": "1280x1024@60"}, ["hdmi_group=2", "hdmi_mode=35"]),
    ({"mode": "1920x1080@60", "port": 1}, ["hdmi_group:1=1", "hdmi_mode:1=16"]),
    ({"mode": "800x480@60"}, ["hdmi_group=2", "hdmi_mode=87", "hdmi_cvt=800 480 60 6 0 0 0"]),
    (
        {"mode": "1280x1024@60", "force": True},
        ["hdmi_group=2", "hdmi_mode=35", "hdmi_force_hotplug=1"],
    ),
    ({"drive": "hdmi"}, ["hdmi_drive=2"]),
    ({"drive": "dvi", "port": 1}, ["hdmi_drive:1=1"]),
    ({"rotate": 90}, ["display_hdmi_rotate=1"]),
    ({"rotate": 0}, ["display_hdmi_rotate=0"]),
    ({"overscan": "off"}, ["disable_overscan=1"]),
    (
        {"overscan": "1,2,3,4"},
        ["disable_overscan=0", "overscan_left=1", "overscan_right=2", "overscan_top=3", "overscan_bottom=4"],
    ),
    (
        {"mode": "3840x2160@60"},
        ["hdmi_group=1", "hdmi_mode=97", "hdmi_enable_4kp60=1"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wish", "lines"), FIRMWARE, ids=[str(row[0]) for row in FIRMWARE])
def test_the_firmware_is_told_in_config_txt(wish: dict[str, object], lines: list[str]) -> None:
    plan = plan_set(parse_wish(wish), situation())
    assert plan.contents == {"config.txt": STOCK + block(*lines)}
    assert plan.tryboot == {"tryboot.txt": STOCK + block(*lines)}


KMS = [
    ({"mode": "1280x1024@60"}, b"video=HDMI-A-1:1280x1024@60D"),
    ({"mode": "1920x1080i@50", "port": 1}, b"video=HDMI-A-2:1920x1080@50iD"),
    ({"mode": "800x480@60"}, b"video=HDMI-A-1:800x480M@60D"),
    ({"rotate": 90}, b"video=HDMI-A-1:rotate=90"),
    ({"mode": "640x480@60", "rotate": 180}, b"video=HDMI-A-1:640x480@60D,rotate=180"),
    ({"force": True}, b"video=HDMI-A-1:D"),
    (
        {"overscan": "5"},
        b"video=HDMI-A-1:margin_left=5,margin_right=5,margin_top=5,margin_bottom=5",
    ),
]


@pytest.mark.parametrize(("wish", "word"), KMS, ids=[str(row[0]) for row in KMS])
def test_the_kernel_is_told_in_cmdline_txt(wish: dict[str, object], word: bytes) -> None:
    plan = plan_set(parse_wish(wish), situation(driver=Driver.KMS))
    line = LINE.rstrip() + b" " + word + b"\n"
    assert plan.contents == {"cmdline.txt": line}
    assert plan.tryboot == {
        "tryboot.txt": STOCK + block("cmdline=gatelight-try-cmdline.txt"),
        "gatelight-try-cmdline.txt": line,
    }


def test_what_is_not_asked_about_stays_as_it_was_set() -> None:
    there = situation()
    for wish, port in ({"mode": "1280x1024@60", "rotate": 90}, 0), ({"mode": "640x480@60"}, 1):
        plan = plan_set(parse_wish({**wish, "port": port}), there)
        there = replace(there, files={**there.files, **only_bytes(plan.contents)})
    plan = plan_set(parse_wish({"mode": "1920x1080@60"}), there)
    lines = [
        "hdmi_group=1",
        "hdmi_mode=16",
        "display_hdmi_rotate=1",
        "hdmi_group:1=1",
        "hdmi_mode:1=1",
    ]
    assert plan.contents["config.txt"] == STOCK + block(*lines)


def test_the_options_of_a_kernel_argument_stay() -> None:
    line = b"a video=HDMI-A-1:1920x1080@60D,rotate=90,margin_left=5 b\n"
    plan = plan_set(parse_wish({"mode": "640x480@60"}), situation(driver=Driver.KMS, line=line))
    assert (
        plan.contents["cmdline.txt"] == b"a video=HDMI-A-1:640x480@60D,rotate=90,margin_left=5 b\n"
    )
    plan = plan_set(parse_wish({"rotate": 0}), situation(driver=Driver.KMS, line=line))
    assert plan.contents["cmdline.txt"] == b"a video=HDMI-A-1:1920x1080@60D,margin_left=5 b\n"


def only_bytes(contents: object) -> dict[str, bytes]:
    assert isinstance(contents, dict)
    return {path: data for path, data in contents.items() if data is not None}


def test_asking_twice_changes_nothing() -> None:
    for driver in Driver:
        wish, there = parse_wish({"mode": "1280x1024@60", "rotate": 180}), situation(driver=driver)
        files = {**there.files, **only_bytes(plan_set(wish, there).contents)}
        assert plan_set(wish, replace(there, files=files)).contents == {}


def test_older_lines_are_named_and_stay_or_become_comments() -> None:
    there = situation(b"include e.txt\n" + OOB)
    there = replace(there, files={**there.files, "e.txt": b"hdmi_group=1\n"})
    plan = plan_set(parse_wish({"mode": "1280x1024@60"}), there)
    named = [(setting.file, setting.line, setting.text) for setting in plan.overruled]
    assert named == [("e.txt", 1, "hdmi_group=1"), ("config.txt", 2, "hdmi_mode=19")]
    assert plan.contents.keys() == {"config.txt"}
    plan = plan_set(parse_wish({"mode": "1280x1024@60", "comment_out": True}), there)
    old = OOB.replace(b"hdmi_mode", COMMENTED + b"hdmi_mode")
    assert plan.contents == {
        "config.txt": b"include e.txt\n" + old + block("hdmi_group=2", "hdmi_mode=35"),
        "e.txt": COMMENTED + b"hdmi_group=1\n",
    }


def test_a_line_that_is_read_for_both_ports_is_not_commented_out() -> None:
    there = situation(b"include e.txt\ninclude e.txt\n")
    there = replace(there, files={**there.files, "e.txt": b"hdmi_mode=5\n[HDMI:1]\n"})
    plan = plan_set(parse_wish({"mode": "1280x1024@60", "comment_out": True}), there)
    assert plan.contents.keys() == {"config.txt"}


NEUTRALISED = [
    (b"hdmi_safe=1\n", ["hdmi_safe=0", "hdmi_group=2", "hdmi_mode=35"]),
    (b"hdmi_ignore_hotplug=1\n", ["hdmi_group=2", "hdmi_mode=35", "hdmi_ignore_hotplug=0"]),
    (b"hdmi_safe=0\n", ["hdmi_group=2", "hdmi_mode=35"]),
]


@pytest.mark.parametrize(("config", "lines"), NEUTRALISED)
def test_older_settings_that_hide_any_mode_are_overruled(config: bytes, lines: list[str]) -> None:
    plan = plan_set(parse_wish({"mode": "1280x1024@60"}), situation(config))
    assert plan.contents["config.txt"] == config + block(*lines)


def test_a_mode_of_the_display_without_a_number_gets_its_exact_timing() -> None:
    port = Port(0, True, parse_edid(edids.WIDE_MONITOR))
    plan = plan_set(parse_wish({"mode": "2560x1440@60"}), situation(ports=(port,)))
    timing = resolve_mode(parse_mode("2560x1440@60")).timing
    assert timing is not None
    assert block_settings(plan.contents["config.txt"] or b"") == {
        "hdmi_group:0": "2",
        "hdmi_mode:0": "87",
        "hdmi_timings:0": encode_timings(timing),
    }


def test_exact_timings_are_written_as_the_firmware_prints_them() -> None:
    """Of `hdmi_cvt=800 480 60` it printed "800 0 24 72 96 480 1 3 2 15 0 0 0 59 0 29500000 3".

    (raspberrypi/firmware, issue 1218; it makes the vertical sync shorter than CVT does.)
    """
    timing = cvt_mode(800, 480, parse_mode("800x480@60").refresh_hz).timing
    assert timing is not None
    assert encode_timings(timing) == "800 0 24 72 96 480 1 3 10 7 0 0 0 59 0 29500000 6"


def test_a_mode_the_display_does_not_offer_makes_the_firmware_ignore_its_edid() -> None:
    port = Port(0, True, parse_edid(edids.OLD_MONITOR))
    wish = parse_wish({"mode": "1920x1080@60", "force": True})
    settings = block_settings(
        plan_set(wish, situation(ports=(port,))).contents["config.txt"] or b""
    )
    assert settings["hdmi_ignore_edid:0"] == "0xa5000080"


def test_a_mode_beyond_hdmi_1_4_is_told_to_firmware_and_kernel() -> None:
    wish = parse_wish({"mode": "3840x2160@60"})
    plan = plan_set(wish, situation(driver=Driver.KMS))
    assert plan.contents["config.txt"] == STOCK + block("hdmi_enable_4kp60=1")
    assert video_of(plan.contents["cmdline.txt"] or b"", 0) == "3840x2160@60D"
    assert plan_set(wish, situation(driver=Driver.KMS, model="pi5")).contents.keys() == {
        "cmdline.txt"
    }


def test_a_display_without_an_edid_gets_one_of_ours() -> None:
    there = situation(driver=Driver.KMS, ports=(Port(0, True, None),), has_root=True)
    plan = plan_set(parse_wish({"mode": "1280x1024@60"}), there)
    edid = encode_edid(resolve_mode(parse_mode("1280x1024@60")))
    assert plan.contents["/lib/firmware/gatelight-HDMI-A-1.bin"] == edid
    assert plan.contents["cmdline.txt"] == (
        LINE.rstrip()
        + b" video=HDMI-A-1:1280x1024@60D drm.edid_firmware=HDMI-A-1:gatelight-HDMI-A-1.bin\n"
    )
    tried = plan.tryboot["gatelight-try-cmdline.txt"] or b""
    assert tried.endswith(b"drm.edid_firmware=HDMI-A-1:gatelight-try-HDMI-A-1.bin\n")
    assert plan.tryboot["/lib/firmware/gatelight-try-HDMI-A-1.bin"] == edid


def test_an_edid_of_ours_is_not_taken_for_the_displays() -> None:
    """The kernel shows the file we gave it as if it came over the cable."""
    there = situation(driver=Driver.KMS, ports=(Port(0, True, None),), has_root=True)
    first = plan_set(parse_wish({"mode": "1280x1024@60"}), there)
    edid = first.contents["/lib/firmware/gatelight-HDMI-A-1.bin"] or b""
    line = first.contents["cmdline.txt"] or b""
    seen = Port(0, True, parse_edid(edid))
    there = replace(there, files={**there.files, "cmdline.txt": line}, ports=(seen,))
    assert plan_set(parse_wish({"mode": "1280x1024@60"}), there).contents == {}
    second = plan_set(parse_wish({"mode": "1920x1080@60"}), there)
    assert second.contents.keys() == {"cmdline.txt", "/lib/firmware/gatelight-HDMI-A-1.bin"}
    for plan in (plan_reset(there, None), plan_safe_mode(there, 0)):
        assert plan.contents["/lib/firmware/gatelight-HDMI-A-1.bin"] is None
        assert b"edid" not in (plan.contents["cmdline.txt"] or b"")


@pytest.mark.parametrize("is_connected", [None, False])
def test_an_unplugged_port_gets_an_edid_only_when_forced(is_connected: bool | None) -> None:
    there = situation(driver=Driver.KMS, ports=(Port(0, is_connected, None),), has_root=True)
    wish = {"mode": "1280x1024@60"}
    assert plan_set(parse_wish(wish), there).contents.keys() == {"cmdline.txt"}
    assert len(plan_set(parse_wish({**wish, "force": True}), there).contents) == 2
    alone = replace(there, has_root=False)
    assert len(plan_set(parse_wish({**wish, "force": True}), alone).contents) == 1


def test_on_debian_the_settings_also_go_where_the_boot_files_are_made_from() -> None:
    custom = {CUSTOM_CONFIG: b"gpu_mem=64\n", CUSTOM_CMDLINE: None}
    wish = parse_wish({"mode": "1280x1024@60"})
    plan = plan_set(wish, situation(custom=custom))
    lines = "hdmi_group=2", "hdmi_mode=35"
    assert plan.contents == {
        "config.txt": STOCK + block(*lines),
        CUSTOM_CONFIG: b"gpu_mem=64\n" + block(*lines),
    }
    plan = plan_set(wish, situation(driver=Driver.KMS, custom=custom))
    assert plan.contents[CUSTOM_CMDLINE] == b"video=HDMI-A-1:1280x1024@60D\n"


SAFE_LINES = [
    *("hdmi_safe=1", "hdmi_group=2", "hdmi_mode=4", "hdmi_force_hotplug=1"),
    *("hdmi_ignore_edid=0xa5000080", "config_hdmi_boost=4", "disable_overscan=0"),
    *("overscan_left=24", "overscan_right=24", "overscan_top=24", "overscan_bottom=24"),
]


def test_safe_writes_out_what_the_firmware_calls_safe() -> None:
    plan = plan_safe_mode(situation(OOB, model="pi3"), None)
    assert plan.contents == {"config.txt": OOB + block(*SAFE_LINES)}


def test_safe_is_for_every_port_or_for_one() -> None:
    settings = block_settings(plan_safe_mode(situation(), None).contents["config.txt"] or b"")
    assert [settings[f"hdmi_mode:{port}"] for port in (0, 1)] == ["4", "4"]
    assert "config_hdmi_boost:0" not in settings
    plan = plan_safe_mode(situation(driver=Driver.KMS), 1)
    assert plan.contents == {"cmdline.txt": LINE.rstrip() + b" video=HDMI-A-2:640x480@60D\n"}


def test_a_mode_set_after_safe_leaves_nothing_of_it() -> None:
    config = plan_safe_mode(situation(OOB), None).contents["config.txt"]
    plan = plan_set(parse_wish({"mode": "1280x1024@60"}), situation(config))
    settings = block_settings(plan.contents["config.txt"] or b"")
    assert settings.keys() >= {"hdmi_group:0", "hdmi_mode:0"}
    assert not [name for name in settings if "safe" in name or "overscan" in name]
    assert "hdmi_ignore_edid:0" not in settings


RESETS = [
    ("ours only", STOCK + block("hdmi_mode=35"), STOCK),
    ("the seed's file", OOB, COMMENTED + b"hdmi_mode=19\n#arm_freq=800\n" + COMMENTED + b"disable_overscan=1\n"),
    (
        "what Raspberry Pi OS ships",
        b"# Disable compensation for displays with overscan\ndisable_overscan=1\nhdmi_group=1\n",
        b"# Disable compensation for displays with overscan\ndisable_overscan=1\n" + COMMENTED + b"hdmi_group=1\n",
    ),
    ("other settings", b"gpu_mem=64\r\nsdtv_mode=2\r\nhdmi_ignore_cec=1\r\n", None),
    ("other sections too", b"[pi3]\nhdmi_mode=4", b"[pi3]\n" + COMMENTED + b"hdmi_mode=4"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "after"), [row[1:] for row in RESETS], ids=[row[0] for row in RESETS]
)
def test_reset_leaves_what_a_distribution_ships(config: bytes, after: bytes | None) -> None:
    plan = plan_reset(situation(config), None)
    assert plan.contents == ({} if after is None else {"config.txt": after})


def test_reset_is_for_everything_or_for_one_port() -> None:
    config = b"[HDMI:1]\nhdmi_mode=4\n[all]\nhdmi_mode=5\noverscan_left=1\n" + block(
        "hdmi_mode:1=16", "hdmi_mode=4"
    )
    plan = plan_reset(situation(config), 1)
    assert plan.contents["config.txt"] == (
        b"[HDMI:1]\n" + COMMENTED + b"hdmi_mode=4\n[all]\nhdmi_mode=5\noverscan_left=1\n" + block("hdmi_mode=4")
    )  # fmt: skip
    line = b"a video=HDMI-A-1:1x1 video=HDMI-A-2:1x1 drm.edid_firmware=HDMI-A-2:e\n"
    custom = {CUSTOM_CONFIG: block("hdmi_mode=4"), CUSTOM_CMDLINE: b"video=HDMI-A-1:1x1\n"}
    plan = plan_reset(situation(b"", line=line, custom=custom, driver=Driver.KMS), None)
    assert plan.contents == {"cmdline.txt": b"a\n", CUSTOM_CONFIG: None, CUSTOM_CMDLINE: None}


REFUSED = [
    ({"boost": 4}, situation(), "config_hdmi_boost is not read by the pi4"),
    (
        {"boost": 4},
        situation(driver=Driver.KMS),
        "--boost cannot be set with the KMS display driver",
    ),
    ({"drive": "dvi"}, situation(driver=Driver.KMS), "--drive cannot be set with the KMS"),
]


@pytest.mark.parametrize(("wish", "there", "words"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_the_driver_or_model_does_not_read_is_refused(
    wish: dict[str, object], there: Situation, words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        plan_set(parse_wish(wish), there)


FAULTS = [
    (situation(None, line=None), "there are no boot files in this folder"),
    (situation(line=None, driver=Driver.KMS), "there is no cmdline.txt in this folder"),
    (situation(line=b"a" * 1020, driver=Driver.KMS), "1049 bytes are more than the 1024"),
]


@pytest.mark.parametrize(("there", "words"), FAULTS, ids=[row[1] for row in FAULTS])
def test_files_that_cannot_be_right_are_left_alone(there: Situation, words: str) -> None:
    with pytest.raises(HdmiError, match=words):
        plan_set(parse_wish({"mode": "1280x1024@60"}), there)


def test_a_card_whose_config_txt_was_taken_away_gets_a_new_one() -> None:
    plan = plan_set(parse_wish({"mode": "1280x1024@60"}), situation(None))
    assert plan.contents == {"config.txt": block("hdmi_group=2", "hdmi_mode=35")}


def test_settings_that_a_kernel_driver_hides_are_noted() -> None:
    plan = plan_set(parse_wish({"drive": "dvi"}), situation(b"dtoverlay=vc4-kms-v3d\n"))
    assert "with that these settings have no effect" in plan.notes[0]
    plan = plan_set(parse_wish({"mode": "640x480@60"}), situation(b"framebuffer_width=800\n"))
    assert "keep the picture at 800x?" in plan.notes[0]


WISHES = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["1280x1024@60", "640x480@60", "1920x1080@50", "800x480@60"]),
        "rotate": st.sampled_from([0, 90, 180, 270]),
        "overscan": st.sampled_from(["off", "0,1,2,3"]),
        "force": st.just(True),
        "drive": st.sampled_from(["dvi", "hdmi"]),
        "port": st.sampled_from([0, 1]),
        "comment_out": st.booleans(),
    },
).filter(lambda wish: wish.keys() - {"port", "comment_out"})


@settings(deadline=None)
@given(FILES, FILES, WISHES, st.sampled_from(["pi4", "pi400", "cm4"]))
def test_the_asked_values_hold_on_the_model_and_all_others_stay(
    config: bytes, included: bytes, wish: dict[str, object], model: str
) -> None:
    """The evaluator of the files' meaning decides."""
    there = situation(config, model=model)
    there = replace(there, files={**there.files, "e.txt": included})
    before = evaluate(there.files, there.board)
    plan = plan_set(parse_wish(wish), there)
    files = {**there.files, **only_bytes(plan.contents)}
    after = evaluate(files, there.board)
    asked = block_settings(files["config.txt"])
    assert after.items() >= asked.items()
    ours = asked.keys() | block_settings(config).keys()
    others = [
        {name: value for name, value in values.items() if name not in ours}
        for values in (before, after)
    ]
    assert others[0] == others[1]
    assert plan_set(parse_wish(wish), replace(there, files=files)).contents == {}
    assert all(len(line) <= MAX_LINE_BYTES for line in block(*asked.values()).split(b"\n"))


@settings(deadline=None)
@given(FILES, FILES, st.sampled_from(["pi3", "pi4"]))
def test_after_a_reset_no_display_setting_counts_and_all_others_stay(
    config: bytes, included: bytes, model: str
) -> None:
    there = situation(config, model=model)
    there = replace(there, files={**there.files, "e.txt": included})
    files = {**there.files, **only_bytes(plan_reset(there, None).contents)}
    others = {
        name: value
        for name, value in evaluate(there.files, there.board).items()
        if not DISPLAY_KEYS.fullmatch(name.partition(":")[0])
    }
    assert evaluate(files, there.board) == others
    assert plan_reset(replace(there, files=files), None).contents == {}

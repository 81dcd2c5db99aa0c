"""The kernel's one line: our arguments set and taken out, every other byte kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.hdmi.cmdline_txt import (
    Video,
    connector,
    drop_videos,
    edid_files_of,
    parse_video,
    read_cmdline,
    set_edid_file,
    set_video,
    video_of,
)
from display.hdmi.config_eval import NoEffect

ROOT = b"console=tty1 root=PARTUUID=1-2 rootwait"
NEW = "1280x1024@60D"

SET = [
    (b"", b"video=HDMI-A-1:1280x1024@60D\n"),
    (ROOT, ROOT + b" video=HDMI-A-1:1280x1024@60D"),
    (ROOT + b"\n", ROOT + b" video=HDMI-A-1:1280x1024@60D\n"),
    (ROOT + b" \r\n", ROOT + b" video=HDMI-A-1:1280x1024@60D \r\n"),
    (ROOT + b"\nsecond\n", ROOT + b" video=HDMI-A-1:1280x1024@60D\nsecond\n"),
    (b"a video=HDMI-A-1:640x480 b\n", b"a video=HDMI-A-1:1280x1024@60D b\n"),
    (b"a  video=HDMI-A-2:d\tb", b"a  video=HDMI-A-2:d\tb video=HDMI-A-1:1280x1024@60D"),
    (b'a="x video=HDMI-A-1:1 y"', b'a="x video=HDMI-A-1:1 y" video=HDMI-A-1:1280x1024@60D'),
    (b"video=HDMI-A-1:1x1 video=HDMI-A-1:2x2", b"video=HDMI-A-1:1x1 video=HDMI-A-1:1280x1024@60D"),
]


@pytest.mark.parametrize(("before", "after"), SET)
def test_the_mode_of_a_port_is_set(before: bytes, after: bytes) -> None:
    assert set_video(before, 0, NEW) == after
    assert set_video(after, 0, NEW) == after
    assert video_of(after, 0) == NEW


DROP = [
    (b"a video=HDMI-A-1:1x1 b\n", 0, b"a b\n"),
    (b"video=HDMI-A-1:1x1 b\n", 0, b"b\n"),
    (b"video=HDMI-A-1:1x1\n", 0, b"\n"),
    (b"a video=HDMI-A-2:1x1\n", 0, b"a video=HDMI-A-2:1x1\n"),
    (b"a video=HDMI-A-2:1x1 video=HDMI-A-1:e\n", None, b"a\n"),
    (b"a video=1920x1080@60 video=DSI-1:d\n", None, b"a video=DSI-1:d\n"),
]


@pytest.mark.parametrize(("before", "port", "after"), DROP)
def test_the_mode_of_a_port_is_taken_out(before: bytes, port: int | None, after: bytes) -> None:
    assert drop_videos(before, port) == after


EDID = [
    (b"a\n", "e.bin", b"a drm.edid_firmware=HDMI-A-1:e.bin\n"),
    (
        b"a drm.edid_firmware=HDMI-A-2:f.bin\n",
        "e.bin",
        b"a drm.edid_firmware=HDMI-A-2:f.bin,HDMI-A-1:e.bin\n",
    ),
    (b"a drm.edid_firmware=HDMI-A-1:f.bin b", "e.bin", b"a drm.edid_firmware=HDMI-A-1:e.bin b"),
    (b"a drm.edid_firmware=HDMI-A-1:f.bin b", None, b"a b"),
    (b"a drm.edid_firmware=f.bin b", "e.bin", b"a drm.edid_firmware=f.bin,HDMI-A-1:e.bin b"),
    (
        b"a drm_kms_helper.edid_firmware=HDMI-A-1:f b",
        "e",
        b"a drm_kms_helper.edid_firmware=HDMI-A-1:e b",
    ),
    (b"a drm.edid_firmware=HDMI-A-2:f.bin\n", None, b"a drm.edid_firmware=HDMI-A-2:f.bin\n"),
]


@pytest.mark.parametrize(("before", "file", "after"), EDID)
def test_the_edid_file_of_a_port_is_set_beside_the_others(
    before: bytes, file: str | None, after: bytes
) -> None:
    assert set_edid_file(before, 0, file) == after
    assert edid_files_of(after).get(connector(0)) == file


VIDEOS = [
    ("1280x1024@60D", Video(1280, 1024, 60, force="D")),
    ("1920x1080M@60", Video(1920, 1080, 60, cvt=True)),
    (
        "1920x1200MR@60iD,rotate=90,margin_left=24",
        Video(1920, 1200, 60, True, True, True, "D", ("rotate=90", "margin_left=24")),
    ),
    ("640x480", Video(640, 480)),
    ("d", Video(0, 0, force="d")),
    ("rotate=180", Video(0, 0, options=("rotate=180",))),
]


@pytest.mark.parametrize(("text", "video"), VIDEOS)
def test_the_kernels_notation_is_read_and_written(text: str, video: Video) -> None:
    assert parse_video(text) == video
    assert str(video) == text


@pytest.mark.parametrize("text", ["wibble", "1280x", "1280x1024@60X", "x480"])
def test_what_the_kernel_would_not_read_is_none(text: str) -> None:
    assert parse_video(text) is None


def test_display_arguments_are_listed_with_why_they_do_not_count() -> None:
    data = b"a video=HDMI-A-1:1x1 video=HDMI-A-1:2x2 drm.edid_firmware=e\nvideo=HDMI-A-1:3x3\n"
    settings = read_cmdline(data, "cmdline.txt")
    assert [(s.name, s.value, s.why) for s in settings] == [
        ("video:HDMI-A-1", "1x1", NoEffect.OVERRULED),
        ("video:HDMI-A-1", "2x2", None),
        ("drm.edid_firmware", "e", None),
        ("video:HDMI-A-1", "3x3", NoEffect.NOT_FIRST_LINE),
    ]


WORDS = st.sampled_from(
    ["a=1", "video=HDMI-A-1:1x1", "video=HDMI-A-2:e", "quiet", 'x="a b"', "drm.edid_firmware=f"]
)


@given(st.lists(WORDS, max_size=6), st.sampled_from([" ", "  ", "\t"]), st.booleans())
def test_every_other_argument_stays_in_its_place(words: list[str], blank: str, end: bool) -> None:
    data = (blank.join(words) + "\n" * end).encode()
    edited = set_video(data, 0, NEW)
    others = [word for word in words if not word.startswith("video=HDMI-A-1:")]
    kept = drop_videos(edited, 0)
    assert kept.decode().strip() == blank.join(others)
    assert set_edid_file(set_edid_file(data, 0, "e"), 0, None).split() == data.split()

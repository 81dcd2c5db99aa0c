"""Lines of a config.txt: what they are to the firmware, and every byte kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.hdmi.config_txt import (
    Kind,
    encode_config,
    name_of,
    parse_config,
    parse_integer,
    parse_line,
)

LINES = [
    (b"", Kind.BLANK, "", "", None),
    (b"  \t\r\n", Kind.BLANK, "", "", None),
    (b"# hdmi_mode=4\n", Kind.COMMENT, "", "", None),
    (b"hdmi_mode=4 # not a comment\n", Kind.SETTING, "hdmi_mode", "4 # not a comment", None),
    (b"hdmi_mode:1=4\r\n", Kind.SETTING, "hdmi_mode", "4", 1),
    (b"  hdmi_mode=4\n", Kind.SETTING, "hdmi_mode", "4", None),
    (b"dtoverlay=vc4-kms-v3d,noaudio", Kind.SETTING, "dtoverlay", "vc4-kms-v3d,noaudio", None),
    (b"dtparam=i2c_arm=on\n", Kind.SETTING, "dtparam", "i2c_arm=on", None),
    (b"initramfs a.img followkernel\n", Kind.SETTING, "initramfs", "a.img followkernel", None),
    (b"include extra.txt\n", Kind.INCLUDE, "include", "extra.txt", None),
    (b"[pi4] trailing\n", Kind.FILTER, "pi4", "", None),
    (b"[EDID=DEL-DELL_U2422H]\n", Kind.FILTER, "EDID=DEL-DELL_U2422H", "", None),
    (b"[pi4\n", Kind.JUNK, "[pi4", "", None),
    (b"arm_64bit\n", Kind.JUNK, "arm_64bit", "", None),
    (b"=1\n", Kind.JUNK, "=1", "", None),
    (b"hdmi_mode = 4\n", Kind.SETTING, "hdmi_mode ", " 4", None),
    (b"caf\xe9=1\n", Kind.SETTING, "caf\xe9", "1", None),
    (b"k=" + b"x" * 96 + b"yz\n", Kind.SETTING, "k", "x" * 96, None),
]


@pytest.mark.parametrize(("raw", "kind", "key", "value", "port"), LINES)
def test_a_line_is_what_the_firmware_makes_of_it(
    raw: bytes, kind: Kind, key: str, value: str, port: int | None
) -> None:
    line = parse_line(raw)
    assert (line.kind, line.key, line.value, line.port) == (kind, key, value, port)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a=1",
        b"a=1\n\n",
        b"a=1\r\nb=2\n",
        b"\xef\xbb\xbf# \xc3\xbc\n",
        b"# \xfc\n",
        b"a=1\rb=2\n",
        b"\0\n",
        b"# long\n" * 4500,
    ],
)
def test_no_byte_is_lost(data: bytes) -> None:
    assert encode_config(parse_config(data)) == data


@given(st.binary(max_size=400))
def test_any_bytes_come_back(data: bytes) -> None:
    assert encode_config(parse_config(data)) == data


@pytest.mark.parametrize(("length", "is_cut"), [(98, False), (99, True)])
def test_a_line_end_does_not_count_towards_the_98_characters(length: int, is_cut: bool) -> None:
    assert parse_line(b"k=" + b"x" * (length - 2) + b"\r\n").is_cut is is_cut


@pytest.mark.parametrize(
    ("key", "port", "name"),
    [
        ("hdmi_mode", 1, "hdmi_mode:1"),
        ("config_hdmi_boost", 0, "config_hdmi_boost:0"),
        ("hdmi_enable_4kp60", 1, "hdmi_enable_4kp60"),
        ("arm_freq", 0, "arm_freq"),
    ],
)
def test_a_setting_of_a_port_is_named_with_it(key: str, port: int, name: str) -> None:
    assert name_of(key, port) == name


@pytest.mark.parametrize(
    ("value", "number"),
    [("4", 4), ("0x10", 16), ("007", 7), ("-3", -3), ("4 # four", 4), ("", None), ("on", None)],
)
def test_numbers_are_decimal_or_hexadecimal(value: str, number: int | None) -> None:
    assert parse_integer(value) == number

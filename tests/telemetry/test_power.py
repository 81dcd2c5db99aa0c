"""What a Raspberry Pi says of its power, and what others do not."""

from pathlib import Path

import pytest

from appliance.telemetry.power import Power, describe_power, parse_throttled, read_alarm, read_flags


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("throttled=0x0\n", 0),
        ("throttled=0x50005\n", 0x50005),
        ("", None),
        ("VCHI initialization failed\n", None),
        ("throttled=0x\n", None),
    ],
)
def test_the_firmware_s_answer_is_read(text: str, bits: int | None) -> None:
    assert parse_throttled(text) == bits


@pytest.mark.parametrize(
    ("alarm", "bits", "power"),
    [
        (None, None, None),
        (False, None, {"undervoltage": False, "throttled": None}),
        (True, None, {"undervoltage": True, "throttled": None}),
        (None, 0x0, {"undervoltage": False, "throttled": False}),
        (None, 0x50000, {"undervoltage": False, "throttled": False}),
        (None, 0x50005, {"undervoltage": True, "throttled": True}),
        (None, 0x8, {"undervoltage": False, "throttled": True}),
        (True, 0x0, {"undervoltage": True, "throttled": False}),
    ],
)
def test_what_is_so_now_counts_and_not_what_has_been(
    alarm: bool | None, bits: int | None, power: Power | None
) -> None:
    assert describe_power(alarm, bits) == power


def test_the_kernel_s_alarm_is_found_among_other_sensors(tmp_path: Path) -> None:
    assert read_alarm(tmp_path) is None
    for number, name in enumerate(("cpu_thermal", "rpi_volt")):
        folder = tmp_path / f"sys/class/hwmon/hwmon{number}"
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
    assert read_alarm(tmp_path) is None
    (folder / "in0_lcrit_alarm").write_text("1\n")
    assert read_alarm(tmp_path) is True
    (folder / "in0_lcrit_alarm").write_text("0\n")
    assert read_alarm(tmp_path) is False


def test_the_driver_s_flags_are_hexadecimal(tmp_path: Path) -> None:
    assert read_flags(tmp_path) is None
    folder = tmp_path / "sys/devices/platform/soc/soc:firmware"
    folder.mkdir(parents=True)
    (folder / "get_throttled").write_text("50005\n")
    assert read_flags(tmp_path) == 0x50005
    (folder / "get_throttled").write_text("\n")
    assert read_flags(tmp_path) is None

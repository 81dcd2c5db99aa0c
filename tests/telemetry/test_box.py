"""What the box knows about itself."""

from pathlib import Path

import pytest

from appliance.telemetry.box import (
    BoxReader,
    CpuTimes,
    parse_cpu_times,
    parse_memory,
    parse_temperature,
)


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_box_that_knows_nothing_guesses_nothing(tmp_path: Path) -> None:
    found = BoxReader(str(tmp_path), tmp_path).read()
    unknown = {name for name, value in found.items() if value is None}
    assert unknown == {
        *("model", "uptime_s", "temperature_c", "cpu_percent", "memory", "power", "network"),
    }


def test_a_pi_tells_what_it_is_and_how_it_does(tmp_path: Path) -> None:
    write(
        tmp_path,
        proc__uptime="12345.67 40000.00\n",
        proc__meminfo="MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\n",
        proc__stat="cpu  100 0 100 800 0 0 0 0 0 0\n",
    )
    write(tmp_path / "proc" / "device-tree", model="Raspberry Pi 4 Model B Rev 1.4\0")
    write(tmp_path / "sys/class/thermal/thermal_zone0", temp="48312\n")
    reader = BoxReader(str(tmp_path), tmp_path)
    write(tmp_path, proc__stat="cpu  150 0 150 850 50 0 0 0 0 0\n")
    found = reader.read()
    assert found["model"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert found["uptime_s"] == 12345.67
    assert found["temperature_c"] == 48.312
    assert found["memory"] == {"used_bytes": 400 * 1024, "total_bytes": 1000 * 1024}
    assert found["cpu_percent"] == 50.0
    assert reader.read()["cpu_percent"] is None, "no time has passed"


def test_a_state_folder_that_is_not_there_yet_is_on_the_root_disk(tmp_path: Path) -> None:
    found = BoxReader(str(tmp_path / "later"), tmp_path).read()
    assert found["disk"]["total_bytes"] > found["disk"]["used_bytes"] > 0


def test_the_addresses_are_not_loopback() -> None:
    addresses = BoxReader("/").read()["addresses"]
    assert not [address for address in addresses if address.startswith("127.")]


@pytest.mark.parametrize(
    ("text", "degrees"),
    [("48312", 48.312), ("-5000", -5.0), ("", None), ("N/A", None), (None, None)],
)
def test_a_temperature_is_in_thousandths(text: str | None, degrees: float | None) -> None:
    assert parse_temperature(text) == degrees


@pytest.mark.parametrize("text", [None, "", "cpu 1 2", "intr 1 2 3 4 5 6 7 8 9"])
def test_a_strange_stat_is_unknown(text: str | None) -> None:
    assert parse_cpu_times(text) is None


def test_waiting_for_a_disk_is_idle() -> None:
    assert parse_cpu_times("cpu  1 2 3 4 5 6 7 8 9 10") == CpuTimes(9, 36)


@pytest.mark.parametrize("text", [None, "", "MemTotal: 5 kB\n", "garbage\n"])
def test_a_strange_meminfo_is_unknown(text: str | None) -> None:
    assert parse_memory(text) is None

"""The metrics, as promtool and Prometheus' own rules want them."""

import subprocess
from dataclasses import replace
from typing import Any

import pytest

from appliance.telemetry.counters import Counters
from appliance.telemetry.prometheus import encode_metrics
from appliance.telemetry.snapshot import read_counters

STATUS: dict[str, Any] = {
    "box": {
        "temperature_c": 51.2,
        "cpu_percent": 12.5,
        "uptime_s": 100.0,
        "memory": {"used_bytes": 1, "total_bytes": 2},
        "disk": None,
    },
    "proxy": {"connections": 3, "workers": [{"restarts": 1}], "log_lines_lost": 0},
    "store": {"kind": "file", "ok": True},
    "alerts": [{"severity": "critical"}],
    "sites": [
        {
            "host": "a.test",
            "certificate": {"expires": "2026-11-28T00:00:00Z"},
            "backends": [
                {"url": "http://b:1", "state": "up"},
                {"url": "http://b:2", "state": "down"},
                {"url": "http://b:3", "state": "unknown"},
            ],
        },
    ],
}


def encode(site: str = "a.test") -> str:
    counters = Counters.create(1)
    worker = counters.worker(0)
    cells = worker.site(site)
    for status, total_us in ((200, 900), (200, 3000), (502, 40_000_000)):
        worker.answered(cells, status, 10, 100, total_us)
    return encode_metrics(STATUS, read_counters(counters), "1.0")


def samples() -> dict[str, str]:
    lines = [line for line in encode().splitlines() if not line.startswith("#")]
    return dict(line.rsplit(" ", 1) for line in lines)


def test_the_figures_are_the_counters() -> None:
    found = samples()
    assert found['gatelight_requests_total{site="a.test",code="2xx"}'] == "2"
    assert found['gatelight_requests_total{site="a.test",code="5xx"}'] == "1"
    assert found['gatelight_sent_bytes_total{site="a.test"}'] == "300"
    duration = "gatelight_request_duration_seconds"
    assert found[f'{duration}_bucket{{site="a.test",le="0.001024"}}'] == "1"
    assert found[f'{duration}_bucket{{site="a.test",le="0.004096"}}'] == "2"
    assert found[f'{duration}_bucket{{site="a.test",le="+Inf"}}'] == "3"
    assert found[f'{duration}_sum{{site="a.test"}}'] == "40.003900"


def test_what_is_not_known_has_no_sample() -> None:
    found = samples()
    assert found['gatelight_backend_up{site="a.test",backend="http://b:1"}'] == "1"
    assert found['gatelight_backend_up{site="a.test",backend="http://b:2"}'] == "0"
    assert 'gatelight_backend_up{site="a.test",backend="http://b:3"}' not in found
    assert found["gatelight_box_temperature_celsius"] == "51.2"
    assert not any("disk" in name for name in found)


def test_buckets_only_grow() -> None:
    found = [int(v) for k, v in samples().items() if "duration_seconds_bucket" in k]
    assert len(found) == 17
    assert found == sorted(found)


def test_a_name_cannot_break_out_of_its_label() -> None:
    text = encode('a"} 1\nevil{x="\\')
    assert 'site="a\\"} 1\\nevil{x=\\"\\\\"' in text
    assert not any(line.startswith("evil") for line in text.splitlines())


@pytest.mark.parametrize("site", ["a.test", 'a"} 1\nevil{x="\\'])
def test_promtool_finds_nothing_to_say(site: str) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=encode(site).encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_an_empty_box_has_metrics_too() -> None:
    reading = replace(read_counters(Counters.create(1)), sites={})
    assert "gatelight_build_info" in encode_metrics(STATUS, reading, "1.0")

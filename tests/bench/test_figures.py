"""Medians, ratios and their JSON."""

import json

import pytest

from bench.figures import Figure, Measurement, encode_measurement, parse_measurement


@pytest.fixture
def figure() -> Figure:
    runs = {"nginx": [10.0, 30.0, 20.0], "gatelight": [25.0, 23.0], "caddy": [0.0]}
    return Figure("CPU", "us", 1, ("nginx",), runs)


@pytest.mark.parametrize(
    ("target", "median", "ratio"),
    [
        pytest.param("nginx", 20.0, 1.0, id="odd count"),
        pytest.param("gatelight", 24.0, 1.2, id="even count"),
        pytest.param("haproxy", None, None, id="not measured"),
    ],
)
def test_medians_and_their_ratios(
    figure: Figure, target: str, median: float | None, ratio: float | None
) -> None:
    assert figure.median(target) == median
    assert figure.ratio(target, "nginx") == ratio


@pytest.mark.parametrize("baseline", ["caddy", "haproxy"], ids=["zero", "missing"])
def test_there_is_no_ratio_without_a_baseline(figure: Figure, baseline: str) -> None:
    assert figure.ratio("nginx", baseline) is None


def test_a_measurement_survives_json(figure: Figure) -> None:
    measurement = Measurement("m", "M", "how", [figure], ["caddy: no"], "2024-06-11")
    encoded = json.loads(json.dumps(encode_measurement(measurement)))
    assert encoded["figures"][0]["medians"]["nginx"] == 20.0
    assert parse_measurement(encoded) == measurement


def test_targets_keep_the_order_first_seen(figure: Figure) -> None:
    other = Figure("rate", "1/s", runs={"direct": [1.0], "nginx": [1.0]})
    measurement = Measurement("m", "M", "", [figure, other])
    assert measurement.targets() == ["nginx", "gatelight", "caddy", "direct"]

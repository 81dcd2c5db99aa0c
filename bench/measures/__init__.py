"""The measures by name, in the order they run: short ones first."""

from collections.abc import Callable

from bench.figures import Measurement
from bench.lab import Lab
from bench.measures import bodies, idle, kill, million, requests, spread

MEASURES: dict[str, Callable[[Lab], Measurement]] = {
    "keepalive": requests.measure_keepalive,
    "fresh": requests.measure_fresh,
    "bodies": bodies.measure,
    "idle": idle.measure,
    "spread": spread.measure,
    "kill": kill.measure,
    "ab": million.measure,
}

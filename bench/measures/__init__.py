"""The measures by name, in the order they run: short ones first."""

from collections.abc import Callable

from bench.figures import Measurement
from bench.lab import Lab
from bench.measures import (
    bodies,
    carried,
    faults,
    handshakes,
    health,
    hooks,
    idle,
    kill,
    million,
    requests,
    spread,
)

MEASURES: dict[str, Callable[[Lab], Measurement]] = {
    "keepalive": requests.measure_keepalive,
    "fresh": requests.measure_fresh,
    "tls": requests.measure_tls,
    "handshakes": handshakes.measure,
    "bodies": bodies.measure,
    "carried": carried.measure,
    "idle": idle.measure,
    "tls-idle": idle.measure_tls,
    "carried-idle": idle.measure_carried,
    "spread": spread.measure,
    "kill": kill.measure,
    "hooks": hooks.measure,
    "health": health.measure,
    "faults": faults.measure,
    "ab": million.measure,
}

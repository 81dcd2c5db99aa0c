"""The last minutes of the box's traffic, a sample a second (PURE)."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from appliance.telemetry.histogram import quantile_ms
from appliance.telemetry.snapshot import Reading

# What the dashboard's plots show.
KEPT_S = 300


@dataclass(frozen=True, slots=True)
class Sample:
    """One second; `at_s` is the time of day at its end."""

    at_s: float
    requests_per_s: float
    errors_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    bytes_in_per_s: float
    bytes_out_per_s: float


class History:
    """The samples of `KEPT_S` seconds."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=KEPT_S)

    def add(self, earlier: Reading, later: Reading, now_s: float) -> None:
        """What has happened between two readings."""
        span_s = max(later.at_s - earlier.at_s, 0.001)
        grown = [b - a for a, b in zip(earlier.histogram, later.histogram, strict=False)]
        self.samples.append(
            Sample(
                round(now_s, 1),
                round((later.requests - earlier.requests) / span_s, 1),
                round((later.errors - earlier.errors) / span_s, 1),
                quantile_ms(grown, 0.5),
                quantile_ms(grown, 0.99),
                round((later.bytes_in - earlier.bytes_in) / span_s),
                round((later.bytes_out - earlier.bytes_out) / span_s),
            )
        )

    def describe(self) -> dict[str, Any]:
        """For the API: one list a figure, the oldest first."""
        return {
            "every_s": 1,
            "until_s": self.samples[-1].at_s if self.samples else None,
            "requests_per_s": [each.requests_per_s for each in self.samples],
            "errors_per_s": [each.errors_per_s for each in self.samples],
            "p50_ms": [each.p50_ms for each in self.samples],
            "p99_ms": [each.p99_ms for each in self.samples],
            "bytes_in_per_s": [each.bytes_in_per_s for each in self.samples],
            "bytes_out_per_s": [each.bytes_out_per_s for each in self.samples],
        }

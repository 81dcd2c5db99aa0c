"""The last minutes, as plots want them (PURE)."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from display.status.model import Status

WINDOW_S = 300.0
# One a second; statuses that come faster are not kept.
MAX_SAMPLES = 300
LEAST_STEP_S = 0.5
# Five minutes of so many sites are 3 MB.
MAX_PLOTTED_SITES = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """What the plots show, at one moment of the monotonic clock."""

    at_s: float
    requests_per_s: float | None
    bytes_in_per_s: float | None
    bytes_out_per_s: float | None
    p99_ms: float | None
    connections: float | None
    site_rates: Mapping[str, float | None] = field(default_factory=dict)


def sample_of(status: Status, at_s: float) -> Sample:
    """The figures of one status."""
    proxy = status.proxy
    return Sample(
        at_s,
        proxy.requests_per_s,
        proxy.bytes_in_per_s,
        proxy.bytes_out_per_s,
        proxy.latency.p99_ms,
        proxy.connections,
        {sys.intern(s.host): s.requests_per_s for s in status.sites[:MAX_PLOTTED_SITES]},
    )


def grow(history: tuple[Sample, ...], sample: Sample) -> tuple[Sample, ...]:
    """The history with one more, the oldest left out."""
    if history and 0 <= sample.at_s - history[-1].at_s < LEAST_STEP_S:
        return history
    return (*history[-MAX_SAMPLES + 1 :], sample)


def sum_up(
    history: Sequence[Sample], of: Callable[[Sample], float | None], now_s: float, count: int
) -> list[float | None]:
    """The mean over each of `count` equal steps of the window, the newest last.

    Steps begin at fixed moments, so that a column stands still until it moves on.
    """
    step_s = WINDOW_S / count
    newest = now_s // step_s
    sums, numbers = [0.0] * count, [0] * count
    for sample in history:
        index = int(count - 1 - newest + sample.at_s // step_s)
        value = of(sample)
        if value is not None and 0 <= index < count:
            sums[index] += value
            numbers[index] += 1
    return [total / n if n else None for total, n in zip(sums, numbers, strict=True)]


def nice_top(highest: float, least: float = 1.0) -> float:
    """The end of an axis: 1, 2 or 5 times a power of ten, times `least`, that is not below."""
    top = least
    while top < highest:
        for factor in (2, 5, 10):
            if top * factor >= highest:
                return top * factor
        top *= 10
    return top

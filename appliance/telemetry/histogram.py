"""Latency in buckets of a logarithmic scale: four to an octave, within 19 % of the truth (PURE)."""

from collections.abc import Sequence

PER_OCTAVE = 4
# 2**31 us is 36 minutes; what takes longer falls in the last bucket.
OCTAVES = 30
BUCKETS = PER_OCTAVE * OCTAVES


def bucket_of(us: int) -> int:
    """The bucket of a time in microseconds."""
    if us < PER_OCTAVE:
        return 0
    bits = us.bit_length()
    bucket = (bits - 3) * PER_OCTAVE + (us >> (bits - 3)) - PER_OCTAVE
    return bucket if bucket < BUCKETS else BUCKETS - 1


def bucket_bound_us(index: int) -> int:
    """The time at which a bucket ends."""
    octave, part = divmod(index, PER_OCTAVE)
    return (PER_OCTAVE + part + 1) << octave


def quantile_ms(buckets: Sequence[int], share: float) -> float | None:
    """The time within which `share` of all lie, in ms; None when there are none."""
    total = sum(buckets)
    if not total:
        return None
    wanted = total * share
    seen = 0
    for index, held in enumerate(buckets):
        seen += held
        if held and seen >= wanted:
            return bucket_bound_us(index) / 1000
    return None

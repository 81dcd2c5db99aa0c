"""Which sites may serve a host name, in a number of steps that does not grow (PURE)."""

from collections.abc import Iterator

# As hipache looks names up: a wildcard is tried for the last six labels at most.
MAX_WILDCARD_LABELS = 6


def patterns_of(host: str) -> Iterator[str]:
    """The patterns for a canonical host name, the nearest first.

    The name itself, then `*.` and the longest suffix, then `*`.
    """
    yield host
    labels = host.split(".")[1:][-MAX_WILDCARD_LABELS:]
    for first in range(len(labels)):
        yield "*." + ".".join(labels[first:])
    yield "*"

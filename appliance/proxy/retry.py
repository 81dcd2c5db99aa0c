"""Whether a request may be sent once more, to another backend (PURE)."""

import enum
import errno

from appliance.wire.request import IDEMPOTENT

# The first try and two more: a third failure says that the trouble is not one backend's.
MAX_TRIES = 3


class Failure(enum.Enum):
    """How a try ended without an answer."""

    CONNECT = "could not be reached"
    CONNECT_TIMEOUT = "did not accept the connection in time"
    STALE = "closed a kept connection"
    CLOSED = "closed the connection without an answer"
    SILENT = "did not answer in time"
    BROKEN = "sent an answer that is not valid HTTP"
    CUT_SHORT = "broke off in the middle of its answer"


# The box is out of something that every connection needs: accept(2), socket(2).
_BOX_IS_OUT_OF = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


def is_box_at_fault(error: OSError) -> bool:
    """Whether a connection failed for want of files or memory here: no backend's fault."""
    return error.errno in _BOX_IS_OUT_OF


_NOTHING_SENT = frozenset((Failure.CONNECT, Failure.CONNECT_TIMEOUT))


def may_retry(failure: Failure, method: bytes, tries: int, has_body: bool) -> bool:
    """RFC 9110 9.2.2: again only where the backend cannot have acted on the first.

    A connection that was never made carried nothing. A kept connection that closes before any
    answer was most likely closed while idle: an idempotent request without a body is safe on
    another.
    """
    if tries >= MAX_TRIES:
        return False
    if failure in _NOTHING_SENT:
        return True
    return failure is Failure.STALE and method in IDEMPOTENT and not has_body


def status_of(failure: Failure) -> int:
    """504 for a backend that is slow, 502 for one that fails."""
    return 504 if failure in (Failure.SILENT, Failure.CONNECT_TIMEOUT) else 502

"""What the supervisor hands to the processes it forks."""

import socket
import ssl
from dataclasses import dataclass

from appliance.config import Settings
from appliance.feed import Routes
from appliance.telemetry.counters import Counters
from appliance.telemetry.log_tail import LogRing, LogTails


@dataclass(slots=True)
class WorkerContext:
    """One worker's share: its listening sockets are open and stay with the supervisor."""

    index: int
    settings: Settings
    listeners: tuple[socket.socket, ...]
    secure_listeners: tuple[socket.socket, ...]
    first_tls: ssl.SSLContext
    """Made before the fork: its keys are the box's (see tls/contexts)."""
    counters: Counters
    feed_name: bytes
    routes: Routes
    log_ring: LogRing


@dataclass(slots=True)
class ControlContext:
    """The control process's share."""

    settings: Settings
    feed: socket.socket
    counters: Counters
    routes: Routes
    log_tails: LogTails

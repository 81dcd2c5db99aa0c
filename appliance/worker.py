"""A worker: one process, one event loop, the data path and nothing else.

It serves from the moment it starts with the routes that are on the board, and hears from the
control process which of them have changed. It asks nobody anything while a request waits.
"""

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

import uvloop

from appliance.config import LogFormat, ProxySettings
from appliance.console import Complaints, say
from appliance.context import WorkerContext
from appliance.doors import Doors
from appliance.feed import Changed, HookNews, Hooks, Noted, Seen
from appliance.feed_client import FeedClient
from appliance.hook_runner import HookRunner
from appliance.proxy.client import ClientConnection
from appliance.proxy.gate import Gate, LineLog
from appliance.proxy.hello import Hello
from appliance.proxy.introduction import Introduction
from appliance.proxy.live import LiveBackend
from appliance.proxy.live_sites import LiveSites
from appliance.proxy.transport import Receiver
from appliance.proxy.trust import Trust
from appliance.telemetry.access_log import OFF, AccessLog
from appliance.telemetry.counters import LOG_LINES_LOST
from appliance.telemetry.log_lines import (
    clock_text,
    combined_connection_line,
    combined_line,
    iso_text,
    json_line,
)
from appliance.tls.contexts import Contexts
from appliance.upstream.dial import Dialer, backend_context
from appliance.upstream.pool import IdlePool
from appliance.wire.proxy_header import Ends

# Heartbeat, coarse clock and log flushing.
TICK_S = 0.25
# Limits in time are counted in seconds; a look at every connection each second costs 0.1 % at most.
SWEEP_EVERY_TICKS = 4
LOG_CLOSE_S = 2.0
# A request that was sent before its client could know of the drain arrives within this time.
IDLE_GRACE_S = 0.5
DRAIN_STEP_S = 0.05
HTTPS_PORT = 443

NewReceiver = Callable[[Gate, Ends | None], Receiver]


def choose_https_port(listeners: Iterable[socket.socket]) -> int | None:
    """Where a client in the clear is sent: the usual port if it is one of ours."""
    ports = [int(listener.getsockname()[1]) for listener in listeners]
    return HTTPS_PORT if HTTPS_PORT in ports else next(iter(ports), None)


def make_line_log(log: AccessLog, settings: ProxySettings) -> LineLog | None:
    """What the data path calls for each answer; None when the log is off."""
    if settings.access_log == OFF:
        return None
    if settings.log_format is LogFormat.JSON:
        return LineLog(json_line, json_line, log.add, b"")
    return LineLog(combined_line, combined_connection_line, log.add, b"")


def close_kept(backend: LiveBackend) -> None:
    """Ends a backend's idle connections."""
    for connection in backend.pool.take_all():
        connection.close()


class Worker:
    """Holds the parts together: this is where the rooms meet."""

    def __init__(self, context: WorkerContext, loop: asyncio.AbstractEventLoop) -> None:
        settings = context.settings
        self.context = context
        self.loop = loop
        self.cells = context.counters.worker(context.index)
        self.cells.reset_gauges()
        self.lost_before = self.cells.cells[LOG_LINES_LOST]
        self.log = AccessLog(settings.proxy.access_log, context.log_ring.write)
        self.contexts = Contexts(context.first_tls, context.routes.certificate)
        self.hooks: HookRunner | None = None
        if settings.proxy.hooks is not None:
            self.hooks = HookRunner(self.cells.cells, self.on_hook_news)
        self.loaded: Hooks | None = None
        rng = random.Random()
        sites = LiveSites(context.routes, IdlePool, backend_context, rng, loop.time)
        self.gate = Gate(
            limits=settings.limits,
            trusted=settings.proxy.trusted_proxies,
            sites=sites,
            engine=Dialer(loop),
            tally=self.cells,
            log=make_line_log(self.log, settings.proxy),
            complain=Complaints(loop.time).say,
            trust=Trust(
                sites.restless, loop.time, time.time, marks_dead=settings.store_url is not None
            ),
            now_s=loop.time(),
            hooks=self.hooks,
            contexts=self.contexts,
            https_port=choose_https_port(context.secure_listeners),
            answers_ping=settings.store_url is not None,
        )
        self.feed = FeedClient(context.feed_name, self.apply, self.take_seen)
        self.stopped = loop.create_future()
        self.doors = Doors(loop, self.gate.let_idle_go, self.on_few_files)
        self.opening: asyncio.Task[None] | None = None
        self.ticks = 0

    async def run(self) -> None:
        """Serves until told to stop, then drains."""
        for name, action in (
            (signal.SIGTERM, self.stop),
            (signal.SIGINT, self.stop),
            (signal.SIGUSR1, self.log.reopen),
        ):
            self.loop.add_signal_handler(name, action)
        self.tick()
        self.load_hooks()
        await self.listen()
        feeding = self.loop.create_task(self.feed.run())
        await self.stopped
        feeding.cancel()
        await self.drain()
        self.log.flush()
        self.log.close(LOG_CLOSE_S)

    async def listen(self) -> None:
        context = self.context
        for listener in context.listeners:
            await self.accept(listener, ClientConnection)
        for listener in context.secure_listeners:
            await self.accept(listener, Hello)

    async def accept(self, listener: socket.socket, new_receiver: NewReceiver) -> None:
        """Takes the connections of one listening socket."""
        gate, introduced = self.gate, self.context.settings.listen.accept_proxy_protocol

        def new_connection() -> Any:
            return Introduction(gate, new_receiver) if introduced else new_receiver(gate, None)

        await self.doors.add(listener, new_connection)

    def on_few_files(self, text: str) -> None:
        """Open files run out, or there is room for them again."""
        say(text)
        self.feed.note(Noted("files", text))

    def take_seen(self, everything: bool) -> Seen | None:
        """What traffic has shown that control has not heard of, or all of it."""
        trust = self.gate.trust
        evidence, failed = trust.take_untold(everything), trust.take_failed()
        return Seen(evidence, failed) if evidence or failed else None

    def apply(self, message: Changed) -> None:
        """Puts changes in force; requests under way keep what they began with."""
        sites = self.gate.sites
        for backend in sites.resolve_all() if message.anything else sites.resolve(message.names):
            close_kept(backend)
        self.contexts.renew(None if message.anything else message.certificates)
        for backend in sites.renew_all() if message.anything else sites.renew(message.hosts):
            backend.retired = True
            self.gate.trust.forget(backend)
            close_kept(backend)
        sites.rejudge(message.backends)
        if message.hooks or message.anything:
            self.load_hooks()

    def load_hooks(self) -> None:
        """Takes over the user's hooks as they are on the board."""
        found = self.context.routes.hooks()
        if self.hooks is None or found is None or found == self.loaded:
            return
        self.loaded = found
        if found.is_on:
            self.hooks.load(found.source, found.path)
        else:
            self.hooks.unload()

    def on_hook_news(self, kind: str, words: str) -> None:
        """Something has happened in the user's hooks."""
        self.feed.note(HookNews(kind, words))

    def tick(self) -> None:
        """Four times a second: heartbeat, clock, log; each second the limits in time."""
        self.gate.now_s = self.loop.time()
        self.cells.beat(time.monotonic_ns())
        self.log.flush()
        if self.gate.log is not None:
            is_json = self.context.settings.proxy.log_format is LogFormat.JSON
            self.gate.log.time_text = (iso_text if is_json else clock_text)(int(time.time()))
        self.feed.tell()
        if self.opening is None or self.opening.done():
            self.opening = self.loop.create_task(self.doors.look_again())
        self.ticks += 1
        if self.ticks % SWEEP_EVERY_TICKS == 0:
            self.gate.sweep()
        self.cells.cells[LOG_LINES_LOST] = self.lost_before + self.log.lost
        self.loop.call_later(TICK_S, self.tick)

    def stop(self) -> None:
        """Stops accepting, then lets what is under way end."""
        if not self.stopped.done():
            self.stopped.set_result(None)

    async def drain(self) -> None:
        """Waits for requests and tunnels to end, as long as the settings allow."""
        self.doors.close()
        self.gate.drain()
        drain_s = self.context.settings.proxy.drain_s
        await self.await_ends(min(drain_s, IDLE_GRACE_S))
        self.gate.close_idle()
        await self.await_ends(drain_s - IDLE_GRACE_S)
        self.gate.abort_all()

    async def await_ends(self, seconds: float) -> None:
        """Waits for all connections to end, for so long at most.

        One that was accepted just now is not among the clients yet: the loop has to turn first.
        """
        until_s = self.loop.time() + seconds
        while self.loop.time() < until_s:
            await asyncio.sleep(DRAIN_STEP_S)
            if not (self.gate.clients or self.gate.tunnels):
                return


def run(context: WorkerContext) -> None:
    """The life of a worker process; returns when it has drained."""
    os.environ.pop("NOTIFY_SOCKET", None)

    async def serve() -> None:
        await Worker(context, asyncio.get_running_loop()).run()

    uvloop.run(serve())

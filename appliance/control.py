"""The control process: joins store, names and admin, and feeds the workers.

Everything that may wait happens here: reading files, DNS, people. When it dies the workers go on
with what they have.
"""

import asyncio
import os
import random
import signal
import socket
import struct
import time
from pathlib import Path
from typing import Any

import uvloop

from appliance.administration import Administration
from appliance.box_watch import BoxWatch
from appliance.certificates import Certificates
from appliance.clock import SystemClock
from appliance.config import Settings
from appliance.console import Complaints, say
from appliance.context import ControlContext
from appliance.feed import Changed, Decoder, HookNews, Message, Noted, Seen, encode
from appliance.hooks_keeper import HooksKeeper
from appliance.mdns import Mdns
from appliance.reporter import Reporter
from appliance.roster import Roster
from appliance.routing.standing import Severity, Trouble
from appliance.sites_desk import SitesDesk
from appliance.stores.base import Store
from appliance.stores.redis_store import RedisStore
from appliance.stores.toml_file import TomlFileStore
from appliance.telemetry.access_log import OFF
from appliance.telemetry.box import BoxReader
from appliance.telemetry.counters import RESTARTS
from appliance.telemetry.refusal import REFUSAL_FILE, read_refusal
from appliance.telemetry.snapshot import StoreState, read_counters
from appliance.telemetry.trial import TRIAL_FILE, read_trial
from appliance.upstream.dial import Dialer
from appliance.wellness import Wellness

BEAT_S = 0.25
# The store and then the names are waited for this long at the start, so that the first request
# finds them; the supervisor holds the workers back a little longer.
FIRST_SITES_S = 1.0
FIRST_NAMES_S = 0.5
# The same for certificates, of which the first takes the making of a root.
FIRST_CERTIFICATES_S = 1.0
SAMPLE_S = 1.0
READ_BYTES = 1 << 18
# What may wait for a worker that does not read; it gets all anew when it connects again.
MAX_UNREAD_BYTES = 64 << 20


class Control:
    """The state of the box as the control process knows it."""

    def __init__(self, context: ControlContext) -> None:
        settings = context.settings
        self.context = context
        self.config = os.path.abspath(settings.path)
        self.workers: set[asyncio.StreamWriter] = set()
        self.store = open_store(settings)
        dialer = Dialer(asyncio.get_running_loop())
        reading = read_counters(context.counters)
        self.wellness = Wellness(context.routes, dialer, self.tell, reading)
        if context.counters.control.cells[RESTARTS]:
            text = "the control process ended and was started again"
            self.wellness.events.note("control", Severity.WARNING, text, time.time())
        self.roster = Roster(context.routes, self.tell, follower=self.wellness)
        self.box_reader = BoxReader(settings.proxy.state_dir)
        self.box_watch = BoxWatch()
        self.box = self.box_reader.read()
        self.hooks: HooksKeeper | None = None
        if settings.proxy.hooks is not None:
            path = os.path.abspath(settings.proxy.hooks)
            self.hooks = HooksKeeper(path, context.routes, self.tell)
        self.certificates = Certificates(
            context.routes,
            self.tell,
            lambda: self.roster.secure.values(),
            Path(settings.proxy.state_dir),
            SystemClock(),
            lambda: self.box,
            has_own=not all(address.is_loopback for address in settings.listen.admin),
        )
        self.reporter = Reporter(
            context.counters,
            context.log_tails,
            lambda: self.roster.sites,
            self.wellness.standing,
            self.wellness.troubled_hosts,
            self.wellness.alerts.all,
            self.store_state,
            self.certificates.of,
            {
                "claim": self.describe_claim,
                "trial": lambda: read_trial(TRIAL_FILE, time.monotonic()),
            },
            is_log_on=settings.proxy.access_log != OFF,
        )
        if self.hooks is not None:
            self.reporter.hooks = self.hooks.describe
        desk = SitesDesk(settings, lambda: self.roster.sites, self.store.look)
        self.administration = Administration(
            settings,
            self.reporter,
            desk,
            self.certificates,
            self.wellness.alerts,
            self.store.look,
        )
        self.reporter.box = self.box
        self.mdns = self.make_mdns()
        self.stopped = asyncio.Event()

    async def run(self) -> None:
        """Runs until told to stop, or until a fault that only a new process may mend."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self.look_again)
        first = (self.roster.names.run(), self.store.follow(self.roster))
        tasks: list[asyncio.Task[Any]] = [loop.create_task(duty) for duty in first]
        if self.hooks is not None:
            await self.hooks.begin()
            tasks.append(loop.create_task(self.hooks.run()))
        await self.settle()
        tasks.append(loop.create_task(self.certificates.run()))
        await self.certificates.settle(FIRST_CERTIFICATES_S)
        feed = await asyncio.start_unix_server(self.feed_worker, sock=self.context.feed)
        await self.administration.start()
        duties = [self.beat(), self.sample(), self.box_watch.run(), self.stopped.wait()]
        if self.mdns is not None:
            duties.append(self.mdns.run())
        tasks += [loop.create_task(duty) for duty in duties]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        feed.close()
        await self.administration.stop()
        if self.mdns is not None:
            await self.mdns.stop()
        for task in done:
            task.result()

    def make_mdns(self) -> Mdns | None:
        """Who publishes this box's names, where anybody else can come to it."""
        listen = self.context.settings.listen
        open_to_all = [
            address.port
            for address in (*listen.http, *listen.https, *listen.admin)
            if not address.is_loopback
        ]
        if not open_to_all:
            return None
        return Mdns(
            lambda: self.roster.sites,
            lambda: (str(self.box["hostname"]), self.box["addresses"]),
            open_to_all[0],
        )

    def look_again(self) -> None:
        """Reads the sites anew, and looks their backends' names up."""
        self.store.look()
        self.roster.names.look_again()

    async def beat(self) -> None:
        """Says again and again that this process is alive."""
        while True:
            self.context.counters.control.beat(time.monotonic_ns())
            await asyncio.sleep(BEAT_S)

    async def settle(self) -> None:
        """Waits a moment for sites, and for what their backends' names stand for."""
        try:
            async with asyncio.timeout(FIRST_SITES_S):
                await self.store.ready.wait()
        except TimeoutError:
            pass
        await self.roster.names.settle(FIRST_NAMES_S)

    def tell(self, message: Message) -> None:
        """Sends a change to every worker."""
        if isinstance(message, Changed) and not self.roster.secure.keys().isdisjoint(message.hosts):
            self.certificates.look()
        data = encode(message)
        for worker in list(self.workers):
            if worker.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
                self.workers.discard(worker)
                worker.transport.abort()
            else:
                worker.write(data)

    async def feed_worker(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One worker's connection: it may have missed anything; then the changes."""
        sock: Any = writer.get_extra_info("socket")
        if _peer_uid(sock) != os.geteuid():
            writer.close()
            return
        writer.write(encode(Changed(anything=True)))
        self.workers.add(writer)
        decoder = Decoder()
        try:
            while data := await reader.read(READ_BYTES):
                for message in decoder.feed(data):
                    self.take(message)
        except OSError:
            pass
        finally:
            self.workers.discard(writer)
            writer.close()

    def take(self, message: Message) -> None:
        """What a worker tells."""
        if isinstance(message, Seen):
            self.wellness.hear(message.evidence)
            self.store.hear(message.failed)
        elif isinstance(message, HookNews) and self.hooks is not None:
            self.hooks.hear(message)
        elif isinstance(message, Noted):
            events = self.wellness.events
            events.note(message.id, Severity.WARNING, message.text, time.time())

    def troubles(self) -> list[Trouble]:
        """What is wrong beside sites and the box itself."""
        trouble = self.hooks.trouble() if self.hooks is not None else None
        named = self.mdns.troubles() if self.mdns is not None else []
        refusal = read_refusal(REFUSAL_FILE)
        return [
            *self.certificates.troubles(),
            *named,
            *([trouble] if trouble is not None else []),
            *([Trouble("card", Severity.WARNING, refusal)] if refusal else []),
        ]

    async def sample(self) -> None:
        """Reads the counters and the box each second."""
        while True:
            await asyncio.sleep(SAMPLE_S)
            self.look_at_box()
            reading = self.reporter.sample()
            self.wellness.update(reading, self.box, self.store_state(), self.troubles())

    def look_at_box(self) -> None:
        """How the box itself is doing."""
        watch = self.box_watch
        self.box = self.reporter.box = self.box_reader.read(watch.dns_ok, watch.throttled)

    def store_state(self) -> StoreState:
        """How the store is doing."""
        store = self.store.state
        return StoreState(
            store.kind, store.ok, store.since_s, store.error, store.changes_by, self.config
        )

    def describe_claim(self) -> dict[str, str] | None:
        """The code that claims the dashboard, for the status."""
        return self.administration.describe_claim()


def open_store(settings: Settings) -> Store:
    """The store that the settings name."""
    if settings.store_url is None:
        file = settings.store_file
        return TomlFileStore(file or settings.path, embedded=file is None, say=say)
    complain = Complaints(time.monotonic).say
    folder = Path(settings.proxy.state_dir)
    return RedisStore(settings.store_url, folder, say, complain, random.Random())


def _peer_uid(sock: Any) -> int:
    """The user at the other end of a Unix socket (unix(7), SO_PEERCRED)."""
    size = struct.calcsize("3i")
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, uid, _ = struct.unpack("3i", credentials)
    return int(uid)


def run(context: ControlContext) -> None:
    """The life of the control process."""

    async def serve() -> None:
        await Control(context).run()

    uvloop.run(serve())

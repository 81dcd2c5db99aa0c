"""The control process: joins store, names and admin, and feeds the workers.

Everything that may wait happens here: reading files, DNS, people. When it dies the workers go on
with what they have.
"""

import asyncio
import os
import signal
import socket
import struct
import time
from typing import Any

import uvloop

from appliance.admin.server import AdminServer
from appliance.config import ConfigError
from appliance.console import say
from appliance.context import ControlContext
from appliance.feed import Addresses, Message, Routes, encode
from appliance.names import AGAIN_EVERY_S, look_up, names_of
from appliance.routing.model import Site
from appliance.stores.base import Store
from appliance.stores.toml_file import TomlFileStore
from appliance.telemetry.box import read_box
from appliance.telemetry.snapshot import Reading, StoreState, build_status, read_counters

BEAT_S = 0.25
# A changed file is noticed within this time.
WATCH_S = 0.2
# Names are waited for this long at the start, so that the first request finds them.
FIRST_NAMES_S = 1.5
# Rates in the status are over this long.
SAMPLE_S = 1.0


class Control:
    """The state of the box as the control process knows it."""

    def __init__(self, context: ControlContext) -> None:
        settings = context.settings
        self.context = context
        self.store: Store = TomlFileStore(
            settings.store_file or settings.path, embedded=settings.store_file is None
        )
        self.seen: object = None
        self.routes = Routes(0, settings.sites)
        self.addresses = Addresses({})
        self.store_state = StoreState("file", True, time.time(), None)
        self.workers: set[asyncio.StreamWriter] = set()
        self.reading: Reading = read_counters(context.counters)
        self.before = self.reading
        self.naming: asyncio.Task[None] | None = None
        self.stopped = asyncio.Event()

    async def run(self) -> None:
        """Runs until told to stop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self.read_store)
        stored = self.context.routes.load()
        if stored is not None:
            self.routes, self.addresses = stored
        self.read_store()
        try:
            async with asyncio.timeout(FIRST_NAMES_S):
                await self.find_names()
        except TimeoutError:
            say("some backends' names take long to resolve: starting without them")
        self.keep()
        tasks = [loop.create_task(task) for task in (self.watch(), self.rename(), self.sample())]
        feed = await asyncio.start_unix_server(self.feed_worker, sock=self.context.feed)
        admin = AdminServer(self.context.settings.listen.admin_socket, self.status)
        await admin.start()
        self.beat()
        await self.stopped.wait()
        for task in tasks:
            task.cancel()
        feed.close()
        await admin.stop()

    def beat(self) -> None:
        """Says that this process is alive."""
        self.context.counters.control.beat(time.monotonic_ns())
        asyncio.get_running_loop().call_later(BEAT_S, self.beat)

    async def watch(self) -> None:
        """Notices a changed file."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self.store.fingerprint() != self.seen:
                self.read_store()

    def read_store(self) -> None:
        """Takes over the store's sites; a faulty store is said once and changes nothing."""
        self.seen = self.store.fingerprint()
        try:
            sites = self.store.read()
        except ConfigError as error:
            for fault in error.faults:
                say(str(fault))
            say("the sites stay as they were")
            if self.store_state.ok or self.store_state.error != str(error):
                self.store_state = StoreState("file", False, time.time(), str(error))
            return
        if not self.store_state.ok:
            self.store_state = StoreState("file", True, time.time(), None)
        if sites != self.routes.sites:
            self.apply(sites)

    def apply(self, sites: tuple[Site, ...]) -> None:
        """Puts sites in force; names that are new are looked up at once."""
        self.routes = Routes(self.routes.version + 1, sites)
        self.keep()
        self.tell(self.routes)
        if names_of(sites) - set(self.addresses.by_name):
            self.naming = asyncio.get_running_loop().create_task(self.find_names())

    async def rename(self) -> None:
        """Looks all names up again on a schedule."""
        while True:
            await asyncio.sleep(AGAIN_EVERY_S)
            await self.find_names()

    async def find_names(self) -> None:
        """Finds what the backends' names stand for, and tells the workers of any change."""
        found = await look_up(names_of(self.routes.sites), self.addresses.by_name)
        if found != self.addresses.by_name:
            self.addresses = Addresses(found)
            self.keep()
            self.tell(self.addresses)

    def keep(self) -> None:
        """Leaves the state for workers to come."""
        self.context.routes.store(self.routes, self.addresses)

    def tell(self, message: Message) -> None:
        """Sends a change to every worker."""
        data = encode(message)
        for worker in self.workers:
            worker.write(data)

    async def feed_worker(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One worker's connection: the state first, then the changes."""
        sock: Any = writer.get_extra_info("socket")
        if _peer_uid(sock) != os.geteuid():
            writer.close()
            return
        writer.write(encode(self.addresses) + encode(self.routes))
        self.workers.add(writer)
        try:
            await reader.read(1)
        except OSError:
            pass
        finally:
            self.workers.discard(writer)
            writer.close()

    async def sample(self) -> None:
        """Reads the counters each second, for rates."""
        while True:
            await asyncio.sleep(SAMPLE_S)
            self.before, self.reading = self.reading, read_counters(self.context.counters)

    def status(self) -> dict[str, Any]:
        """The status as the admin API gives it."""
        return build_status(
            now_s=time.time(),
            box=read_box(self.context.settings.proxy.state_dir),
            before=self.before,
            reading=self.reading,
            current=read_counters(self.context.counters),
            store=self.store_state,
            sites=self.routes.sites,
            addresses=self.addresses.by_name,
        )


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

"""The names of the box and of its single-label `.local` sites, published on the LAN (RFC 6762).

There is one responder on a machine: where avahi is, this one steps aside and says so. A name that
another machine answers for is not taken away from it.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.console import say
from appliance.routing.standing import Severity, Trouble

if TYPE_CHECKING:
    from zeroconf import ServiceInfo
    from zeroconf.asyncio import AsyncZeroconf

LOOK_EVERY_S = 3.0
# Whether a name is taken: RFC 6762 8.1 has three probes, a quarter of a second apart.
PROBE_MS = 1500
# Each name is a record that is sent to the whole network.
MAX_NAMES = 200
PROBES_AT_ONCE = 16
AVAHI_SOCKET = Path("/run/avahi-daemon/socket")
DOMAIN = ".local"
SERVICE = "_http._tcp.local."
STEPPED_ASIDE = (
    "systemctl disable --now avahi-daemon.socket avahi-daemon lets this box publish them"
)


def choose_names(hosts: Iterable[str], hostname: str) -> list[str]:
    """The names to publish, the box's own first (PURE)."""
    own = f"{hostname.partition('.')[0].lower()}{DOMAIN}"
    single = sorted(host for host in hosts if host.endswith(DOMAIN) and host.count(".") == 1)
    return list(dict.fromkeys([own, *(host for host in single if "*" not in host)]))[:MAX_NAMES]


def is_avahi_there(path: Path = AVAHI_SOCKET) -> bool:
    """Whether avahi runs on this machine."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


class Mdns:
    """Publishes for as long as control lives."""

    def __init__(
        self,
        read_hosts: Callable[[], Iterable[str]],
        read_box: Callable[[], tuple[str, Sequence[str]]],
        port: int,
        avahi: Path = AVAHI_SOCKET,
    ) -> None:
        """`read_box` gives the host name and the addresses; `port` is where browsers come to."""
        self._read_hosts = read_hosts
        self._read_box = read_box
        self._port = port
        self._avahi = avahi
        self._responder: AsyncZeroconf | None = None
        self._published: dict[str, ServiceInfo] = {}
        self._taken: dict[str, str] = {}
        self._addresses: list[str] = []
        self._fault: str | None = None

    @property
    def published(self) -> list[str]:
        """The names that others in the network find this box by."""
        return list(self._published)

    async def run(self) -> None:
        """Follows sites and addresses."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Publishes what is new, and takes back what is gone."""
        hostname, addresses = self._read_box()
        wanted = choose_names(self._read_hosts(), hostname)
        if is_avahi_there(self._avahi):
            await self.stop()
            others = wanted[1:]
            what = f"avahi publishes names on this box, and not {', '.join(others[:3])}"
            self._set_fault(f"{what}: {STEPPED_ASIDE}" if others else None)
            return
        if sorted(addresses) != sorted(self._addresses):
            await self.stop()
        if not addresses:
            return
        # Its import takes some MB, and boxes that only serve themselves do without.
        from zeroconf import Error

        try:
            await self._publish(wanted, list(addresses))
        except (OSError, Error) as error:
            await self.stop()
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            self._set_fault(f"no names are published by mDNS ({reason}): see port 5353/udp")
        else:
            self._set_fault(None)

    def _set_fault(self, fault: str | None) -> None:
        if fault is not None and fault != self._fault:
            say(fault)
        self._fault = fault

    async def _publish(self, wanted: Sequence[str], addresses: list[str]) -> None:
        from zeroconf import IPVersion
        from zeroconf.asyncio import AsyncZeroconf

        if self._responder is None:
            has_v6 = any(":" in address for address in addresses)
            version = IPVersion.All if has_v6 else IPVersion.V4Only
            self._responder = AsyncZeroconf(ip_version=version)
            self._addresses = addresses
        for name in self._published.keys() - set(wanted):
            await self._responder.async_unregister_service(self._published.pop(name))
        self._taken = {name: by for name, by in self._taken.items() if name in wanted}
        fresh = [name for name in wanted if name not in self._published]
        for start in range(0, len(fresh), PROBES_AT_ONCE):
            part = fresh[start : start + PROBES_AT_ONCE]
            await asyncio.gather(*(self._claim(self._responder, name) for name in part))

    async def _claim(self, responder: "AsyncZeroconf", name: str) -> None:
        """Publishes a name, unless another machine has it."""
        from zeroconf import AddressResolver, ServiceInfo

        resolver = AddressResolver(f"{name}.")
        await resolver.async_request(responder.zeroconf, PROBE_MS)
        others = set(resolver.parsed_addresses()) - set(self._addresses)
        if others:
            if name not in self._taken:
                say(f"{name} is not published: another machine has that name ({min(others)})")
            self._taken[name] = min(others)
            return
        self._taken.pop(name, None)
        label = name.removesuffix(DOMAIN)
        info = ServiceInfo(
            SERVICE,
            f"{label}.{SERVICE}",
            self._port,
            server=f"{name}.",
            parsed_addresses=self._addresses,
        )
        await responder.async_register_service(info, allow_name_change=True)
        self._published[name] = info

    def troubles(self) -> list[Trouble]:
        """What a person has to know of."""
        own = choose_names((), self._read_box()[0])[0]
        found = []
        for name, address in self._taken.items():
            way_out = (
                "give this box another host name" if name == own else "name the site otherwise"
            )
            text = f"{name} is another machine's name ({address}): {way_out}"
            found.append(Trouble(f"name:{name}", Severity.WARNING, text))
        if self._fault is not None:
            found.append(Trouble("names", Severity.WARNING, self._fault))
        return found

    async def stop(self) -> None:
        """Takes all names back."""
        responder, self._responder = self._responder, None
        self._published.clear()
        self._taken.clear()
        self._addresses = []
        if responder is not None:
            await responder.async_unregister_all_services()
            await responder.async_close()

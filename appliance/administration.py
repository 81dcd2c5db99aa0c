"""The admin port and the box's other parts, brought together for control."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from appliance.admin.account import ACCOUNT_FILE, Account
from appliance.admin.api import Api
from appliance.admin.app import App
from appliance.admin.box import Box
from appliance.admin.exchange import Answer, Request
from appliance.admin.gate import READING, Gate
from appliance.admin.pages.frame import Doors
from appliance.admin.pages.handlers import Pages
from appliance.admin.server import AdminServer
from appliance.backup import pack, unpack
from appliance.certificates import Certificates
from appliance.config import Listen, Settings
from appliance.console import Complaints, say
from appliance.hdmi_relay import HdmiRelay
from appliance.quantities import Address
from appliance.rehearsal import Surroundings, rehearse
from appliance.reporter import Reporter
from appliance.routing.model import Site
from appliance.screen_relay import ScreenRelay
from appliance.sites_desk import SitesDesk, parse_host, parse_site
from appliance.telemetry.alerts import Alerts
from appliance.upstream.dial import Dialer


class Administration:
    """The server with all that answers on it."""

    def __init__(
        self,
        settings: Settings,
        reporter: Reporter,
        desk: SitesDesk,
        certificates: Certificates,
        alerts: Alerts,
        look: Callable[[], None],
    ) -> None:
        """`look` has the store of the sites looked at, at once."""
        listen = settings.listen
        self._settings = settings
        self._reporter = reporter
        self._desk = desk
        self._certificates = certificates
        self._alerts = alerts
        self._look = look
        self._dialer = Dialer(asyncio.get_running_loop())
        self.account = Account(Path(settings.proxy.state_dir) / ACCOUNT_FILE, time.time)
        gate = Gate(self.account, self._is_own_name)
        box = Box(
            reports=reporter,
            sites=self,
            certificates=certificates,
            doings=self,
            screen=ScreenRelay(listen.admin_socket),
            hdmi=HdmiRelay(),
        )
        api = Api(box, self.account, gate.is_admitted)
        pages = Pages(box, self.account, api, gate.is_admitted, find_doors(listen))
        routes = [*api.routes(), *pages.routes()]
        self._app = App(gate, routes, Complaints(time.monotonic).say, pages.refuse)
        self._server = AdminServer(
            listen.admin_socket, self._ask, listen.admin, lambda: certificates.own
        )

    async def start(self) -> None:
        """Opens the socket and the port."""
        await self._server.start()
        for address in self._server.addresses:
            say(f"the dashboard is at {self._describe(address)}")
        if self._settings.listen.admin and self.account.code is not None:
            say(f"nobody has claimed it yet: the code is {self.account.code}")

    async def stop(self) -> None:
        """Closes them."""
        await self._server.stop()

    async def _ask(self, request: Request) -> Answer:
        answer = await self._app.ask(request)
        if request.method not in READING:
            self._reporter.forget()
        return answer

    def _describe(self, address: Address) -> str:
        """An address to type into a browser."""
        if address.is_loopback:
            return f"http://{address}"
        if address.host in ("0.0.0.0", "::"):
            name = next(iter(self._reporter.box["addresses"]), "localhost")
            return f"https://{Address(name, address.port)}"
        return f"https://{address}"

    def describe_claim(self) -> dict[str, str] | None:
        """For the status, and so for the screen."""
        code = self.account.code
        return {"code": code} if code is not None and self._settings.listen.admin else None

    def _is_own_name(self, name: str) -> bool:
        """Whether the box is called so, or a site of its own leads to the dashboard."""
        own = str(self._reporter.box.get("hostname", "")).lower()
        if name in (own, own.partition(".")[0], f"{own.partition('.')[0]}.local"):
            return True
        site = self._reporter.find_site(name)
        ports = [address.port for address in self._server.addresses]
        return site is not None and any(
            backend.port in ports and backend.host in ("127.0.0.1", "::1", "localhost")
            for backend in site.backends
        )

    # The sites.

    async def read_all(self) -> dict[str, Any]:
        return await self._desk.read_all()

    async def read(self, host: str) -> dict[str, Any] | None:
        return await self._desk.read(host)

    async def put(self, host: str, table: dict[str, Any], seen: str | None = None) -> bool:
        return await self._desk.put(host, table, seen)

    async def remove(self, host: str) -> None:
        await self._desk.remove(host)

    async def rehearse(self, host: str, table: dict[str, Any]) -> list[dict[str, str]]:
        site = parse_site(parse_host(host), table)
        listen = self._settings.listen
        around = Surroundings(
            addresses=list(self._reporter.box.get("addresses", ())),
            http_ports=[address.port for address in listen.http],
            https_ports=[address.port for address in listen.https],
            certificate=self._find_certificate,
        )
        return [finding.describe() for finding in await rehearse(site, around, self._dialer)]

    def _find_certificate(self, site: Site) -> dict[str, Any] | None:
        return self._certificates.preview(site)

    # What can be done besides.

    def reload(self) -> None:
        self._look()

    def acknowledge(self, ids: Iterable[str]) -> int:
        return sum(self._alerts.acknowledge(id) for id in ids)

    async def pack_backup(self) -> bytes:
        sites = await self._desk.read_all()
        state_dir = Path(self._settings.proxy.state_dir)
        return await asyncio.to_thread(pack, sites, Path(self._settings.path), state_dir)

    async def restore_backup(self, content: bytes) -> dict[str, Any]:
        found = await asyncio.to_thread(unpack, content)
        state_dir = Path(self._settings.proxy.state_dir)
        roots = await asyncio.to_thread(found.put_roots, state_dir)
        await self._certificates.forget()
        await self._desk.put_all(found.sites)
        return {"sites": len(found.sites), "roots": roots}


def find_doors(listen: Listen) -> Doors:
    """By which ports browsers come, and other machines to the dashboard."""
    http, https = (
        addresses[0].port if addresses else None for addresses in (listen.http, listen.https)
    )
    open_ports = [address.port for address in listen.admin if not address.is_loopback]
    return Doors(http, https, open_ports[0] if open_ports else None)

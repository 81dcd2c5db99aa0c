"""The certificates in force, as control keeps them: on the board, and looked after.

Reading, issuing and writing happen in a thread (tls/keeper); what they change is put on the board
and told to the workers here.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.board import BoardFullError
from appliance.clock import Clock
from appliance.console import say
from appliance.feed import Changed, Routes
from appliance.routing.model import Site, TlsMode
from appliance.routing.standing import Severity, Trouble
from appliance.telemetry.snapshot import rfc3339
from appliance.tls.contexts import load_pem, make_context

if TYPE_CHECKING:
    from appliance.tls.keeper import Entry, Keeper

# A replaced file is noticed within this time, and so is a clock that has been set.
LOOK_EVERY_S = 5.0


class Certificates:
    """Starts with what an earlier control process has left on the board."""

    def __init__(
        self,
        routes: Routes,
        tell: Callable[[Changed], None],
        read_sites: Callable[[], Iterable[Site]],
        state_dir: Path,
        clock: Clock,
        read_box: Callable[[], dict[str, Any]],
        has_own: bool = False,
    ) -> None:
        """`has_own`: the box needs a certificate for itself, too."""
        self._routes = routes
        self._tell = tell
        self._read_sites = read_sites
        self._state_dir = state_dir
        self._clock = clock
        self._read_box = read_box
        self._has_own = has_own
        self._own_pem: bytes | None = None
        self.own: ssl.SSLContext | None = None
        """What the box shows where it is asked for itself; None: not yet."""
        self._keeper: Keeper | None = None
        self._left_over = set(routes.certificates())
        self._asked = asyncio.Event()
        self._settled = asyncio.Event()
        self._busy = asyncio.Lock()

    async def run(self) -> None:
        """Looks at all certificates again and again."""
        while True:
            await self.refresh()
            self._settled.set()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._asked.wait()
            except TimeoutError:
                pass

    async def settle(self, timeout_s: float) -> None:
        """Waits until all have been looked at once, but not for ever."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._settled.wait()
        except TimeoutError:
            pass

    def look(self) -> None:
        """Sites have changed: looks at their certificates at once."""
        self._asked.set()

    async def refresh(self) -> None:
        """Looks at the certificate of each site, and puts in force what has changed."""
        self._asked.clear()
        sites = list(self._read_sites())
        keeper = self._find_keeper(sites)
        loop = asyncio.get_running_loop()

        def changed(host: str, pem: bytes | None) -> None:
            loop.call_soon_threadsafe(self._publish, host, pem)

        if keeper is not None:
            async with self._busy:
                await asyncio.to_thread(keeper.refresh, sites, changed)
                if self._has_own:
                    await asyncio.to_thread(self._refresh_own, keeper)
        secure = {site.host for site in sites if site.tls is TlsMode.TERMINATE}
        for host in self._left_over - secure:
            self._publish(host, None)
        self._left_over = set()

    def _find_keeper(self, sites: Iterable[Site]) -> "Keeper | None":
        """What it needs takes 10 MB, so it is only brought in where a site ends TLS here."""
        is_needed = self._has_own or any(site.tls is TlsMode.TERMINATE for site in sites)
        if self._keeper is None and is_needed:
            self._keeper = make_keeper(self._state_dir, self._clock, self._read_box)
        return self._keeper

    def _refresh_own(self, keeper: "Keeper") -> None:
        material = keeper.refresh_own().material
        if material is not None and material.pem != self._own_pem:
            context = make_context()
            load_pem(context, material.pem)
            self.own, self._own_pem = context, material.pem

    def _publish(self, host: str, pem: bytes | None) -> None:
        if pem == self._routes.certificate(host):
            return
        if pem is None:
            self._routes.remove_certificate(host)
        else:
            try:
                self._routes.put_certificate(host, pem)
            except BoardFullError as error:
                say(f"the certificate of {host} stays as it was: {error}: remove sites")
                return
        self._tell(Changed(certificates=(host,)))

    # What is told about them.

    def of(self, host: str) -> dict[str, str] | None:
        """A site's certificate, for the status."""
        entry = self._keeper.entries.get(host) if self._keeper is not None else None
        if entry is None or entry.material is None:
            return None
        shown = describe(entry)
        return {"issuer": shown["issuer"], "expires": shown["expires"]}

    def troubles(self) -> list[Trouble]:
        """Each site whose certificate a person has to look after."""
        if self._keeper is None:
            return []
        own = self._keeper.own
        found = [
            Trouble(
                f"certificate:{entry.host}",
                Severity.WARNING if entry.material is not None else Severity.CRITICAL,
                f"{entry.host}: {entry.fault}",
            )
            for entry in list(self._keeper.entries.values())
            if entry.fault is not None
        ]
        if own is not None and own.fault is not None:
            severity = Severity.WARNING if own.material is not None else Severity.CRITICAL
            found.append(Trouble("certificate", severity, f"the dashboard: {own.fault}"))
        return found

    def list_all(self) -> list[dict[str, Any]]:
        """Every site's certificate, and what is wrong with it."""
        entries = self._keeper.entries if self._keeper is not None else {}
        return [describe(entry) for entry in list(entries.values())]

    async def list_roots(self) -> list[dict[str, Any]]:
        """The local CA's roots. Raises OSError in words."""
        keeper = self._keeper or make_keeper(self._state_dir, self._clock, self._read_box)
        return await asyncio.to_thread(describe_roots, keeper)

    def preview(self, site: Site) -> dict[str, Any] | None:
        """What a site that ends TLS here would show; nothing is issued. Reads files."""
        keeper = self._keeper or make_keeper(self._state_dir, self._clock, self._read_box)
        return next((describe(entry) for entry in keeper.look([site])), None)

    async def forget(self) -> None:
        """The local CA's files are not as they were: everything is read anew."""
        async with self._busy:
            self._keeper = None
        self.look()

    async def renew(self, host: str) -> dict[str, Any]:
        """Issues a site's certificate anew. Raises LookupError or ValueError in words."""
        sites = list(self._read_sites())
        site, keeper = find_secure_site(sites, host), self._find_keeper(sites)
        assert keeper is not None
        async with self._busy:
            entry = await asyncio.to_thread(keeper.renew, site)
            if entry.material is not None:
                self._publish(host, entry.material.pem)
        return describe(entry)


def make_keeper(
    state_dir: Path, clock: Clock, read_box: Callable[[], dict[str, Any]], say: Any = say
) -> "Keeper":
    """The keeper of a box's certificates."""
    from appliance.tls.keeper import Keeper

    def read_box_names() -> list[str]:
        box = read_box()
        name = str(box["hostname"]).lower()
        local = [] if "." in name else [f"{name}.local"]
        return [name, *local, "localhost", *box["addresses"], "127.0.0.1", "::1"]

    return Keeper(state_dir, read_box()["hostname"], clock, read_box_names, say)


def find_secure_site(sites: Iterable[Site], host: str) -> Site:
    """The site that ends TLS here under this very host. Raises LookupError in words."""
    for site in sites:
        if site.host == host:
            if site.tls is TlsMode.TERMINATE:
                return site
            raise LookupError(f'{host} has tls = "{site.tls.value}": there is no certificate here')
    raise LookupError(f"no site {host} ends TLS here: gatelight cert list shows which do")


def describe(entry: "Entry") -> dict[str, Any]:
    """One site's certificate as the API gives it."""
    material = entry.material
    return {
        "host": entry.host,
        "source": entry.source,
        "issuer": material.issuer if material else None,
        "names": list(material.names) if material else [],
        "expires": rfc3339(material.not_after.timestamp()) if material else None,
        "fault": entry.fault,
    }


def describe_roots(keeper: "Keeper") -> list[dict[str, Any]]:
    """The local CA's roots as the API gives them. Raises OSError in words."""
    return [
        {
            "name": root.name,
            "fingerprint": root.fingerprint,
            "file": str(root.folder / "root.crt"),
            "expires": rfc3339(root.root.certificate.not_valid_after_utc.timestamp()),
            "pem": root.certificate_pem.decode(),
        }
        for root in keeper.roots()
    ]

"""The dashboard's pages: each reads the box, and is drawn; each change is one of the API's."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

from appliance.admin.account import Account
from appliance.admin.api import Api, Handler
from appliance.admin.box import Box
from appliance.admin.exchange import Answer, Request, encode_event
from appliance.admin.gate import Access, Caller
from appliance.admin.pages import words
from appliance.admin.pages.box_pages import BoxPages
from appliance.admin.pages.drawing import Drawing
from appliance.admin.pages.frame import Doors, Word
from appliance.admin.pages.hdmi_pages import HdmiPages
from appliance.admin.pages.live import describe_live, show_errors, show_live
from appliance.admin.pages.painter import Painter, word_of
from appliance.admin.pages.site_pages import SitePages
from appliance.admin.pages.trust import NO_ROOT, choose_address, show_root, show_trust
from appliance.admin.pages.verdict import sort_sites
from appliance.admin.pages.views import (
    OVERVIEW_SITES,
    show_alert,
    show_box,
    show_certificate,
    show_line,
    show_site,
)
from appliance.admin.pages.way_in import WayIn, path_of, redirect

LIVE_EVERY_S = 1.0
EVENTS = "text/event-stream"
LOG_LINES = 200
STATUSES = (
    ("", "all"),
    ("2xx", "2xx: done"),
    ("3xx", "3xx: elsewhere"),
    ("4xx", "4xx: refused"),
    ("5xx", "5xx: failed"),
)


class Pages:
    """The handlers; `routes` says which request goes to which."""

    def __init__(
        self,
        box: Box,
        account: Account,
        api: Api,
        is_admitted: Callable[[Request], bool],
        doors: Doors,
        live_every_s: float = LIVE_EVERY_S,
    ) -> None:
        self._box = box
        self._is_admitted = is_admitted
        self._doors = doors
        self._live_every_s = live_every_s
        self._live = b""
        self._live_until_s = 0.0
        drawing = Drawing()
        self._painter = Painter(drawing, box.reports)
        self._way_in = WayIn(box, account, api, drawing)
        self._sites = SitePages(box, self._painter, doors)
        self._hdmi = HdmiPages(box, self._painter)
        self._own = BoxPages(box, account, self._way_in, self._painter)
        self.refuse = self._way_in.refuse

    def routes(self) -> list[tuple[str, str, Access, Handler]]:
        """Method, path, what it needs, handler."""
        anybody, user = Access.ANYBODY, Access.USER
        way_in, sites, own = self._way_in, self._sites, self._own
        return [
            ("GET", "/static/{digest}/{name}", anybody, way_in.static),
            ("GET", "/login", anybody, way_in.entrance),
            ("POST", "/claim", anybody, way_in.claim),
            ("POST", "/login", anybody, way_in.login),
            ("POST", "/logout", user, way_in.logout),
            ("GET", "/trust", anybody, way_in.trust),
            ("GET", "/trust/{file}", anybody, way_in.root),
            ("GET", "/", user, self.overview),
            ("GET", "/live", user, self.live),
            ("POST", "/acknowledge", user, self.acknowledge),
            ("GET", "/sites", user, sites.sites),
            ("GET", "/add", user, sites.add),
            ("POST", "/add", user, sites.save_new),
            ("POST", "/try", user, sites.try_out),
            ("GET", "/sites/{host}", user, sites.site),
            ("GET", "/sites/{host}/edit", user, sites.edit),
            ("POST", "/sites/{host}/edit", user, sites.save),
            ("GET", "/sites/{host}/remove", user, sites.ask_to_remove),
            ("POST", "/sites/{host}/remove", user, sites.remove),
            ("GET", "/log", user, self.log),
            ("GET", "/certificates", user, self.certificates),
            ("POST", "/certificates/{host}/renew", user, self.renew),
            ("GET", "/screen", user, self.screen),
            ("POST", "/screen/press", user, self.press),
            ("GET", "/screen/hdmi", user, self._hdmi.settings),
            ("POST", "/screen/hdmi", user, self._hdmi.ask),
            ("POST", "/trial", user, self._hdmi.answer_trial),
            ("GET", "/box", user, own.box),
            ("POST", "/reload", user, own.reload),
            ("POST", "/password", user, own.password),
            ("POST", "/tokens", user, own.add_token),
            ("POST", "/tokens/{id}/remove", user, own.remove_token),
        ]

    # The overview.

    async def overview(self, request: Request, caller: Caller) -> Answer:
        reports = self._box.reports
        status = reports.status()
        now = status["time"]
        shown = sort_sites(status["sites"])[:OVERVIEW_SITES]
        alerts = [show_alert(alert, now) for alert in status["alerts"]]
        waiting = [each["id"] for each in alerts if not each["acknowledged"]]
        # The first of them is in the band above.
        listed = [each for each in alerts if each["id"] not in waiting[:1]]
        return self._painter.draw(
            "overview",
            "Overview",
            caller,
            status=status,
            alerts=listed,
            unacknowledged=waiting,
            live={**show_live(status), "errors": show_errors(reports.history())},
            total=f"{status['sites_total']:,}",
            sites=[show_site(site, now) for site in shown],
            hidden=status["sites_total"] - len(shown),
            box=show_box(status),
        )

    async def live(self, request: Request, caller: Caller) -> Answer:
        """What changes, each second. One event is put together for all who look on."""

        async def events() -> AsyncIterator[bytes]:
            while self._is_admitted(request):
                yield encode_event("live", self._describe_live())
                await asyncio.sleep(self._live_every_s)

        return Answer(200, b"", EVENTS, stream=events())

    def _describe_live(self) -> bytes:
        now_s = time.monotonic()
        if now_s >= self._live_until_s:
            reports = self._box.reports
            self._live = json.dumps(describe_live(reports.status(), reports.history())).encode()
            self._live_until_s = now_s + 0.9 * self._live_every_s
        return self._live

    async def acknowledge(self, request: Request, caller: Caller) -> Answer:
        fields = await request.form()
        self._box.doings.acknowledge([id for name, id in fields.items() if name.startswith("id")])
        return redirect(path_of(request.fields.get("referer", "")))

    # The log.

    async def log(self, request: Request, caller: Caller) -> Answer:
        reports, query = self._box.reports, request.query
        wanted = {name: query.get(name, "").strip() for name in ("site", "status", "contains")}
        status = reports.status()
        lines = reports.log(
            0, wanted["site"].lower(), wanted["status"], wanted["contains"], LOG_LINES
        )
        known = [value for value, _ in STATUSES]
        more = [] if wanted["status"] in known else [(wanted["status"], wanted["status"])]
        return self._painter.draw(
            "log",
            "Log",
            caller,
            status=status,
            wanted=wanted,
            statuses=[*STATUSES, *more],
            hosts=[site["host"] for site in status["sites"]],
            is_kept=reports.has_log(),
            lines=[show_line(line) for line in lines],
            blank=dict.fromkeys(("status", "request", "took", "time", "site", "client"), ""),
        )

    # Certificates.

    async def certificates(self, request: Request, caller: Caller) -> Answer:
        return await self._draw_certificates(request, caller, word_of(request))

    async def _draw_certificates(
        self, request: Request, caller: Caller, word: Word | None
    ) -> Answer:
        status = self._box.reports.status()
        shown = [show_certificate(e, status["time"]) for e in self._box.certificates.list_all()]
        try:
            roots = await self._box.certificates.list_roots()
        except OSError as error:
            roots, word = [], Word("down", f"The authority's files: {error}.", "Mend that.")
        host = request.fields.get("host", "")
        address = choose_address(host, status["box"]["addresses"] or (), self._doors.admin)
        return self._painter.draw(
            "certificates",
            "Certificates",
            caller,
            status=status,
            word=word,
            certificates=sorted(shown, key=lambda each: each["left_days"]),
            roots=[show_root(root, number) for number, root in enumerate(roots, 1)],
            trust=show_trust(address),
            no_root=NO_ROOT,
        )

    async def renew(self, request: Request, caller: Caller) -> Answer:
        host = request.segments[1].lower()
        try:
            await self._box.certificates.renew(host)
        except LookupError as error:
            word = Word("warning", words.sentence(str(error.args[0])))
            return await self._draw_certificates(request, caller, word)
        except ValueError as error:
            word = Word("warning", f"The certificate of {host} {error}.")
            return await self._draw_certificates(request, caller, word)
        return redirect("/certificates?done=renewed")

    # The screen.

    async def screen(self, request: Request, caller: Caller) -> Answer:
        return self._painter.draw("screen", "Screen", caller)

    async def press(self, request: Request, caller: Caller) -> Answer:
        await self._box.screen.press((await request.form()).get("button"))
        return redirect("/screen")

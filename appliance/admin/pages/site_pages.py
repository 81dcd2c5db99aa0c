"""The pages of sites: all of them, one, adding, editing, removing."""

from typing import Any

from appliance.admin.box import Box
from appliance.admin.exchange import Answer, Refusal, Request, digest_of
from appliance.admin.gate import Caller
from appliance.admin.pages import words
from appliance.admin.pages.drawing import HTML
from appliance.admin.pages.frame import Doors, Word
from appliance.admin.pages.painter import Painter, word_of
from appliance.admin.pages.site_form import (
    BALANCES,
    PROTOCOLS,
    TLS,
    SiteForm,
    fill_form,
    keep_fields,
    read_form,
)
from appliance.admin.pages.verdict import sort_sites
from appliance.admin.pages.views import show_line, show_site, site_path
from appliance.admin.pages.way_in import explain, redirect
from appliance.routing.model import canonical_host

FAILURES = 10
# As many as a status shows.
MAX_FOUND = 500
SPOKEN = {"up": "good", "warning": "look at this", "down": "bad", "unknown": "not known"}


class SitePages:
    """Each change is one of the API's, with the same validation."""

    def __init__(self, box: Box, painter: Painter, doors: Doors) -> None:
        self._box = box
        self._painter = painter
        self._doors = doors

    async def sites(self, request: Request, caller: Caller) -> Answer:
        status = self._box.reports.status()
        find = request.query.get("find", "").strip().lower()
        total, found = status["sites_total"], status["sites"]
        if find:
            total, found = self._box.reports.sites(find, 0, MAX_FOUND)
        return self._painter.draw(
            "sites",
            "Sites",
            caller,
            status=status,
            word=word_of(request),
            find=find,
            total=status["sites_total"],
            sites=[show_site(site, status["time"]) for site in sort_sites(found)],
            hidden=total - len(found),
        )

    async def site(self, request: Request, caller: Caller) -> Answer:
        host = request.segments[1].lower()
        reports = self._box.reports
        site = reports.site(host)
        if site is None:
            raise Refusal(404, "there is no such site", host, "see the page of sites")
        status = reports.status()
        shown = show_site(site, status["time"])
        shown["address"] = self._address_of(site)
        lines = reports.log(0, host, "5xx", "", FAILURES) if reports.has_log() else []
        return self._painter.draw(
            "site",
            "Sites",
            caller,
            title=str(shown["name"]),
            status=status,
            word=word_of(request),
            site=shown,
            lines=[show_line(line) for line in lines],
            is_logged=reports.has_log(),
        )

    def _address_of(self, site: dict[str, Any]) -> str:
        """Where a browser opens it; nothing for a pattern."""
        host, is_secure = site["host"], site["tls"] != "off"
        port = self._doors.https if is_secure else self._doors.http
        if "*" in host or port is None:
            return ""
        usual = 443 if is_secure else 80
        return f"http{'s' if is_secure else ''}://{host}{'' if port == usual else f':{port}'}/"

    async def add(self, request: Request, caller: Caller) -> Answer:
        return self._draw_form(caller, fill_form({}))

    async def edit(self, request: Request, caller: Caller) -> Answer:
        host = request.segments[1]
        table = await self._read(host)
        return self._draw_form(caller, fill_form(table, host, digest_of(table)), host)

    async def _read(self, host: str) -> dict[str, Any]:
        table = await self._box.sites.read(host)
        if table is None:
            raise Refusal(404, "there is no such site", host, "see the page of sites")
        return table

    def _draw_form(
        self,
        caller: Caller,
        form: SiteForm,
        host: str | None = None,
        word: Word | None = None,
        findings: list[dict[str, str]] | None = None,
        code: int = 200,
    ) -> Answer:
        heading = "Add a site" if host is None else f"Edit {words.host_name(host)}"
        return self._painter.draw(
            "edit",
            "Sites",
            caller,
            title=heading,
            heading=heading,
            code=code,
            is_new=host is None,
            form=form,
            word=word,
            findings=findings,
            back="/sites" if host is None else site_path(host),
            tls=TLS,
            balances=BALANCES,
            protocols=PROTOCOLS,
        )

    async def save_new(self, request: Request, caller: Caller) -> Answer:
        fields = await request.form()
        host = fields.get("host", "").strip()
        return await self._save(caller, fields, host, None)

    async def save(self, request: Request, caller: Caller) -> Answer:
        host = request.segments[1]
        return await self._save(caller, await request.form(), host, host)

    async def _save(
        self, caller: Caller, fields: dict[str, str], host: str, edited: str | None
    ) -> Answer:
        """Saves, or tries out; what is refused comes back as it was filled in."""
        try:
            before = await self._read(host) if edited is not None else {}
            table = read_form(fields, before)
            if fields.get("do") == "check":
                findings = await self._find(host, table)
                return self._draw_form(caller, keep_fields(fields), edited, findings=findings)
            if edited is None and await self._box.sites.read(host) is not None:
                raise Refusal(409, f"host: there is a site {host} already", host, "edit that one")
            await self._box.sites.put(host, table, fields.get("seen") or None)
        except Refusal as refusal:
            form = keep_fields(fields, refusal.what)
            if refusal.status == 400 and refusal.where == host:
                form.faults["host"] = refusal.what
            word = explain(refusal)
            return self._draw_form(caller, form, edited, word, code=refusal.status)
        done = "added" if edited is None else "saved"
        return redirect(f"{site_path(canonical_host(host))}?done={done}")

    async def try_out(self, request: Request, caller: Caller) -> Answer:
        """The findings alone, for a form that is being filled in."""
        fields = await request.form()
        host = fields.get("host", "").strip()
        try:
            findings = await self._find(host, read_form(fields, {}))
        except Refusal as refusal:
            word = explain(refusal)
            findings = [{"outcome": "down", "what": word.what, "way_out": word.way_out}]
            findings[0]["spoken"] = SPOKEN["down"]
        return Answer(200, self._painter.drawing.draw("findings", findings=findings), HTML)

    async def _find(self, host: str, table: dict[str, Any]) -> list[dict[str, str]]:
        findings = await self._box.sites.rehearse(host, table)
        return [
            {
                **each,
                "way_out": words.sentence(each["way_out"]),
                "spoken": SPOKEN.get(each["outcome"], ""),
            }
            for each in findings
        ]

    async def ask_to_remove(self, request: Request, caller: Caller) -> Answer:
        return self._draw_removal(request.segments[1], caller)

    def _draw_removal(self, host: str, caller: Caller, word: Word | None = None) -> Answer:
        name = words.host_name(host)
        path = site_path(host)
        return self._painter.draw(
            "remove", "Sites", caller, f"Remove {name}", name=name, path=path, word=word
        )

    async def remove(self, request: Request, caller: Caller) -> Answer:
        host = request.segments[1]
        try:
            await self._box.sites.remove(host)
        except Refusal as refusal:
            return self._draw_removal(host, caller, explain(refusal))
        return redirect("/sites?done=removed")

"""The admin API, version 1, as docs/status-schema.md and openapi.json describe it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from appliance.admin.account import Account, csrf_of
from appliance.admin.box import Box
from appliance.admin.exchange import (
    Answer,
    Refusal,
    Request,
    answer_json,
    digest_of,
    encode_event,
)
from appliance.admin.gate import Access, Caller, ended_cookie, session_cookie
from appliance.admin.parameters import parse_filter, parse_number, parse_text
from appliance.admin.throttle import Throttle

EVENT_EVERY_S = 1.0
MAX_LOG_LINES = 1000
# As many as the status shows; there may be a hundred thousand.
MAX_SITES = 500
MAX_OFFSET = 999_999
OPENAPI = Path(__file__).with_name("openapi.json")
# A backup has the sites, of which a hundred thousand take some 30 MB, and the CA's keys.
MAX_BACKUP_BYTES = 64 << 20
EVENTS, PNG, PEM = "text/event-stream", "image/png", "application/x-x509-ca-cert"
METRICS = "text/plain; version=0.0.4; charset=utf-8"
BACKUP = "application/gzip"

Handler = Callable[[Request, Caller], Awaitable[Answer]]


class Api:
    """The handlers; `routes` says which request goes to which."""

    def __init__(
        self,
        box: Box,
        account: Account,
        is_admitted: Callable[[Request], bool],
        event_every_s: float = EVENT_EVERY_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._box = box
        self._account = account
        self._is_admitted = is_admitted
        self._event_every_s = event_every_s
        self._now_s = now_s
        self.throttle = Throttle()

    def routes(self) -> list[tuple[str, str, Access, Handler]]:
        """Method, path, what it needs, handler."""
        anybody, user, local = Access.ANYBODY, Access.USER, Access.SOCKET
        return [
            ("GET", "/v1/openapi.json", user, self.openapi),
            ("GET", "/v1/status", user, self.status),
            ("GET", "/v1/events", user, self.events),
            ("GET", "/v1/overview", user, self.overview),
            ("GET", "/v1/history", user, self.history),
            ("GET", "/v1/sites", user, self.sites),
            ("GET", "/v1/sites/{host}", user, self.site),
            ("PUT", "/v1/sites/{host}", user, self.put_site),
            ("DELETE", "/v1/sites/{host}", user, self.remove_site),
            ("GET", "/v1/sites/{host}/settings", user, self.settings),
            ("POST", "/v1/sites/{host}/check", user, self.check_site),
            ("GET", "/v1/settings", user, self.all_settings),
            ("GET", "/v1/certificates", user, self.certificates),
            ("POST", "/v1/certificates/{host}/renew", user, self.renew),
            ("GET", "/v1/roots", user, self.roots),
            ("GET", "/v1/roots/{number}", user, self.root),
            ("GET", "/v1/log", user, self.log),
            ("GET", "/v1/log/events", user, self.log_events),
            ("POST", "/v1/reload", user, self.reload),
            ("POST", "/v1/alerts/{id}/acknowledge", user, self.acknowledge),
            ("GET", "/v1/backup", user, self.backup),
            ("POST", "/v1/restore", user, self.restore),
            ("GET", "/v1/screen.png", user, self.screen),
            ("POST", "/v1/screen/press", user, self.press),
            ("GET", "/v1/hdmi", user, self.hdmi),
            ("POST", "/v1/hdmi", user, self.ask_hdmi),
            ("GET", "/metrics", user, self.metrics),
            ("POST", "/v1/claim", anybody, self.claim),
            ("POST", "/v1/login", anybody, self.login),
            ("POST", "/v1/logout", user, self.logout),
            ("GET", "/v1/session", user, self.session),
            ("POST", "/v1/password", user, self.password),
            ("GET", "/v1/tokens", user, self.tokens),
            ("POST", "/v1/tokens", user, self.add_token),
            ("DELETE", "/v1/tokens/{id}", user, self.remove_token),
            ("POST", "/v1/reset", local, self.reset),
        ]

    async def openapi(self, request: Request, caller: Caller) -> Answer:
        return Answer(200, await asyncio.to_thread(OPENAPI.read_bytes))

    # Status.

    async def status(self, request: Request, caller: Caller) -> Answer:
        return Answer(200, self._box.reports.status_json() + b"\n")

    async def events(self, request: Request, caller: Caller) -> Answer:
        if request.query.get("view") == "overview":
            return self._stream(request, "overview", self._box.reports.overview_json)
        return self._stream(request, "status", self._box.reports.status_json)

    def _stream(self, request: Request, name: str, make: Callable[[], bytes]) -> Answer:
        async def events() -> AsyncIterator[bytes]:
            while self._is_admitted(request):
                yield encode_event(name, make())
                await asyncio.sleep(self._event_every_s)

        return Answer(200, b"", EVENTS, stream=events())

    async def overview(self, request: Request, caller: Caller) -> Answer:
        return Answer(200, self._box.reports.overview_json() + b"\n")

    async def history(self, request: Request, caller: Caller) -> Answer:
        return answer_json(self._box.reports.history())

    async def metrics(self, request: Request, caller: Caller) -> Answer:
        return Answer(200, self._box.reports.metrics().encode(), METRICS)

    async def reload(self, request: Request, caller: Caller) -> Answer:
        self._box.doings.reload()
        return Answer(204)

    async def acknowledge(self, request: Request, caller: Caller) -> Answer:
        id = request.segments[2]
        if not self._box.doings.acknowledge([id]):
            raise Refusal(404, "there is no such alert", id, "GET /v1/status has those there are")
        return Answer(204)

    # Sites.

    async def sites(self, request: Request, caller: Caller) -> Answer:
        offset = parse_number(request, "offset", 0, 0, MAX_OFFSET)
        limit = parse_number(request, "limit", MAX_SITES, 1, MAX_SITES)
        contains = request.query.get("contains", "").lower()
        total, found = self._box.reports.sites(contains, offset, limit)
        return answer_json(found, Gatelight_Total=str(total))

    async def site(self, request: Request, caller: Caller) -> Answer:
        host = request.segments[2].lower()
        site = self._box.reports.site(host)
        if site is None:
            raise Refusal(404, "there is no such site", host, "GET /v1/sites lists them")
        return answer_json(site)

    async def settings(self, request: Request, caller: Caller) -> Answer:
        host = request.segments[2]
        table = await self._box.sites.read(host)
        if table is None:
            raise Refusal(404, "there is no such site", host, "GET /v1/sites lists them")
        return answer_json(table, ETag=digest_of(table))

    async def all_settings(self, request: Request, caller: Caller) -> Answer:
        return answer_json(await self._box.sites.read_all())

    async def put_site(self, request: Request, caller: Caller) -> Answer:
        host, table = request.segments[2], await request.json()
        is_new = await self._box.sites.put(host, table, request.fields.get("if-match"))
        kept = await self._box.sites.read(host) or table
        return answer_json(kept, 201 if is_new else 200, ETag=digest_of(kept))

    async def remove_site(self, request: Request, caller: Caller) -> Answer:
        await self._box.sites.remove(request.segments[2])
        return Answer(204)

    async def check_site(self, request: Request, caller: Caller) -> Answer:
        table = await request.json()
        return answer_json({"findings": await self._box.sites.rehearse(request.segments[2], table)})

    # Certificates.

    async def certificates(self, request: Request, caller: Caller) -> Answer:
        return answer_json(self._box.certificates.list_all())

    async def renew(self, request: Request, caller: Caller) -> Answer:
        host = request.segments[2].lower()
        try:
            return answer_json(await self._box.certificates.renew(host))
        except LookupError as error:
            way_out = "GET /v1/certificates lists them"
            raise Refusal(404, str(error.args[0]), host, way_out) from None
        except ValueError as error:
            way_out = "mend that, and try again"
            raise Refusal(409, f"the certificate {error}", host, way_out) from None

    async def roots(self, request: Request, caller: Caller) -> Answer:
        return answer_json(await self._list_roots())

    async def root(self, request: Request, caller: Caller) -> Answer:
        name = request.segments[2].removesuffix(".crt")
        roots = await self._list_roots()
        if not name.isdecimal() or not 1 <= int(name[:4]) <= len(roots):
            raise Refusal(404, "there is no such root", name, "GET /v1/roots lists them")
        file = f'attachment; filename="gatelight-root-{int(name[:4])}.crt"'
        pem = str(roots[int(name[:4]) - 1]["pem"]).encode()
        return Answer(200, pem, PEM, (("Content-Disposition", file),))

    async def _list_roots(self) -> list[dict[str, Any]]:
        try:
            return await self._box.certificates.list_roots()
        except OSError as error:
            way_out = "mend that, and try again"
            raise Refusal(500, str(error), "the local CA", way_out) from None

    # The access log.

    async def log(self, request: Request, caller: Caller) -> Answer:
        limit = parse_number(request, "limit", 200, 1, MAX_LOG_LINES)
        reports = self._box.reports
        found = reports.log(0, *parse_filter(request), limit)
        return answer_json({"lines": list(found), "is_kept": reports.has_log()})

    async def log_events(self, request: Request, caller: Caller) -> Answer:
        reports, wanted = self._box.reports, parse_filter(request)

        async def events() -> AsyncIterator[bytes]:
            seen = reports.log_end()
            yield b": the lines from now on\n\n"
            while self._is_admitted(request):
                await asyncio.sleep(self._event_every_s)
                end = reports.log_end()
                lines = reports.log(seen, *wanted, MAX_LOG_LINES)
                seen = end
                yield encode_event("lines", json.dumps(list(lines)).encode())

        return Answer(200, b"", EVENTS, stream=events())

    # Backup.

    async def backup(self, request: Request, caller: Caller) -> Answer:
        content = await self._box.doings.pack_backup()
        name = time.strftime("gatelight-%Y-%m-%d.tar.gz")
        fields = (("Content-Disposition", f'attachment; filename="{name}"'),)
        return Answer(200, content, BACKUP, fields)

    async def restore(self, request: Request, caller: Caller) -> Answer:
        content = await request.read_body(MAX_BACKUP_BYTES)
        return answer_json(await self._box.doings.restore_backup(content))

    # The screen.

    async def screen(self, request: Request, caller: Caller) -> Answer:
        return Answer(200, await self._box.screen.picture(), PNG)

    async def press(self, request: Request, caller: Caller) -> Answer:
        await self._box.screen.press((await request.json()).get("button"))
        return Answer(204)

    async def hdmi(self, request: Request, caller: Caller) -> Answer:
        return answer_json(await self._box.hdmi.show())

    async def ask_hdmi(self, request: Request, caller: Caller) -> Answer:
        return answer_json(await self._box.hdmi.ask(await request.json()))

    # The account.

    async def guess(self, request: Request, attempt: Awaitable[str]) -> str:
        """Runs an attempt at the password or the code, if the client may make one."""
        ip, now_s = request.peer.ip, self._now_s()
        if ip is None:
            return await attempt
        wait_s = self.throttle.wait_s(ip, now_s)
        if wait_s > 0:
            if asyncio.iscoroutine(attempt):
                attempt.close()
            wait = f"{wait_s / 60:.0f} minutes" if wait_s > 90 else f"{wait_s:.0f} seconds"
            refusal = Refusal(429, "too many tries", "password", f"wait {wait}, and try again")
            refusal.fields = (("Retry-After", str(int(wait_s) + 1)),)
            raise refusal
        self.throttle.note(ip, now_s)
        secret = await attempt
        self.throttle.take_back(ip)
        return secret

    async def claim(self, request: Request, caller: Caller) -> Answer:
        content = await request.json()
        attempt = self._account.claim(parse_text(content, "code"), parse_text(content, "password"))
        return self._let_in(request, await self.guess(request, attempt))

    async def login(self, request: Request, caller: Caller) -> Answer:
        self.need_claim(request)
        content = await request.json()
        attempt = self._account.login(parse_text(content, "password"))
        return self._let_in(request, await self.guess(request, attempt))

    def need_claim(self, request: Request) -> None:
        """Raises Refusal where there is no password yet."""
        if not self._account.is_claimed:
            way_out = "claim it with the code that the box's screen or its log shows"
            raise Refusal(403, "this box is not claimed yet", request.path, way_out)

    async def password(self, request: Request, caller: Caller) -> Answer:
        content = await request.json()
        attempt = self._account.change_password(
            parse_text(content, "old"), parse_text(content, "new")
        )
        return self._let_in(request, await self.guess(request, attempt))

    def _let_in(self, request: Request, secret: str) -> Answer:
        cookie = session_cookie(secret, request.peer.is_secure)
        return answer_json({"csrf": csrf_of(secret)}, Set_Cookie=cookie)

    async def logout(self, request: Request, caller: Caller) -> Answer:
        if caller.secret is not None:
            self._account.end_session(caller.secret)
        return Answer(204, fields=(("Set-Cookie", ended_cookie(request.peer.is_secure)),))

    async def session(self, request: Request, caller: Caller) -> Answer:
        return answer_json({"csrf": caller.csrf})

    async def tokens(self, request: Request, caller: Caller) -> Answer:
        return answer_json(self._account.list_tokens())

    async def add_token(self, request: Request, caller: Caller) -> Answer:
        name = parse_text(await request.json(), "name")
        return answer_json(self._account.add_token(name), 201)

    async def remove_token(self, request: Request, caller: Caller) -> Answer:
        self._account.remove_token(request.segments[2])
        return Answer(204)

    async def reset(self, request: Request, caller: Caller) -> Answer:
        return answer_json({"code": self._account.reset()})

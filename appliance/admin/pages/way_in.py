"""The pages before somebody is logged in: the claim, the login, and how devices trust the box."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from appliance.admin.account import Account
from appliance.admin.api import Api
from appliance.admin.box import Box
from appliance.admin.exchange import Answer, Refusal, Request
from appliance.admin.gate import Caller, ended_cookie, session_cookie
from appliance.admin.pages.drawing import HTML, KINDS, Drawing
from appliance.admin.pages.form import Form
from appliance.admin.pages.frame import Word
from appliance.admin.pages.trust import DEVICES, NO_ROOT, show_root

KEPT_LONG = "public, max-age=31536000, immutable"
PEM = "application/x-x509-ca-cert"


def redirect(path: str, *fields: tuple[str, str]) -> Answer:
    """To another page, by GET (RFC 9110 15.4.4)."""
    return Answer(303, b"", HTML, (("Location", path), *fields))


def own_path(text: str) -> str:
    """Where somebody wanted to go, if that is here; else the overview."""
    is_own = text.startswith("/") and text.isprintable() and text.isascii()
    return text if is_own and "\\" not in text and not text.startswith("//") else "/"


def path_of(referer: str) -> str:
    """The page that somebody comes from, by Referer; the overview where that is not told."""
    try:
        return own_path(urlsplit(referer).path)
    except ValueError:
        return "/"


def explain(refusal: Refusal) -> Word:
    """A refusal as it stands on a page."""
    state = "warning" if refusal.status < 500 else "down"
    what = refusal.what[:1].upper() + refusal.what[1:]
    way_out = refusal.way_out[:1].upper() + refusal.way_out[1:]
    return Word(state, f"{what}.", f"{way_out}." if way_out else "")


class WayIn:
    """Anybody may ask for these."""

    def __init__(self, box: Box, account: Account, api: Api, drawing: Drawing) -> None:
        self._box = box
        self._account = account
        self._api = api
        self._drawing = drawing

    async def static(self, request: Request, caller: Caller) -> Answer:
        """A file; kept for ever under the name that changes with it."""
        digest, name = request.segments[1:]
        content = self._drawing.files.get(name)
        if content is None:
            raise Refusal(404, "there is nothing here", request.path, "load the page again")
        kept = KEPT_LONG if digest == self._drawing.digest else "no-store"
        kind = KINDS[name.rpartition(".")[2]]
        return Answer(200, content, kind, (("Cache-Control", kept),))

    async def entrance(self, request: Request, caller: Caller) -> Answer:
        """The claim while nobody has a password, and else the login."""
        if self._account.is_claimed and caller.secret is not None:
            return redirect(own_path(request.query.get("then", "/")))
        return self._draw(request.query.get("then", "/"))

    def _draw(
        self, then: str, word: Word | None = None, code: str = "", status: int = 200
    ) -> Answer:
        is_new = not self._account.is_claimed
        body = self._drawing.draw(
            "entrance",
            title="Claim" if is_new else "Log in",
            frame=None,
            is_new=is_new,
            name=self._box.reports.status()["box"]["hostname"] or "Gatelight",
            then=own_path(then),
            word=word,
            form=Form({"code": code, "password": ""}),
        )
        return Answer(status, body, HTML)

    async def claim(self, request: Request, caller: Caller) -> Answer:
        """The first password."""
        fields = await request.form()
        code, password = fields.get("code", ""), fields.get("password", "")
        try:
            secret = await self._api.guess(request, self._account.claim(code, password))
        except Refusal as refusal:
            return self._draw(fields.get("then", "/"), explain(refusal), code, refusal.status)
        return self._let_in(request, secret, fields)

    async def login(self, request: Request, caller: Caller) -> Answer:
        """Somebody with the password."""
        fields = await request.form()
        try:
            self._api.need_claim(request)
            attempt = self._account.login(fields.get("password", ""))
            secret = await self._api.guess(request, attempt)
        except Refusal as refusal:
            return self._draw(fields.get("then", "/"), explain(refusal), status=refusal.status)
        return self._let_in(request, secret, fields)

    def _let_in(self, request: Request, secret: str, fields: dict[str, str]) -> Answer:
        cookie = session_cookie(secret, request.peer.is_secure)
        return redirect(own_path(fields.get("then", "/")), ("Set-Cookie", cookie))

    async def logout(self, request: Request, caller: Caller) -> Answer:
        """The session ends."""
        if caller.secret is not None:
            self._account.end_session(caller.secret)
        return redirect("/login", ("Set-Cookie", ended_cookie(request.peer.is_secure)))

    async def change_password(self, request: Request, draw: Callable[[Word], Answer]) -> Answer:
        """Another password; `draw` says on a page why not."""
        fields = await request.form()
        attempt = self._account.change_password(fields.get("old", ""), fields.get("new", ""))
        try:
            secret = await self._api.guess(request, attempt)
        except Refusal as refusal:
            return replace(draw(explain(refusal)), status=refusal.status)
        cookie = session_cookie(secret, request.peer.is_secure)
        return redirect("/box?done=password", ("Set-Cookie", cookie))

    async def trust(self, request: Request, caller: Caller) -> Answer:
        """The steps, and the root, which is no secret."""
        roots = await self._list_roots()
        body = self._drawing.draw(
            "trust",
            title="Trust this box",
            frame=None,
            roots=[show_root(root, number) for number, root in enumerate(roots, 1)],
            devices=DEVICES,
            no_root=NO_ROOT,
        )
        return Answer(200, body, HTML)

    async def _list_roots(self) -> list[dict[str, Any]]:
        try:
            return await self._box.certificates.list_roots()
        except OSError as error:
            raise Refusal(500, str(error), "the local CA", "mend that, and try again") from None

    async def root(self, request: Request, caller: Caller) -> Answer:
        """The root itself, as devices take it."""
        roots = await self._list_roots()
        for number, root in enumerate(roots, 1):
            name = f"root-{number}.crt"
            if request.segments[1] == name:
                file = f'attachment; filename="gatelight-{name}"'
                return Answer(200, str(root["pem"]).encode(), PEM, (("Content-Disposition", file),))
        raise Refusal(404, "there is no such root", request.path, "see /trust for those there are")

    def refuse(self, request: Request, refusal: Refusal) -> Answer:
        """A refusal as a page; whoever is not logged in is sent there."""
        is_reading = request.method in ("GET", "HEAD")
        if refusal.status == 401 or (refusal.status == 403 and not self._account.is_claimed):
            then = own_path(request.path) if is_reading else "/"
            return redirect(f"/login?then={quote(then)}" if then != "/" else "/login")
        word = explain(refusal)
        # Those of the API are for programs.
        way_out = "" if refusal.way_out.startswith("GET ") else word.way_out
        body = self._drawing.draw(
            "refused",
            title=word.what,
            frame=None,
            status=refusal.status,
            what=word.what,
            where=refusal.where,
            way_out=way_out,
        )
        return Answer(refusal.status, body, HTML, refusal.fields)

"""The page of the box itself: backup and restore, the password, tokens."""

import time
from typing import Any

from appliance.admin.account import Account
from appliance.admin.box import Box
from appliance.admin.exchange import Answer, Refusal, Request
from appliance.admin.gate import Caller
from appliance.admin.pages import words
from appliance.admin.pages.form import Form
from appliance.admin.pages.frame import Word
from appliance.admin.pages.painter import Painter, word_of
from appliance.admin.pages.way_in import WayIn, explain, redirect


class BoxPages:
    """What is done here is done by the API's parts."""

    def __init__(self, box: Box, account: Account, way_in: WayIn, painter: Painter) -> None:
        self._box = box
        self._account = account
        self._way_in = way_in
        self._painter = painter

    async def box(self, request: Request, caller: Caller) -> Answer:
        return self._draw_box(caller, word_of(request))

    def _draw_box(
        self, caller: Caller, word: Word | None = None, made: Any = None, code: int = 200
    ) -> Answer:
        now = self._box.reports.status()
        tokens = [
            {**each, "made": time.strftime("%Y-%m-%d", time.localtime(each["created_s"]))}
            for each in self._account.list_tokens()
        ]
        facts = [
            ("name", now["box"]["hostname"]),
            ("machine", now["box"]["model"] or words.NOT_REPORTED),
            ("addresses", ", ".join(now["box"]["addresses"] or ()) or words.NOT_REPORTED),
            ("configuration", now["store"].get("config") or words.NOT_REPORTED),
        ]
        return self._painter.draw(
            "box",
            "Box",
            caller,
            code=code,
            status=now,
            word=word,
            made=made,
            tokens=tokens,
            facts=facts,
            form=Form({"old": "", "new": "", "name": ""}),
        )

    async def reload(self, request: Request, caller: Caller) -> Answer:
        self._box.doings.reload()
        return redirect("/box?done=reloaded")

    async def password(self, request: Request, caller: Caller) -> Answer:
        return await self._way_in.change_password(
            request, lambda word: self._draw_box(caller, word)
        )

    async def add_token(self, request: Request, caller: Caller) -> Answer:
        name = (await request.form()).get("name", "").strip()
        try:
            made = self._account.add_token(name)
        except Refusal as refusal:
            return self._draw_box(caller, explain(refusal), code=refusal.status)
        return self._draw_box(caller, made=made)

    async def remove_token(self, request: Request, caller: Caller) -> Answer:
        self._account.remove_token(request.segments[1])
        return redirect("/box?done=token")

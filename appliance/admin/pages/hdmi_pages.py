"""HDMI settings: what is plugged in, trying a mode, and saying whether it can be seen."""

from collections.abc import Mapping
from typing import Any

from appliance.admin.box import Box
from appliance.admin.exchange import Answer, Refusal, Request
from appliance.admin.gate import Caller
from appliance.admin.pages import words
from appliance.admin.pages.frame import Word
from appliance.admin.pages.painter import Painter
from appliance.admin.pages.way_in import explain, redirect

TRIAL_S = 60


class HdmiPages:
    """The helper alone may change something; these ask it."""

    def __init__(self, box: Box, painter: Painter) -> None:
        self._box = box
        self._painter = painter

    async def settings(self, request: Request, caller: Caller) -> Answer:
        return await self._draw(caller)

    async def _draw(self, caller: Caller, word: Word | None = None, code: int = 200) -> Answer:
        shown: dict[str, Any] = {"ports": [], "model": "", "can_change": False}
        try:
            shown = show_hdmi(await self._box.hdmi.show())
        except Refusal as refusal:
            word = word or explain(refusal)
        return self._painter.draw(
            "hdmi", "Screen", caller, "HDMI", code, word=word, seconds=TRIAL_S, **shown
        )

    async def ask(self, request: Request, caller: Caller) -> Answer:
        """What a button or the form of a port asks for."""
        try:
            answer = await self._box.hdmi.ask(read_wish(await request.form()))
        except Refusal as refusal:
            return await self._draw(caller, explain(refusal), refusal.status)
        return await self._draw(caller, Word("up", f"{words.sentence(str(answer['said']))}."))

    async def answer_trial(self, request: Request, caller: Caller) -> Answer:
        """Somebody can see the mode on trial, or cannot; from any page."""
        wish = read_wish(await request.form())
        if wish["do"] == "set":
            raise Refusal(400, "this is no answer", request.path, "keep the mode, or take it back")
        try:
            await self._box.hdmi.ask(wish)
        except Refusal as refusal:
            return await self._draw(caller, explain(refusal), refusal.status)
        return redirect("/screen")


def read_wish(fields: Mapping[str, str]) -> dict[str, Any]:
    """A form as a request to the helper (PURE)."""
    match fields.get("do"):
        case "confirm":
            return {"do": "confirm"}
        case "undo":
            return {"do": "undo", "steps": 1}
    port = fields.get("port", "")
    wish: dict[str, Any] = {"mode": fields.get("mode", "")}
    if port.isdecimal():
        wish["port"] = int(port[:3])
    return {"do": "set", "wish": wish, "seconds": TRIAL_S}


def show_hdmi(found: Mapping[str, Any]) -> dict[str, Any]:
    """Ports with what is plugged in and the modes it offers (PURE)."""
    modes = found["modes"]
    return {
        "model": modes["model"],
        "ports": [show_port(port) for port in modes["ports"]],
        "can_change": found["can_change"],
    }


def show_port(port: Mapping[str, Any]) -> dict[str, Any]:
    """One port; a screen that says nothing of itself has no modes to offer."""
    display = port["display"]
    name = " ".join(filter(None, (display["maker"], display["name"]))) if display else ""
    return {
        "number": port["port"],
        "name": name or ("a screen that says nothing of itself" if port["connected"] else ""),
        "state": "up" if port["connected"] else "unknown",
        "in_use": port["mode_in_use"] or words.NOT_REPORTED,
        "fault": port["fault"] or "",
        "offers": [
            {
                "mode": each["mode"],
                "words": f"{each['mode']}{', best' if each['preferred'] else ''}",
            }
            for each in port.get("offered") or ()
        ],
    }

"""A page with the frame that is on every page of somebody who is logged in."""

from collections.abc import Mapping
from typing import Any

from appliance.admin.box import Reports
from appliance.admin.exchange import Answer, Request
from appliance.admin.gate import Caller
from appliance.admin.pages.drawing import HTML, Drawing
from appliance.admin.pages.frame import DONE, Word, make_frame


class Painter:
    """Draws the pages of one box."""

    def __init__(self, drawing: Drawing, reports: Reports) -> None:
        self.drawing = drawing
        self._reports = reports

    def draw(
        self,
        template: str,
        place: str,
        caller: Caller,
        title: str = "",
        code: int = 200,
        status: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Answer:
        """A page of `place`; `status` is the box's, where that was asked for already."""
        frame = make_frame(status or self._reports.status(), place, caller.csrf)
        values.setdefault("word", None)
        body = self.drawing.draw(template, title=title or place, frame=frame, **values)
        return Answer(code, body, HTML)


def word_of(request: Request) -> Word | None:
    """What was done, as the address says."""
    return DONE.get(request.query.get("done", ""))

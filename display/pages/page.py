"""A page being drawn: the canvas, the view, and what all pages have in common."""

from display.pages.view import View
from display.render.canvas import Canvas
from display.render.layout import Form, Rect
from display.render.theme import LOOKS, Ink, Role, Weight
from display.status.model import State


class Page:
    """What a draw function is given."""

    def __init__(self, canvas: Canvas, view: View) -> None:
        self.canvas = canvas
        self.view = view
        self.form: Form = canvas.form
        self.verdict = view.verdict

    @property
    def space(self) -> int:
        """The unit of spacing."""
        return self.form.space

    @property
    def area(self) -> Rect:
        """The screen without its margins."""
        return self.form.area if self.form.is_tiny else self.form.area.inset(3 * self.space)

    def hint(self, act: str, text: str = "") -> str:
        """What holding the button does, after a text; without a button only the text."""
        held = f"{self.view.act_by}: {act}" if self.view.act_by and act else ""
        return " · ".join(part for part in (text, held) if part)

    def frame(self, title: str, right: str = "", act: str = "", area: Rect | None = None) -> Rect:
        """Draws a page's head and foot; what is left between.

        `act` is what holding the button does. On tiny screens the head may be kept to a part of the
        screen.
        """
        if self.form.is_tiny:
            return self._tiny_head(title, right, area or self.area)
        body = self._head(title, right)
        return self._foot(body, act)

    def _head(self, title: str, right: str) -> Rect:
        canvas, space = self.canvas, self.space
        head, body = self.area.cut_top(canvas.cap(Role.LEAD), 3 * space)
        verdict = self.verdict
        size = round(head.height * 1.1)
        word = verdict.word if verdict.state is not State.UP else right or self.view.clock
        ink = LOOKS[verdict.state].ink if verdict.state is not State.UP else Ink.QUIET
        used = canvas.text(head.right, head.y, word, Role.LEAD, ink, align="right")
        x = head.right - used - space - size
        canvas.state(x, head.y - (size - head.height) // 2, size, verdict.state)
        room = x - 2 * space - head.x
        canvas.text(head.x, head.y, title, Role.LEAD, weight=Weight.BOLD, width=room)
        return body

    def _foot(self, body: Rect, act: str) -> Rect:
        """Which page of how many, and what holding the button does."""
        canvas, view, space = self.canvas, self.view, self.space
        if view.page not in view.pages or len(view.pages) < 2:
            return body
        foot, rest = body.cut_bottom(canvas.cap(Role.NOTE), 2 * space)
        self.dots(foot)
        canvas.text(foot.right, foot.y, self.hint(act), Role.NOTE, Ink.FAINT, align="right")
        return rest

    @staticmethod
    def below(cap: int) -> int:
        """Room for the descenders of a text whose capitals are so high."""
        return round(cap * 0.3)

    def dots(self, foot: Rect) -> int:
        """One dot for each page, that of this page lit; the width they take."""
        view, size = self.view, max(3, round(self.space * 0.7))
        top = foot.y + (foot.height - size) // 2
        for number, name in enumerate(view.pages):
            ink = Ink.QUIET if name == view.page else Ink.RULE
            self.canvas.fill(Rect(foot.x + number * size * 2, top, size, size), ink, size // 2)
        return len(view.pages) * size * 2

    def _tiny_head(self, title: str, right: str, area: Rect) -> Rect:
        """One line where there is height for it."""
        canvas = self.canvas
        if area.height < 48:
            return area
        head, body = area.cut_top(canvas.cap(Role.BODY), 4)
        verdict = self.verdict
        x = head.right
        if verdict.state is not State.UP:
            x -= head.height
            canvas.state(x, head.y, head.height, verdict.state)
            x -= 3
        if head.width >= 48:
            x -= canvas.text(x, head.y, right, Role.BODY, Ink.QUIET, align="right")
        canvas.text(head.x, head.y, title, Role.BODY, Ink.QUIET, width=x - 4 - head.x)
        return body

"""One physical screen with a thread of its own: a slow or broken one holds up nothing else."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace

from PIL import Image

from display.console import say
from display.finding import Found
from display.navigator import Picture
from display.outputs.base import Light, Mode, Output
from display.outputs.console import GraphicsConsole, open_console
from display.pages.registry import draw_page, draw_sparing
from display.pages.view import View

# A screen that fails is opened again after growing pauses.
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
# The last picture has to be out by then; systemd would wait no longer either.
STOP_S = 3.0
LAST_S = 2.0


@dataclass(frozen=True, slots=True)
class Frame:
    """What is to be shown: the same on every screen, drawn for each."""

    picture: Picture
    view: View


def next_pause_s(before_s: float) -> float:
    """How long to wait after another failure (PURE)."""
    return min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, before_s * 2))


@dataclass(frozen=True, slots=True)
class Panel:
    """What is drawn for."""

    name: str
    width: int
    height: int
    mode: Mode = "RGB"
    can_burn: bool = False


def draw_frame(frame: Frame, panel: Panel) -> Image.Image:
    """The picture for a panel; a page that fails is replaced by one that says so."""
    picture, view = frame.picture, frame.view
    size = (panel.width, panel.height, panel.mode)
    try:
        if panel.can_burn:
            return draw_sparing(picture.page, picture.is_resting, view, *size).image
        return draw_page(picture.page, view, *size).image
    except Exception as error:
        # Whatever is wrong with one page, the next one has to work.
        view = replace(view, text=picture.page)
        say(f"the page {picture.page} cannot be drawn on {panel.name}: {error!r}")
        return draw_page("broken", view, *size).image


class Screen:
    """Shows the newest frame on its output, for as long as it takes."""

    def __init__(
        self,
        found: Found,
        console: Callable[[], AbstractContextManager[object]] | None = None,
        pause_s: Callable[[float], float] = next_pause_s,
    ) -> None:
        self.found = found
        # What is on show, for the dashboard.
        self.image: Image.Image | None = None
        # How large it is, while it is open.
        self.panel: Panel | None = None
        self.sent_bytes = 0
        self._console = console or (graphics_console if found.has_console else None)
        self._pause_s = pause_s
        self._frame: Frame | None = None
        self._is_last = False
        self._news = threading.Condition()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=found.name, daemon=True)

    def start(self) -> None:
        """Begins to open it."""
        self._thread.start()

    def show(self, frame: Frame) -> None:
        """Hands over a frame and returns at once; one that was not drawn yet is dropped."""
        with self._news:
            self._frame = frame
            self._news.notify()

    def stop(self, last: Frame | None = None) -> None:
        """Shows a last frame, gives the screen back, and waits a little for that."""
        with self._news:
            self._frame = last
            self._is_last = True
            self._news.notify()
        self._stopped.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        pause_s = 0.0
        while True:
            started_s = time.monotonic()
            try:
                with ExitStack() as stack:
                    self._use(stack)
                return
            except OSError as error:
                if pause_s == 0.0:
                    say(f"{self.found.name} cannot be used ({error}): it is tried again")
            finally:
                self.panel = None
            if time.monotonic() - started_s > LONGEST_PAUSE_S:
                pause_s = 0.0
            pause_s = self._pause_s(pause_s)
            if self._stopped.wait(pause_s):
                return

    def _use(self, stack: ExitStack) -> None:
        """Opens it and shows frames until it is stopped. Raises OSError where it fails."""
        output = self.found.open()
        stack.callback(output.close)
        if self._console is not None:
            stack.enter_context(self._console())
        size = (output.width, output.height, output.mode)
        self.panel = Panel(self.found.name, *size, self.found.can_burn)
        while True:
            with self._news:
                self._news.wait_for(lambda: self._frame is not None or self._is_last)
                frame, self._frame = self._frame, None
            if frame is not None:
                self._draw(output, self.panel, frame)
            if self._is_last:
                if frame is not None:
                    self._leave(stack)
                return

    def _leave(self, stack: ExitStack) -> None:
        """The box goes down: a panel keeps its last picture, an OLED goes dark after a moment."""
        if self.found.can_burn:
            time.sleep(LAST_S)
        else:
            stack.pop_all()

    def _draw(self, output: Output, panel: Panel, frame: Frame) -> None:
        light = frame.picture.light
        if light is not Light.OFF:
            output.set_light(light)
            image = draw_frame(frame, panel)
            output.show(image)
            self.image = image
        else:
            output.set_light(light)
        self.sent_bytes = output.sent_bytes


@contextmanager
def graphics_console() -> Iterator[None]:
    """Keeps the console from drawing over the picture while it is entered."""
    try:
        file = open_console()
    except OSError:
        # Standard input is closed: there is no console to keep quiet.
        yield
        return
    try:
        with GraphicsConsole(file):
            yield
    finally:
        os.close(file)

"""The screen's process: brings together the status, the screens, the controls and the dashboard.

One event loop decides what is on show; each screen draws it in a thread of its own. Nothing here
waits for the proxy and the proxy waits for nothing here.
"""

import asyncio
import io
import os
import signal
import subprocess
import time
from collections.abc import Callable, Container, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from display import commands, finding, navigator
from display.console import say
from display.controls.actions import Action, Button
from display.controls.codes import choose_code
from display.controls.evdev import Inputs
from display.controls.pins import Header, PinError
from display.finding import Found
from display.frame_server import FrameServer, socket_beside
from display.navigator import Command, Nav, Picture, Rules
from display.outputs.base import Light
from display.pages.view import FIRST_YEAR, View, find_dashboard
from display.screen import Frame, Panel, Screen, draw_frame
from display.settings import Settings
from display.status import client
from display.status.history import Sample, grow, sample_of
from display.status.model import State, Status
from display.status.verdict import Link, judge

# Each status is drawn as it comes; without one the clock goes on.
TICK_S = 1.5
# While something counts down or fills up.
QUICK_TICK_S = 0.2
LOOK_FOR_SCREENS_S = 5.0
# The proxy may be restarted without the screen crying wolf.
GONE_AFTER_S = 4.0
STARTING_FOR_S = 30.0
# What the dashboard shows of a box without a screen.
VIRTUAL = Panel("the dashboard", 800, 480)
MAX_UPDATE_WORDS = 200


class App:
    """All that the screen's process knows."""

    def __init__(
        self,
        settings: Settings,
        find: Callable[[Settings, Container[str]], list[Found]] = finding.find,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.rules = Rules(settings.pages, settings.sleep_s, settings.night)
        self.screens: dict[str, Screen] = {}
        self.status: Status | None = None
        self.history: tuple[Sample, ...] = ()
        self.frame: Frame | None = None
        self._find = find
        self._clock = clock
        self._started_s = clock()
        self._heard_s: float | None = None
        self.nav = Nav(pressed_s=self._started_s, woken_s=self._started_s)
        pins = settings.pins
        self._button = Button(Action.ACT if pins.next is not None else Action.NEXT)
        self._inputs = Inputs(settings.rotate)
        self._header: Header | None = None
        self._update_note = Path(settings.admin_socket).with_name("updating")
        self._told_none = False
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()
        self._running: set[asyncio.Task[object]] = set()

    async def run(self) -> None:
        """Runs until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stopped.set)
        server = FrameServer(
            socket_beside(self.settings.admin_socket), self.render, self.take_action
        )
        await server.start()
        self._open_header(loop)
        duties = (self._follow(), self._look_for_screens(), self._draw_on())
        tasks = [loop.create_task(duty) for duty in (*duties, self._stopped.wait())]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        server.stop()
        await loop.run_in_executor(None, self._close)
        for task in done:
            task.result()

    def stop(self) -> None:
        """Ends `run`."""
        self._stopped.set()

    @property
    def link(self) -> Link:
        """Whether the box speaks to us."""
        now_s = self._clock()
        if self._heard_s is not None:
            return Link.LIVE if now_s - self._heard_s < GONE_AFTER_S else Link.GONE
        return Link.STARTING if now_s - self._started_s < STARTING_FOR_S else Link.GONE

    def take_status(self, status: Status) -> None:
        """Takes over what the box says."""
        self._heard_s = self._clock()
        self.status = status
        self.history = grow(self.history, sample_of(status, self._heard_s))
        self._wake.set()

    def take_action(self, action: Action) -> None:
        """Does what a person wants, at once."""
        known = self.nav.acknowledged
        self.nav, command = navigator.act(self.nav, action, self.rules, self._clock())
        self._do(command)
        for id in self.nav.acknowledged - known - {navigator.GONE}:
            self._start(self._acknowledge(id))
        self._wake.set()

    def take_pin(self, name: str, is_down: bool) -> None:
        """A pin of the header changed."""
        now_s = self._clock()
        action: Action | None = None
        if name == "button" and is_down:
            self._button.press(now_s)
        elif name == "button":
            action = self._button.release(now_s)
        elif is_down:
            action = {"next": Action.NEXT, "back": Action.BACK}.get(name, Action.WAKE)
        if action is not None:
            self.take_action(action)
        self._wake.set()

    def decide(self) -> Frame:
        """What is on show now."""
        now_s, now = self._clock(), datetime.now().astimezone()
        link = self.link
        note = self._read_update_note()
        verdict = judge(self.status, link)
        facts = navigator.facts_of(
            self.status, link, self.nav.acknowledged, note is not None, verdict.state
        )
        self.nav = navigator.notice(self.nav, facts, now_s)
        self.nav, command = navigator.tick(self.nav, now_s)
        self._do(command)
        minute = now.hour * 60 + now.minute if now.year >= FIRST_YEAR else None
        held = self._button.held(now_s)
        picture = navigator.show(self.nav, self.rules, now_s, minute, is_held=held > 0)
        self._shine(picture, verdict.state)
        return Frame(picture, self._view(picture, now, now_s, held, note))

    def _view(
        self, picture: Picture, now: datetime, now_s: float, held: float, note: str | None
    ) -> View:
        return View(
            status=self.status,
            link=self.link,
            now=now,
            now_s=now_s,
            history=self.history,
            dashboard=find_dashboard(self.status, self.settings.admin),
            part=self.nav.part,
            site=self.nav.site,
            acknowledged=self.nav.acknowledged,
            seconds_left=picture.seconds_left,
            hold=held,
            act_by=self._act_by(),
            pages=navigator.turned_pages(self.nav.facts, self.rules),
            page=picture.page,
            text=note or "",
        )

    def _act_by(self) -> str:
        """How one acts on a page here."""
        if self.settings.pins.button is not None:
            return "press" if self.settings.pins.next is not None else "hold"
        return "Enter" if self._inputs.devices else ""

    def render(self) -> bytes | None:
        """The picture on show as PNG, or what a screen would show. Called from other threads."""
        frame = self.frame
        if frame is None:
            return None
        screen = next((one for one in list(self.screens.values()) if one.panel), None)
        panel = (screen.panel if screen else None) or VIRTUAL
        image = screen.image if screen else None
        if image is None or frame.picture.light is Light.OFF:
            image = draw_frame(frame, panel)
        content = io.BytesIO()
        image.save(content, "PNG")
        return content.getvalue()

    async def _follow(self) -> None:
        """Hears the box, again and again."""
        while True:
            try:
                async for status in client.follow(self.settings.admin_socket):
                    self.take_status(status)
            except (OSError, TimeoutError):
                pass
            self._wake.set()
            await asyncio.sleep(client.RETRY_S)

    async def _look_for_screens(self) -> None:
        """Opens screens and inputs that are there, also those that are plugged in later."""
        loop = asyncio.get_running_loop()
        while True:
            found = await loop.run_in_executor(None, self._find, self.settings, set(self.screens))
            self._open_screens(found)
            for path, file in self._inputs.find():
                loop.add_reader(file, self._read_input, loop, path)
            await asyncio.sleep(LOOK_FOR_SCREENS_S)

    def _open_screens(self, found: Sequence[Found]) -> None:
        new = [screen for screen in found if screen.name not in self.screens]
        if new:
            say(f"showing on {finding.names(new)}")
        elif not self.screens and not self._told_none and self.settings.outputs is None:
            say("no screen found on I2C or HDMI: plug one in; it is looked for all the time")
            self._told_none = True
        for one in new:
            screen = self.screens[one.name] = Screen(one)
            screen.start()
            if self.frame is not None:
                screen.show(self.frame)

    def _read_input(self, loop: asyncio.AbstractEventLoop, path: str) -> None:
        actions = self._inputs.read(path, self._clock())
        if actions is None:
            self._inputs.drop(path, loop.remove_reader)
            return
        for action in actions:
            self.take_action(action)

    async def _draw_on(self) -> None:
        """Draws each second, and whenever there is something new."""
        while True:
            self._wake.clear()
            action = self._button.tick(self._clock())
            if action is not None:
                self.take_action(action)
            self.frame = self.decide()
            for screen in self.screens.values():
                screen.show(self.frame)
            is_quick = self._button.down_s is not None or self.nav.off_at_s is not None
            try:
                async with asyncio.timeout(QUICK_TICK_S if is_quick else TICK_S):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _open_header(self, loop: asyncio.AbstractEventLoop) -> None:
        pins = self.settings.pins
        if all(pin is None for pin in (pins.button, pins.next, pins.back, pins.led, pins.motion)):
            return

        def listen(name: str, is_down: bool) -> None:
            loop.call_soon_threadsafe(self.take_pin, name, is_down)

        try:
            self._header = Header(pins, listen)
        except PinError as error:
            say(f"{error}: the screen goes on without them")

    def _shine(self, picture: Picture, state: State) -> None:
        if self._header is None:
            return
        facts = self.nav.facts
        is_gone = facts.link is Link.GONE and navigator.GONE not in self.nav.acknowledged
        is_critical = any(critical for _, critical in facts.alerts)
        shown = State.DOWN if is_critical else state
        is_new = is_critical or is_gone
        is_asked = facts.has_trial or facts.has_claim
        is_dim = picture.light is Light.DIM
        self._header.shine(choose_code(shown, is_new, is_asked, is_dim))

    def _read_update_note(self) -> str | None:
        """What an update says of itself, while there is one (docs/screen.md)."""
        try:
            with open(self._update_note, encoding="utf-8", errors="replace") as file:
                return file.readline(MAX_UPDATE_WORDS).strip()
        except OSError:
            return None

    def _do(self, command: Command | None) -> None:
        if command is not None:
            self._start(commands.run(command))

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _acknowledge(self, id: str) -> None:
        """For whoever else looks at the box: here it is known already."""
        try:
            await client.acknowledge(self.settings.admin_socket, id)
        except (OSError, TimeoutError) as error:
            say(f"the alert {id} is acknowledged on this screen alone ({error})")

    def _close(self) -> None:
        """Gives everything back; where the box itself goes down the screens say so."""
        last = None
        if self.frame is not None and is_box_stopping():
            picture = Picture("closing", Light.FULL)
            last = Frame(picture, self.frame.view)
        for screen in self.screens.values():
            screen.stop(last)
        if self._header is not None:
            self._header.close()


def is_box_stopping() -> bool:
    """Whether systemd is bringing the box down."""
    if not os.path.isdir("/run/systemd/system"):
        return False
    try:
        answer = subprocess.run(
            ["systemctl", "is-system-running"], capture_output=True, timeout=2, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == b"stopping"


def run(settings: Settings) -> None:
    """The life of the screen's process."""

    async def live() -> None:
        await App(settings).run()

    asyncio.run(live())

"""The screen's process with all its parts, on screens that can be looked into."""

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from PIL import Image

from display import commands
from display.app import App
from display.controls.actions import Action
from display.finding import Found
from display.navigator import Command
from display.outputs.base import Light, Output
from display.outputs.buses import I2cBus
from display.outputs.framebuffer import FileFramebuffer, FramebufferOutput
from display.outputs.geometry import Geometry
from display.outputs.memory import MemoryOutput
from display.outputs.oled import OledOutput
from display.pages.registry import draw_page
from display.scenarios import make_calm, make_new, make_trial, make_trouble
from display.settings import Pins, Settings
from tests.support.controllers import I2cWire, make_chip

PATIENCE_S = 10.0
# luma still asks Pillow by the old name.
pytestmark = pytest.mark.filterwarnings("ignore:Image.Image.getdata")


class Clock:
    """The monotonic clock, moved by the test."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


async def until(condition: Callable[[], Any], what: str) -> None:
    """Waits for a true value, in small steps and for a bounded time."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"in {PATIENCE_S:g} s not: {what}") from None


class Box:
    """Stands in for the proxy: sends the status of the moment to whoever listens."""

    def __init__(self, path: str) -> None:
        self.status = make_calm()
        self._path = path
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self.acknowledged: list[str] = []

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        if target.endswith("/acknowledge"):
            self.acknowledged.append(target.split("/")[3])
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self._writers.append(writer)
        self.send()
        # Python 3.11 would report each open connection as a fault.
        with contextlib.suppress(asyncio.CancelledError):
            await reader.read()

    def send(self, status: dict[str, Any] | None = None) -> None:
        """The status now, to all."""
        self.status = status or self.status
        for writer in self._writers:
            writer.write(b"event: status\ndata: " + json.dumps(self.status).encode() + b"\n\n")

    def stop(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        if self._server is not None:
            self._server.close()
            self._server = None
            # From 3.13 on asyncio has removed it already.
            Path(self._path).unlink(missing_ok=True)


def keep(output: Output) -> Output:
    """Opens what is open already."""
    return output


class Running:
    """A running app, its box and its clock."""

    def __init__(self, folder: Path, outputs: dict[str, Output], **settings: Any) -> None:
        socket = str(folder / "admin.sock")
        self.clock = Clock()
        self.box = Box(socket)
        self.folder = folder
        self.found = [
            Found(name, partial(keep, output), can_burn=name.startswith("oled"))
            for name, output in outputs.items()
        ]
        self.app = App(Settings(admin_socket=socket, **settings), lambda *_: self.found, self.clock)

    @property
    def page(self) -> str:
        return self.app.frame.picture.page if self.app.frame else ""

    @property
    def light(self) -> Light | None:
        return self.app.frame.picture.light if self.app.frame else None

    def wait(self, seconds: float) -> None:
        """Time passes, and the box speaks on."""
        self.clock.now_s += seconds
        self.box.send()

    async def shows(self, page: str) -> None:
        await until(lambda: self.page == page, f"{page}, not {self.page}")

    def run(self, story: Callable[["Running"], Awaitable[None]], has_box: bool = True) -> None:
        """Lives through a story."""

        async def live() -> None:
            if has_box:
                await self.box.start()
            task = asyncio.create_task(self.app.run())
            try:
                await story(self)
            finally:
                self.app.stop()
                await task
                self.box.stop()

        asyncio.run(live())


def test_every_screen_shows_the_box_in_its_own_way(tmp_path: Path) -> None:
    chip = make_chip("ssd1306", 128, 64)
    bus = I2cBus(os.open(os.devnull, os.O_RDWR), I2cWire(chip).write)
    geometry = Geometry(320, 240, 16, 320 * 2 + 64, red_offset=11, memory_bytes=240 * 704)
    panel = FramebufferOutput("fb", FileFramebuffer(str(tmp_path / "fb"), geometry))
    memory = MemoryOutput(800, 480)
    outputs: dict[str, Output] = {
        "oled": OledOutput("oled", "ssd1306", (128, 64), bus),
        "fb": panel,
        "m": memory,
    }

    async def story(running: Running) -> None:
        await running.shows("overview")
        running.app.take_action(Action.NEXT)
        await running.shows("sites")
        view = running.app.frame.view if running.app.frame else None
        assert view is not None
        wanted = draw_page("sites", view, 800, 480).image.tobytes()
        await until(lambda: memory.image.tobytes() == wanted, "the sites")
        small = draw_page("sites", view, 128, 64, "1").image.tobytes()
        await until(lambda: chip.image.tobytes() == small, "the sites on the OLED")
        assert running.app.screens["fb"].sent_bytes > 0

    Running(tmp_path, outputs).run(story)
    assert not chip.is_on
    assert memory.closed


def test_the_proxy_gone_and_back(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        await running.shows("overview")
        running.box.stop()
        running.clock.now_s += 5
        await running.shows("gone")
        await running.box.start()
        await running.shows("overview")

    Running(tmp_path, {"m": MemoryOutput(320, 240)}).run(story)


def test_before_the_first_answer_the_box_is_starting(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        await running.shows("starting")
        running.clock.now_s += 60
        await running.shows("gone")

    Running(tmp_path, {}).run(story, has_box=False)


def test_an_alert_takes_the_screen_wakes_it_and_steps_back(tmp_path: Path) -> None:
    output = MemoryOutput(320, 240)

    async def story(running: Running) -> None:
        await running.shows("overview")
        running.wait(601)
        await until(lambda: output.light is Light.OFF, "sleep")
        running.box.send(make_trouble())
        await running.shows("alert")
        await until(lambda: output.light is Light.FULL, "light")
        running.app.take_action(Action.ACT)
        await running.shows("overview")
        ids = {
            quote(each["id"], safe="")
            for each in make_trouble()["alerts"]
            if not each["acknowledged"]
        }
        await until(lambda: set(running.box.acknowledged) == ids, "the box being told")

    Running(tmp_path, {"m": output}).run(story)


def test_an_update_has_its_own_picture(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        await running.shows("overview")
        (tmp_path / "updating").write_text("Version 2 is being installed.\n")
        running.box.send()
        await running.shows("updating")
        assert running.app.frame is not None
        assert running.app.frame.view.text == "Version 2 is being installed."
        (tmp_path / "updating").unlink()
        running.box.send()
        await running.shows("overview")

    Running(tmp_path, {}).run(story)


def test_a_screen_that_is_plugged_in_later_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("display.app.LOOK_FOR_SCREENS_S", 0.02)
    output = MemoryOutput(320, 240)

    async def story(running: Running) -> None:
        await running.shows("overview")
        await until(lambda: "no screen found" in capsys.readouterr().err, "the words")
        running.found.append(Found("late", lambda: output, can_burn=False))
        await until(lambda: output.sent_bytes > 0, "a picture")

    Running(tmp_path, {}).run(story)
    error = capsys.readouterr().err
    assert error.count("no screen found") == 0
    assert "showing on late" in error


@pytest.fixture(name="pins")
def mock_pins() -> Any:
    before = gpiozero.Device.pin_factory
    factory = gpiozero.Device.pin_factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()
    gpiozero.Device.pin_factory = before


def test_one_button_does_everything(
    tmp_path: Path, pins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Command] = []

    async def run(command: Command) -> bool:
        done.append(command)
        return True

    monkeypatch.setattr(commands, "run", run)

    async def story(running: Running) -> None:
        pin = pins.pin(17)
        await running.shows("overview")
        assert running.app.frame is not None
        assert running.app.frame.view.act_by == "hold"

        async def hold(seconds: float) -> None:
            pin.drive_low()
            await until(lambda: running.app._button.down_s is not None, "down")
            running.wait(seconds)
            pin.drive_high()
            await until(lambda: running.app._button.down_s is None, "up")

        await hold(0.1)
        await running.shows("sites")
        await hold(1.0)
        assert running.app.nav.part == 1
        # Very long: while it is held, then the countdown, which a press cancels.
        pin.drive_low()
        await until(lambda: running.app._button.down_s is not None, "down")
        running.wait(2.0)
        await running.shows("hold")
        running.wait(2.1)
        await running.shows("shutdown")
        pin.drive_high()
        await hold(0.1)
        await running.shows("sites")
        assert done == []
        running.box.send(make_trial())
        await running.shows("confirm")
        await hold(1.0)
        await until(lambda: done == [Command.KEEP_MODE], "the mode kept")

    Running(tmp_path, {}, pins=Pins(button=17, led=27)).run(story)


def test_three_buttons_and_the_led(tmp_path: Path, pins: Any) -> None:
    async def story(running: Running) -> None:
        await running.shows("overview")
        await until(lambda: pins.pin(27).state == 1, "a steady light")
        pins.pin(22).drive_low()
        await running.shows("sites")
        pins.pin(23).drive_low()
        await running.shows("overview")
        running.box.send(make_trouble())
        await running.shows("alert")
        pins.pin(27).clear_states()
        await until(lambda: {0, 1} <= {change.state for change in pins.pin(27).states}, "blinks")

    Running(tmp_path, {}, pins=Pins(button=17, next=22, back=23, led=27)).run(story)


def test_the_dashboard_sees_the_screen_and_presses(tmp_path: Path) -> None:
    async def ask(request: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "display.sock"))
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer.partition(b"\r\n\r\n")[2]

    async def story(running: Running) -> None:
        running.box.send(make_new())
        await until(lambda: running.page in ("overview", "claim"), "a page")
        first = await ask(b"GET /v1/screen.png HTTP/1.1\r\n\r\n")
        (tmp_path / "a.png").write_bytes(first)
        assert Image.open(tmp_path / "a.png").size == (800, 480)
        before = running.page
        body = b'{"button": "next"}'
        head = f"POST /v1/screen/press HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
        await ask(head.encode() + body)
        await until(lambda: running.page != before, "another page")
        second = await ask(b"GET /v1/screen.png HTTP/1.1\r\n\r\n")
        assert second != first

    Running(tmp_path, {}).run(story)

"""A screen in its thread: it fails alone, comes back, and shows that a page is broken."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from PIL import Image

from display.finding import Found
from display.navigator import Picture
from display.outputs.base import Light, Output
from display.outputs.memory import MemoryOutput
from display.pages import registry
from display.pages.registry import Entry, draw_page
from display.scenarios import scenario_view
from display.screen import FIRST_PAUSE_S, LONGEST_PAUSE_S, Frame, Screen, next_pause_s
from tests.support.box import wait_until

VIEW = scenario_view("calm", "overview")


def frame(page: str = "overview", light: Light = Light.FULL) -> Frame:
    return Frame(Picture(page, light), VIEW)


def found(output: Callable[[], Output], can_burn: bool = False) -> Found:
    return Found("a screen", output, can_burn)


def expected(page: str) -> Image.Image:
    return draw_page(page, VIEW, 320, 240).image


def is_shown(screen: Screen, image: Image.Image) -> bool:
    return screen.image is not None and screen.image.tobytes() == image.tobytes()


class Flaky(MemoryOutput):
    """Its cable is pulled when it is told."""

    is_pulled = False

    def show(self, image: Image.Image) -> None:
        if self.is_pulled:
            raise OSError(121, "Remote I/O error")
        super().show(image)


def test_it_shows_frames_and_gives_the_screen_back() -> None:
    output = MemoryOutput(320, 240)
    screen = Screen(found(lambda: output))
    screen.start()
    screen.show(frame())
    wait_until(lambda: is_shown(screen, expected("overview")), "the overview")
    assert output.image.tobytes() == expected("overview").tobytes()
    screen.show(frame("sites", Light.DIM))
    wait_until(lambda: is_shown(screen, expected("sites")), "the sites")
    assert output.light is Light.DIM
    screen.stop()
    assert output.closed


def test_a_dark_screen_is_not_drawn_on() -> None:
    output = MemoryOutput(320, 240)
    screen = Screen(found(lambda: output))
    screen.start()
    screen.show(frame(light=Light.OFF))
    wait_until(lambda: output.light is Light.OFF, "darkness")
    assert screen.image is None
    screen.stop()


def test_one_that_fails_is_opened_again_and_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    made: list[Flaky] = []
    fails = [OSError("not there"), OSError("not there")]

    def open_one() -> Output:
        if fails:
            raise fails.pop()
        made.append(Flaky(320, 240))
        return made[-1]

    screen = Screen(found(open_one), pause_s=lambda before: 0.01)
    screen.start()
    screen.show(frame())
    wait_until(lambda: is_shown(screen, expected("overview")), "the overview")
    made[0].is_pulled = True
    screen.show(frame("box"))
    wait_until(lambda: len(made) == 2, "another try")
    screen.show(frame("box"))
    wait_until(lambda: is_shown(screen, expected("box")), "the box")
    assert made[0].closed
    screen.stop()
    assert capsys.readouterr().err.count("it is tried again") == 1


def test_a_hanging_screen_does_not_hold_up_another() -> None:
    hang, output = threading.Event(), MemoryOutput(320, 240)

    def open_never() -> Output:
        hang.wait()
        raise OSError

    hanging, other = Screen(found(open_never)), Screen(found(lambda: output))
    for screen in (hanging, other):
        screen.start()
        screen.show(frame())
    wait_until(lambda: is_shown(other, expected("overview")), "the overview")
    other.stop()
    hang.set()
    hanging.stop()


def test_a_broken_page_says_so_and_the_next_one_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(page: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(registry, "PAGES", {**registry.PAGES, "box": Entry(fail)})
    output = MemoryOutput(320, 240)
    screen = Screen(found(lambda: output))
    screen.start()
    screen.show(frame("box"))
    wait_until(lambda: screen.image is not None, "a picture")
    assert not is_shown(screen, expected("overview"))
    screen.show(frame("overview"))
    wait_until(lambda: is_shown(screen, expected("overview")), "the next page")
    screen.stop()
    assert "the page box cannot be drawn" in capsys.readouterr().err


def test_the_console_is_switched_while_the_screen_is_used() -> None:
    events: list[str] = []

    @contextmanager
    def console() -> Iterator[None]:
        events.append("graphics")
        yield
        events.append("text")

    screen = Screen(found(lambda: MemoryOutput(320, 240)), console)
    screen.start()
    screen.show(frame())
    wait_until(lambda: screen.image is not None, "a picture")
    assert events == ["graphics"]
    screen.stop()
    assert events == ["graphics", "text"]


def test_when_the_box_goes_down_a_panel_keeps_its_last_picture() -> None:
    output = MemoryOutput(320, 240)
    screen = Screen(found(lambda: output))
    screen.start()
    screen.stop(frame("closing"))
    assert output.image.tobytes() == expected("closing").tobytes()
    assert not output.closed


def test_and_an_oled_goes_dark_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("display.screen.LAST_S", 0.0)
    output = MemoryOutput(128, 64, "1")
    screen = Screen(found(lambda: output, can_burn=True))
    screen.start()
    screen.stop(frame("closing"))
    assert output.closed


def test_pauses_grow_to_a_bound() -> None:
    pauses, pause_s = [], 0.0
    for _ in range(8):
        pause_s = next_pause_s(pause_s)
        pauses.append(pause_s)
    assert pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S

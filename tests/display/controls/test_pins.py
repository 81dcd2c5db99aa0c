"""Buttons, motion and LED on gpiozero's own mock pins."""

from collections.abc import Iterator
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from display.controls.codes import Code
from display.controls.pins import Header, PinError
from display.settings import Pins
from tests.support.box import wait_until

Heard = list[tuple[str, bool]]


@pytest.fixture(name="factory", autouse=True)
def mock_factory() -> Iterator[MockFactory]:
    before = gpiozero.Device.pin_factory
    factory = gpiozero.Device.pin_factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()
    gpiozero.Device.pin_factory = before


def test_every_button_tells_when_it_goes_down_and_comes_up(factory: Any) -> None:
    heard: Heard = []
    header = Header(Pins(button=17, next=22, back=23), lambda *event: heard.append(event))
    for number in (17, 22, 23):
        factory.pin(number).drive_low()
        factory.pin(number).drive_high()
    header.close()
    assert heard == [(name, down) for name in ("button", "next", "back") for down in (True, False)]


def test_a_motion_detector_wakes(factory: Any) -> None:
    heard: Heard = []
    header = Header(Pins(motion=4), lambda *event: heard.append(event))
    factory.pin(4).drive_high()
    header.close()
    assert heard == [("motion", True)]


def test_the_led_shines_as_it_is_told(factory: Any) -> None:
    header = Header(Pins(led=27), lambda *event: None)
    pin = factory.pin(27)
    header.shine(Code.STEADY)
    assert pin.state == 1
    header.shine(Code.DARK)
    assert pin.state == 0
    pin.clear_states()
    header.shine(Code.FAST)
    wait_until(lambda: {0, 1} <= {change.state for change in pin.states}, "blinks")
    pin.clear_states()
    header.shine(Code.BREATHING)
    wait_until(lambda: any(0 < change.state < 1 for change in pin.states), "a breath")
    header.close()


def test_pins_that_cannot_be_used_are_an_error_in_words(factory: Any) -> None:
    taken = gpiozero.LED(17)
    with pytest.raises(PinError, match=r"header's pins cannot be used: .*17"):
        Header(Pins(next=22, button=17), lambda *event: None)
    taken.close()
    # The pin that was taken before the fault is free again.
    Header(Pins(next=22), lambda *event: None).close()

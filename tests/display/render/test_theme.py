"""The design language: read, told apart, written down."""

import re
from pathlib import Path

import pytest

from display.render.layout import TYPE
from display.render.theme import COLOURS, LOOKS, Ink, Role, contrast, grey_of, is_lit
from display.status.model import State

PAGE = (Path(__file__).parents[3] / "docs" / "design-language.md").read_text()


@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        (Ink.TEXT, Ink.GROUND, 12.0),
        (Ink.QUIET, Ink.GROUND, 7.0),
        (Ink.FAINT, Ink.GROUND, 3.0),
        (Ink.LIGHT, Ink.GROUND, 7.0),
        (Ink.ALARM_TEXT, Ink.ALARM, 4.5),
        (Ink.CAUTION_TEXT, Ink.CAUTION, 7.0),
        *((look.ink, Ink.GROUND, 6.0) for look in LOOKS.values()),
    ],
    ids=lambda value: value.value if isinstance(value, Ink) else str(value),
)
def test_what_is_read_stands_out(ink: Ink, ground: Ink, least: float) -> None:
    assert contrast(COLOURS[ink], COLOURS[ground]) >= least


def test_each_state_has_a_shape_and_a_word_of_its_own() -> None:
    assert set(LOOKS) == set(State)
    assert len({look.shape for look in LOOKS.values()}) == len(State)
    assert len({look.word for look in LOOKS.values()}) == len(State)


def test_text_shows_where_there_are_no_colours() -> None:
    for ink in (Ink.TEXT, Ink.QUIET, Ink.LIGHT, *(look.ink for look in LOOKS.values())):
        assert is_lit(ink)
        assert grey_of(ink) >= 0x80
    assert not is_lit(Ink.GROUND)
    assert grey_of(Ink.GROUND) == 0


def test_every_colour_is_written_down_as_it_is() -> None:
    written = dict(re.findall(r"^\| `--([\w-]+)` \| `(#[0-9a-f]{6})` \|", PAGE, re.MULTILINE))
    assert written == {ink.value: "#" + bytes(colour).hex() for ink, colour in COLOURS.items()}


def test_every_size_of_type_is_written_down_as_it_is() -> None:
    rows = re.findall(r"^\| `--([\w-]+)` \| (\d+) \| (\d+) \| (\d+) \|", PAGE, re.MULTILINE)
    assert {name: tuple(map(int, sizes)) for name, *sizes in rows} == {
        role.value: tuple(sizes[role] for sizes in TYPE.values()) for role in Role
    }


def test_every_state_is_written_down_with_its_shape() -> None:
    rows = re.findall(r"^\| ([\w]+) \| ([\w-]+) \| `--(\w+)` \|", PAGE, re.MULTILINE)
    assert set(rows) == {(look.word, look.shape.value, look.ink.value) for look in LOOKS.values()}

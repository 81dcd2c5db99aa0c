"""The style is the screen's design language; the pages ask for nothing from elsewhere."""

import re
from pathlib import Path

import pytest

from appliance.admin.pages.drawing import KINDS, Drawing, read_all
from display.render.theme import COLOURS, Ink, contrast
from display.status.model import State

FILES = Drawing().files
TEMPLATES = {name: text.decode() for name, text in read_all("templates").items()}
STYLE = FILES["style.css"].decode()
BLOCK = re.compile(
    r"^(?P<day>@media \(prefers-color-scheme: light\) \{\n)?\s*:root \{\n(?P<body>[^}]*)", re.M
)
ROOT = Path(__file__).parents[3]
MOST_BYTES = 150_000


def read_colours(is_day: bool) -> dict[str, str]:
    found = next(each for each in BLOCK.finditer(STYLE) if bool(each["day"]) is is_day)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", found["body"]))


NIGHT = read_colours(False)
DAY = NIGHT | read_colours(True)


def colour(text: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def test_by_night_every_colour_is_the_screen_s_by_name() -> None:
    assert {ink.value: NIGHT[ink.value] for ink in Ink} == {
        ink.value: "#" + bytes(value).hex() for ink, value in COLOURS.items()
    }


@pytest.mark.parametrize("theme", [NIGHT, DAY], ids=["night", "day"])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        ("text", "ground", 12.0),
        ("quiet", "ground", 7.0),
        ("faint", "ground", 3.0),
        ("light", "ground", 3.0),
        *((state.value, "ground", 4.5) for state in State),
        ("alarm-text", "alarm", 4.5),
        ("caution-text", "caution", 7.0),
    ],
)
def test_what_is_read_stands_out(
    theme: dict[str, str], ink: str, ground: str, least: float
) -> None:
    assert contrast(colour(theme[ink]), colour(theme[ground])) >= least


def test_the_colours_of_the_day_are_written_down_as_they_are() -> None:
    page = (ROOT / "docs/design-language.md").read_text()
    rows = re.findall(r"^\| `--([\w-]+)` \| `(#[0-9a-f]{6})` \| `(#[0-9a-f]{6})` \|", page, re.M)
    assert {name: day for name, _, day in rows} == {ink.value: DAY[ink.value] for ink in Ink}


def test_every_file_is_of_a_kind_that_is_served() -> None:
    assert {name.rpartition(".")[2] for name in FILES} <= set(KINDS)


def test_all_of_it_together_is_small() -> None:
    weight = sum(len(content) for content in FILES.values())
    weight += max(len(text) for text in TEMPLATES.values())
    assert weight < MOST_BYTES


@pytest.mark.parametrize(
    "name", [*TEMPLATES, *(n for n in FILES if n.endswith((".css", ".js", ".svg")))]
)
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(name: str) -> None:
    text = TEMPLATES.get(name) or FILES[name].decode()
    without_names = text.replace("http://www.w3.org/", "")
    for sign in ("http://", "https://", "//"):
        for match in re.finditer(
            rf"(?:src|href|action|url\(|import|fetch\()[=\s\"'(]*{sign}", without_names
        ):
            raise AssertionError(f"{name} asks elsewhere: {match[0]}")
    if name in TEMPLATES:
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", text)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    if name.endswith(".js"):
        assert not re.search(r"innerHTML\s*=|insertAdjacentHTML|document\.write|\beval\b", text)
    assert "| safe" not in text or name == "parts.html"


def test_the_five_states_have_the_five_shapes() -> None:
    shapes = set(re.findall(r'symbol id="(\w+)"', TEMPLATES["shapes.svg"]))
    assert shapes == {state.value for state in State}
    assert {f"lamp-{state.value}.svg" for state in State} <= set(FILES)

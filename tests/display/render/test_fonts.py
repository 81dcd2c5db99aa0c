"""The faces, and how text is cut and broken."""

import pytest
from PIL import Image

from display.render.canvas import cut_text, wrap_text
from display.render.fonts import Font, double, outline, pixels
from display.render.theme import Weight

ASCII = "".join(map(chr, range(0x20, 0x7F)))
FACES = [
    pytest.param(pixels("small"), id="small"),
    pytest.param(pixels("medium"), id="medium"),
    pytest.param(pixels("small", 2), id="small doubled"),
    pytest.param(outline(Weight.MEDIUM, 24), id="Inter medium"),
    pytest.param(outline(Weight.BOLD, 76), id="Inter bold"),
]


def is_blank(image: Image.Image) -> bool:
    return image.getbbox() is None


@pytest.mark.parametrize("font", FACES)
def test_every_sign_of_ascii_has_a_picture_of_its_own(font: Font) -> None:
    pictures = {}
    for sign in ASCII.strip():
        mask = font.mask(sign)
        assert not is_blank(mask.image), sign
        pictures[mask.image.size, mask.y, mask.image.tobytes()] = sign
    assert len(pictures) == len(ASCII.strip())


@pytest.mark.parametrize("font", FACES)
def test_digits_are_equally_wide_so_that_figures_stand_still(font: Font) -> None:
    assert len({font.width(digit) for digit in "0123456789"}) == 1


@pytest.mark.parametrize("font", FACES)
def test_capitals_are_as_high_as_the_face_says(font: Font) -> None:
    mask = font.mask("H")
    assert mask.y == 0
    assert mask.image.height == font.cap


def test_a_letter_that_a_pixel_face_lacks_loses_its_accent() -> None:
    font = pixels("small")
    assert (
        font.mask("\N{LATIN SMALL LETTER E WITH ACUTE}").image.tobytes()
        == font.mask("e").image.tobytes()
    )
    assert (
        font.mask("\N{CJK UNIFIED IDEOGRAPH-4E2D}").image.tobytes()
        == font.mask("?").image.tobytes()
    )


def test_a_doubled_glyph_has_round_corners() -> None:
    diagonal = Image.new("L", (2, 2))
    diagonal.putdata([255, 0, 0, 255])
    assert [int(v > 0) for v in double(diagonal).tobytes()] == [
        *(1, 1, 0, 0),
        *(1, 1, 1, 0),
        *(0, 1, 1, 1),
        *(0, 0, 1, 1),
    ]


@pytest.mark.parametrize("font", FACES)
@pytest.mark.parametrize("width", [0, 9, 40, 90, 1000])
def test_a_cut_text_fits(font: Font, width: int) -> None:
    text = "photos.garden-house.home.arpa"
    cut = cut_text(font, text, width)
    assert not cut or font.width(cut) <= width
    assert cut in ("", text) or (
        cut.endswith("\N{HORIZONTAL ELLIPSIS}") and text.startswith(cut[:-1])
    )


@pytest.mark.parametrize("font", FACES)
def test_a_broken_text_loses_nothing(font: Font) -> None:
    text = "the certificate of photos.garden-house.home.arpa has ended"
    width = font.width("certificate o")
    lines = wrap_text(font, text, width, 20)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(font.width(line) <= width for line in lines)


def test_a_text_that_is_too_long_ends_with_an_ellipsis() -> None:
    font = pixels("small")
    lines = wrap_text(font, "one two three four five six", font.width("one two"), 2)
    assert lines[0] == "one two"
    assert lines[1].endswith("\N{HORIZONTAL ELLIPSIS}")
    assert wrap_text(font, "one", 100, 0) == []

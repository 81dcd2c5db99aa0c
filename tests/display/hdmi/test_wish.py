"""Wishes: what may be asked, and in which words anything else is refused."""

from fractions import Fraction

import pytest

from display.hdmi.errors import UsageError
from display.hdmi.modes import Mode
from display.hdmi.wish import Drive, Overscan, Wish, describe, parse_wish

GOOD: list[tuple[dict[str, object], Wish, str]] = [
    (
        {"mode": "1280x1024@60"},
        Wish(mode=Mode(1280, 1024, Fraction(60))),
        "set --mode 1280x1024@60",
    ),
    (
        {"port": "1", "mode": "1080i@50", "force": True, "comment_out": True},
        Wish(1, Mode(1920, 1080, Fraction(50), True), force=True, comment_out=True),
        "set --port 1 --mode 1920x1080i@50 --force --comment-out",
    ),
    ({"rotate": "270"}, Wish(rotate=270), "set --rotate 270"),
    ({"rotate": 0, "mode": None}, Wish(rotate=0), "set --rotate 0"),
    ({"overscan": "off"}, Wish(overscan=Overscan(0, 0, 0, 0)), "set --overscan off"),
    (
        {"overscan": "24"},
        Wish(overscan=Overscan(24, 24, 24, 24)),
        "set --overscan 24,24,24,24",
    ),
    ({"overscan": "1,2,3,4"}, Wish(overscan=Overscan(1, 2, 3, 4)), "set --overscan 1,2,3,4"),
    ({"drive": "DVI", "boost": 0}, Wish(drive=Drive.DVI, boost=0), "set --drive dvi --boost 0"),
]


@pytest.mark.parametrize(("table", "wish", "words"), GOOD, ids=[row[2] for row in GOOD])
def test_a_wish_is_read_and_said_again(table: dict[str, object], wish: Wish, words: str) -> None:
    assert parse_wish(table) == wish
    assert describe(wish) == words


BAD: list[tuple[dict[str, object], str]] = [
    ({}, "nothing is asked of port 0: say --mode WxH@R"),
    ({"comment_out": True}, "nothing is asked of port 0"),
    ({"mode": "big"}, '"big" is not a mode in --mode: write "1280x1024@60"'),
    ({"mode": "0x480@60"}, '"0x480@60" is no size of a picture in --mode'),
    ({"rotate": "45"}, '"45" is not possible for --rotate: say 0, 90, 180 or 270'),
    ({"overscan": "1,2"}, '"1,2" is not possible for --overscan: say "off"'),
    ({"overscan": "-1"}, '"-1" is not possible for --overscan'),
    ({"drive": "vga"}, '"vga" is not possible for --drive: say dvi or hdmi'),
    ({"boost": "12"}, '"12" is not possible for --boost: it goes from 0 to 11'),
    ({"boost": True}, '"True" is not possible for --boost'),
    ({"port": 2, "rotate": 0}, '"2" is not possible for --port: the ports are 0 and 1'),
    ({"force": "yes"}, '"yes" is not possible for a flag'),
    ({"contents": "x"}, 'there is no "contents" to set: say one of port, mode, rotate'),
]


@pytest.mark.parametrize(("table", "words"), BAD, ids=[row[1] for row in BAD])
def test_what_makes_no_sense_is_refused_in_words(table: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_wish(table)
    assert str(refused.value).startswith(words)

"""The way of a root to a phone."""

import re

import pytest
import segno

from appliance.admin.pages.qr import QUIET_ZONE, draw_code
from appliance.admin.pages.trust import choose_address, show_trust

ADDRESSES = ["fd00::5", "192.168.1.5"]


@pytest.mark.parametrize(
    ("host", "addresses", "port", "expected"),
    [
        ("192.168.1.5:8470", ADDRESSES, 8470, "https://192.168.1.5:8470/trust"),
        ("gate.local", ADDRESSES, 443, "https://gate.local/trust"),
        ("[fd00::5]:8470", ADDRESSES, 8470, "https://[fd00::5]:8470/trust"),
        ("127.0.0.1:8470", ADDRESSES, 8470, "https://192.168.1.5:8470/trust"),
        ("localhost:443", ADDRESSES, 443, "https://192.168.1.5/trust"),
        ("box.localhost:8470", ["fd00::5"], 8470, "https://[fd00::5]:8470/trust"),
        ("[::1]:8470", ADDRESSES, 8470, "https://192.168.1.5:8470/trust"),
        ("127.0.0.1:8470", [], 8470, None),
        ("127.0.0.1:8470", ADDRESSES, None, None),
    ],
)
def test_a_phone_is_led_where_it_can_go(
    host: str, addresses: list[str], port: int | None, expected: str | None
) -> None:
    assert choose_address(host, addresses, port) == expected


def test_the_drawn_code_has_the_modules_of_the_real_one() -> None:
    address = "https://192.168.1.5:8470/trust"
    code = draw_code(address)
    rows = segno.make(address, error="m", micro=False).matrix
    dark = {
        (int(x) + step, int(y))
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", code.path)
        for step in range(int(width))
    }
    assert code.size == len(rows) + 2 * QUIET_ZONE
    assert dark == {
        (x + QUIET_ZONE, y + QUIET_ZONE)
        for y, row in enumerate(rows)
        for x, module in enumerate(row)
        if module
    }


def test_where_no_phone_can_go_the_page_says_why_and_what_to_do() -> None:
    trust = show_trust(None)
    assert not trust.picture
    assert "admin = " in trust.why_not

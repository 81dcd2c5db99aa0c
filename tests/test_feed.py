"""What control tells the workers, and the routes that they find on the board."""

import pytest

from appliance import feed
from appliance.board import Board
from appliance.feed import Changed, Decoder, Message, Routes, encode
from appliance.routing.model import Site, parse_backend

SITE = Site("a.test", (parse_backend("http://10.0.0.1"),))
MESSAGES: list[Message] = [
    Changed(anything=True),
    Changed(("a.test", "*.b.test"), ("nas.lan",)),
    Changed(names=("gone.lan",)),
]


@pytest.mark.parametrize("step", [1, 7, 1 << 20], ids=["byte by byte", "in sevens", "whole"])
def test_messages_come_out_as_they_went_in(step: int) -> None:
    data = b"".join(map(encode, MESSAGES))
    decoder = Decoder()
    found: list[Message] = []
    for start in range(0, len(data), step):
        found += decoder.feed(data[start : start + step])
    assert found == MESSAGES


def test_a_message_too_large_is_refused_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(MESSAGES[0])
    monkeypatch.setattr(feed, "MAX_MESSAGE_BYTES", 10)
    with pytest.raises(ValueError, match="too large"):
        encode(MESSAGES[0])
    with pytest.raises(ValueError, match="too large"):
        Decoder().feed(data)


def test_routes_are_found_by_host_and_by_name() -> None:
    routes = Routes(Board())
    assert routes.site("a.test") is None
    assert routes.addresses("nas.lan") is None
    routes.put_site(SITE)
    routes.put_addresses("nas.lan", ("10.0.0.1", "fd00::1"))
    routes.put_addresses("gone.lan", ())
    assert routes.site("a.test") == SITE
    assert routes.addresses("nas.lan") == ("10.0.0.1", "fd00::1")
    assert routes.addresses("gone.lan") == ()
    routes.remove_site("a.test")
    routes.remove_addresses("nas.lan")
    assert routes.site("a.test") is None
    assert routes.addresses("nas.lan") is None


def test_a_new_writer_adopts_what_is_there() -> None:
    board = Board()
    for routes in (Routes(board), Routes(board)):
        routes.put_site(SITE)
        routes.put_addresses("nas.lan", ("10.0.0.1",))
        routes.put_dead("a.test", frozenset(("http://10.0.0.1",)))
        found = routes.adopt()
        assert found.sites == {"a.test": SITE}
        assert found.addresses == {"nas.lan": ("10.0.0.1",)}
        assert found.dead == {"a.test": {"http://10.0.0.1"}}
        routes.put_dead("a.test", frozenset())
        assert routes.dead("a.test") == frozenset()

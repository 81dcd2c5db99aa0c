"""Who the client is, by what trusted proxies say."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.proxy.forwarding import Peer, choose_client

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def client(xff: str | None = None, forwarded: str | None = None, peer: str = "10.0.0.1") -> str:
    received = {}
    if xff is not None:
        received[b"x-forwarded-for"] = xff.encode("latin-1")
    if forwarded is not None:
        received[b"forwarded"] = forwarded.encode("latin-1")
    return choose_client(Peer(peer, peer.startswith("10."), b"http", 80), received, TRUSTED)


@pytest.mark.parametrize(
    ("xff", "expected"),
    [
        pytest.param("192.0.2.7", "192.0.2.7", id="one"),
        pytest.param("1.2.3.4, 192.0.2.7", "192.0.2.7", id="the right-most"),
        pytest.param("192.0.2.7, 10.0.0.2", "192.0.2.7", id="behind a trusted one"),
        pytest.param("10.0.0.3, 10.0.0.2", "10.0.0.3", id="all trusted"),
        pytest.param("2001:db8::7", "2001:db8::7", id="IPv6"),
        pytest.param("2001:DB8:0::7, fd00::1", "2001:db8::7", id="IPv6 behind a trusted one"),
        pytest.param("[2001:db8::7]:4711", "2001:db8::7", id="IPv6 with a port"),
        pytest.param("192.0.2.7:4711", "192.0.2.7", id="with a port"),
        pytest.param("::ffff:192.0.2.7", "192.0.2.7", id="mapped"),
        pytest.param("1.2.3.4, unknown", "10.0.0.1", id="not an address ends the chain"),
        pytest.param("", "10.0.0.1", id="empty"),
        pytest.param("1.2.3.4, , 192.0.2.7", "192.0.2.7", id="an empty part further left"),
    ],
)
def test_x_forwarded_for_is_read_from_the_right(xff: str, expected: str) -> None:
    assert client(xff) == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        pytest.param("for=192.0.2.7", "192.0.2.7", id="one"),
        pytest.param("For=192.0.2.7;proto=https;by=203.0.113.43", "192.0.2.7", id="with others"),
        pytest.param("proto=https; for=192.0.2.7", "192.0.2.7", id="not the first"),
        pytest.param("for=1.2.3.4, for=192.0.2.7", "192.0.2.7", id="the right-most"),
        pytest.param("for=192.0.2.7, for=10.0.0.2", "192.0.2.7", id="behind a trusted one"),
        pytest.param('for="[2001:db8::7]:4711"', "2001:db8::7", id="IPv6 with a port"),
        pytest.param('for="192.0.2.7:4711"', "192.0.2.7", id="a port"),
        pytest.param('host="a,b;for=1.2.3.4";for=192.0.2.7', "192.0.2.7", id="quoted commas"),
        pytest.param('for="x, for=192.0.2.7', "192.0.2.7", id="a quote left open by an attacker"),
        pytest.param('for=1.1.1.1;host="\\", for=192.0.2.7', "192.0.2.7", id="an escape left open"),
        pytest.param("for=_hidden", "10.0.0.1", id="obfuscated"),
        pytest.param("for=unknown, for=10.0.0.2", "10.0.0.2", id="unknown ends the chain"),
        pytest.param("proto=https", "10.0.0.1", id="says nothing"),
        pytest.param("nonsense", "10.0.0.1", id="nonsense"),
    ],
)
def test_forwarded_is_read_from_the_right(forwarded: str, expected: str) -> None:
    assert client(forwarded=forwarded) == expected


def test_x_forwarded_for_goes_before_forwarded() -> None:
    assert client("192.0.2.7", "for=203.0.113.9") == "192.0.2.7"


def test_a_stranger_is_not_believed() -> None:
    assert client("1.2.3.4", "for=1.2.3.4", peer="192.0.2.7") == "192.0.2.7"


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_nothing_on_the_left_hides_who_a_trusted_proxy_saw(left: str) -> None:
    assert client(forwarded=f"{left}, for=192.0.2.7") == "192.0.2.7"
    assert client(f"{left}, 192.0.2.7") == "192.0.2.7"

"""What is kept ready of a request's fields is never given to another client, host or site."""

from dataclasses import replace

import pytest

from appliance.proxy import ready_fields
from appliance.proxy.forwarding import Peer
from appliance.proxy.live import LiveSite
from appliance.proxy.ready_fields import ReadyFields
from appliance.routing.model import Site, parse_backend
from appliance.wire.request import parse_request
from tests.proxy.test_live_sites import Table, find, make

URLS = ("http://10.0.0.1", "http://10.0.0.2")
NO_HOST = b"/?host=none"
NEAR = Peer("192.168.1.9", False, b"http", 80)


def live(host_header: str = "keep") -> LiveSite:
    site = Site("*", tuple(map(parse_backend, URLS)), host_header=host_header)
    return find(make(Table(site)), "any")


def encode(
    ready: ReadyFields, site: LiveSite, target: bytes = b"/", peer: Peer = NEAR, backend: int = 0
) -> bytes:
    host = b"Host: a.test\r\n" if target.startswith(b"/") and target != NO_HOST else b""
    request = parse_request(b"GET " + target + b" HTTP/1.0\r\n" + host + b"Accept: */*", 100)
    return ready.encode(peer, request, site.backends[backend], site, peer.ip.encode())


def test_the_same_again_is_not_encoded_again() -> None:
    ready, site = ReadyFields(), live()
    assert encode(ready, site) is encode(ready, site, b"/other", replace(NEAR, port=7))


@pytest.mark.parametrize(
    ("peer", "line"),
    [
        (replace(NEAR, ip="fd00::1"), b"X-Real-IP: fd00::1\r\n"),
        (replace(NEAR, proto=b"https"), b"X-Forwarded-Proto: https\r\n"),
        (replace(NEAR, local_port=8080), b"X-Forwarded-Port: 8080\r\n"),
    ],
    ids=["another client", "another scheme", "another port"],
)
def test_another_way_of_asking_has_lines_of_its_own(peer: Peer, line: bytes) -> None:
    ready, site = ReadyFields(), live()
    assert line not in encode(ready, site)
    assert line in encode(ready, site, peer=peer)


def test_a_host_in_the_target_alone_is_told_from_another() -> None:
    """HTTP/1.0 may leave Host out, and then equal fields come for different hosts."""
    ready, site = ReadyFields(), live()
    assert encode(ready, site, b"http://a.test/").startswith(b"Host: a.test\r\n")
    assert encode(ready, site, b"http://b.test/").startswith(b"Host: b.test\r\n")


@pytest.mark.parametrize(
    ("host_header", "target"), [("backend", b"/"), ("keep", NO_HOST)], ids=["asked for", "no other"]
)
def test_a_backend_s_own_host_is_its_own(host_header: str, target: bytes) -> None:
    ready, site = ReadyFields(), live(host_header)
    assert encode(ready, site, target).startswith(b"Host: 10.0.0.1\r\n")
    assert encode(ready, site, target, backend=1).startswith(b"Host: 10.0.0.2\r\n")


def test_a_site_that_has_changed_is_encoded_anew() -> None:
    ready = ReadyFields()
    assert encode(ready, live()).startswith(b"Host: a.test\r\n")
    assert encode(ready, live("backend")).startswith(b"Host: 10.0.0.1\r\n")


def test_it_keeps_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready_fields, "MAX_READY", 2)
    ready, site = ReadyFields(), live()
    first = encode(ready, site)
    for number in range(3):
        encode(ready, site, peer=replace(NEAR, ip=f"192.168.2.{number}"))
    again = encode(ready, site)
    assert again == first
    assert again is not first

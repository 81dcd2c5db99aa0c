"""What control tells the workers, and the memory that keeps it."""

import os
import signal
import time

import pytest

from appliance import feed
from appliance.feed import Addresses, Decoder, Message, Routes, RoutesMemory, encode
from appliance.routing.model import Site, parse_backend

SITE = Site("a.test", (parse_backend("http://10.0.0.1"),))
MESSAGES: list[Message] = [
    Routes(1, (SITE,)),
    Addresses({"nas.lan": ("10.0.0.1", "fd00::1"), "gone.lan": ()}),
    Routes(2, ()),
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


def test_the_memory_is_empty_at_first_and_then_holds_the_last() -> None:
    memory = RoutesMemory()
    assert memory.load() is None
    for version in (1, 2, 3):
        stored = Routes(version, (SITE,) * version), Addresses({"v": (str(version),)})
        memory.store(*stored)
        assert memory.load() == stored


def test_a_process_forked_before_sees_what_another_stored() -> None:
    memory = RoutesMemory()
    pid = os.fork()
    if not pid:
        memory.store(Routes(5, (SITE,)), Addresses({}))
        os._exit(0)
    os.waitpid(pid, 0)
    assert memory.load() == (Routes(5, (SITE,)), Addresses({}))


def test_a_writer_killed_at_any_moment_leaves_whole_routes_behind() -> None:
    memory = RoutesMemory()
    sites = tuple(Site(f"{n}.test", SITE.backends) for n in range(500))
    memory.store(Routes(0, sites), Addresses({}))
    for _ in range(20):
        pid = os.fork()
        if not pid:
            version = 0
            while True:
                version += 1
                memory.store(Routes(version, sites), Addresses({}))
        until_s = time.monotonic() + 0.02
        while time.monotonic() < until_s:
            assert memory.load() is not None, "read while it is written"
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        loaded = memory.load()
        assert loaded is not None
        assert loaded[0].sites == sites

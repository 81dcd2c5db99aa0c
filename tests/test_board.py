"""The memory that control writes and everybody reads."""

import os
import random
import signal
import time

import pytest

from appliance import board as module
from appliance.board import Board, BoardFullError, block_bytes


def test_it_is_empty_at_first() -> None:
    board = Board()
    assert board.get(b"a") is None
    assert list(board.items()) == []


def test_it_does_what_a_dictionary_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHAINS", 7)
    drawn = random.Random(1)
    board, model = Board(), dict[bytes, bytes]()
    for number in range(5000):
        key = b"%d" % drawn.randrange(60)
        if drawn.random() < 0.3:
            board.remove(key)
            model.pop(key, None)
        else:
            model[key] = board_value = drawn.randbytes(drawn.randrange(300))
            board.put(key, board_value)
        if number % 1000 == 0:
            board.adopt()
        assert board.get(key) == model.get(key)
    assert dict(board.items()) == model


def test_given_back_blocks_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOARD_BYTES", module._FIRST_BLOCK + 4096)
    board = Board()
    for number in range(1000):
        board.put(b"key", b"%d" % number + bytes(900))
    assert board.get(b"key") == b"999" + bytes(900)


def test_blocks_of_another_size_are_gathered_when_the_end_is_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BOARD_BYTES", module._FIRST_BLOCK + 4096)
    board = Board()
    for number in range(30):
        board.put(b"%d" % number, bytes(90))
    for number in range(30):
        board.remove(b"%d" % number)
    board.put(b"large", bytes(3000))
    assert board.get(b"large") == bytes(3000)


def test_a_value_too_large_is_refused_and_the_old_one_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BOARD_BYTES", module._FIRST_BLOCK + 4096)
    board = Board()
    board.put(b"key", b"old")
    with pytest.raises(BoardFullError, match="full"):
        board.put(b"key", bytes(5000))
    with pytest.raises(ValueError, match="too long"):
        board.put(bytes(70000), b"")
    assert board.get(b"key") == b"old"


@pytest.mark.parametrize("size", [1, 31, 32, 33, 100, 1000, 1025, 123_456, 10_000_001])
def test_a_block_wastes_an_eighth_at_most_and_keeps_links_aligned(size: int) -> None:
    assert size <= block_bytes(size) <= max(size * 9 // 8 + 1, size + 31)
    assert block_bytes(block_bytes(size)) == block_bytes(size)
    assert block_bytes(size) % 8 == 0


def test_a_process_forked_before_sees_what_another_wrote() -> None:
    board = Board()
    pid = os.fork()
    if not pid:
        board.put(b"from", b"the child")
        os._exit(0)
    os.waitpid(pid, 0)
    assert board.get(b"from") == b"the child"
    board.adopt()
    board.put(b"and", b"the parent")
    assert dict(board.items()) == {b"from": b"the child", b"and": b"the parent"}


def test_a_writer_killed_at_any_moment_leaves_whole_values_and_a_reader_never_misses_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CHAINS", 2)
    board = Board()
    kept = {b"kept %d" % number: bytes([number]) * 100 for number in range(8)}
    for key, value in kept.items():
        board.put(key, value)
    parent = os.getpid()
    for _ in range(15):
        pid = os.fork()
        if not pid:
            board.adopt()
            number = 0
            # Should the test itself be killed, nothing is left that runs for ever.
            while os.getppid() == parent:
                number += 1
                # In the same chains: replaced, removed, and their blocks used by one another.
                board.put(b"replaced", b"%d" % number * (1 + number % 50))
                board.put(b"gone", b"x" * (number % 300))
                board.remove(b"gone")
            os._exit(0)
        until_s = time.monotonic() + 0.03
        while time.monotonic() < until_s:
            for key, value in kept.items():
                assert board.get(key) == value
            assert len(set(board.get(b"gone") or b"x")) <= 1
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert {key: board.get(key) for key in kept} == kept

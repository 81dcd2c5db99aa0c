"""The access log's last lines in shared memory."""

from appliance.telemetry.log_tail import BEGUN, RING_BYTES, LogTails


def lines_of(first: int, count: int) -> bytes:
    return b"".join(b"line %06d\n" % number for number in range(first, first + count))


def test_what_was_written_is_read_once() -> None:
    ring = LogTails(1).rings[0]
    ring.write(b"one\ntwo\n")
    tail = ring.read(0)
    assert tail.lines == [b"one", b"two"]
    assert ring.read(tail.at).lines == []
    ring.write(b"three\n")
    assert ring.read(tail.at).lines == [b"three"]


def test_workers_have_rings_of_their_own() -> None:
    first, second = LogTails(2).rings
    first.write(b"one\n")
    assert second.read(0).lines == []


def test_of_more_than_fits_the_last_whole_lines_are_there() -> None:
    ring = LogTails(1).rings[0]
    ring.write(b"first\n")
    seen = ring.read(0).at
    ring.write(lines_of(0, 20_000))
    tail = ring.read(seen)
    assert tail.lines[-1] == b"line 019999"
    assert all(len(line) == 11 for line in tail.lines)
    assert RING_BYTES - 12 <= len(tail.lines) * 12 <= RING_BYTES
    assert tail.missed_bytes == 20_000 * 12 - len(tail.lines) * 12


def test_it_goes_round_without_a_seam() -> None:
    ring = LogTails(1).rings[0]
    seen, found = 0, []
    for start in range(0, 60_000, 1000):
        ring.write(lines_of(start, 1000))
        tail = ring.read(seen)
        seen = tail.at
        found += tail.lines
    assert found == lines_of(0, 60_000).splitlines()


def test_what_is_being_written_over_is_left_out() -> None:
    ring = LogTails(1).rings[0]
    ring.write(lines_of(0, RING_BYTES // 12))
    # A writer has begun with 1,200 bytes more, and has not said that it is done.
    ring._cells[BEGUN] += 1200
    tail = ring.read(0)
    assert tail.lines[-1] == b"line %06d" % (RING_BYTES // 12 - 1)
    assert tail.lines[0] > b"line 000098"


def test_a_line_longer_than_the_ring_is_no_line() -> None:
    ring = LogTails(1).rings[0]
    ring.write(b"x" * (2 * RING_BYTES) + b"\n")
    assert ring.read(0).lines == []

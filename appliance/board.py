"""What control knows, in memory that every process can read: values by key.

One process writes, any number read, and nothing is locked. A put, a replacement and a removal each
come into force by one store of an aligned 64-bit link, so a writer killed at any moment leaves the
old value or the new one. The cost of each does not depend on how much there is.

Keys hash to chains of records. A record that is replaced or removed leaves its block to others at
once, so a reader may come upon bytes that are just being written: what it takes has a checksum, and
what it did not find it looks for again when something has changed meanwhile.
"""

import mmap
import os
import struct
import zlib
from collections.abc import Iterator

# With 100,000 keys a chain has one record in the mean, with a million eight.
CHAINS = 1 << 17
# A chain as long as this is no chain: a reader is on bytes that are just being written.
MAX_CHAIN = 1 << 16
# Address space, not memory: pages take room when they are first written.
BOARD_BYTES = 1 << 30
# A reader that meets this many changes in a row, each within microseconds, has met a fault.
TRIES = 1000
MAX_KEY_BYTES = 0xFFFF
# Blocks grow in steps of an eighth, so that one that is given back soon fits another value.
MIN_STEP = 32
STEP_BITS = 4

# The link to the next record of the chain comes first: it is what is stored alone.
_RECORD = struct.Struct("<QIIHxxxxxx")
_WORD = 8
_CHANGES = 0
_FIRST_CHAIN = 1
_FIRST_BLOCK = (_FIRST_CHAIN + CHAINS + 3) * _WORD


class BoardFullError(Exception):
    """There is no room for a value."""

    def __init__(self) -> None:
        super().__init__(f"the memory for sites is full ({BOARD_BYTES >> 20} MiB)")


class _TornError(Exception):
    """What was read is just being written."""


class Board:
    """To be made before the fork; every fork of the process shares it."""

    def __init__(self) -> None:
        file = os.memfd_create("gatelight-board")
        os.ftruncate(file, BOARD_BYTES)
        self._map = mmap.mmap(file, BOARD_BYTES)
        os.close(file)
        self._words = memoryview(self._map).cast("Q")
        self._free: dict[int, list[int]] = {}
        self._end = _FIRST_BLOCK

    def get(self, key: bytes) -> bytes | None:
        """The value of a key; for any process, at any time."""
        for _ in range(TRIES):
            changes = self._words[_CHANGES]
            try:
                _, at = self._find(key)
                if at:
                    return self._read(at, key)
            except (_TornError, struct.error, IndexError):
                continue
            if self._words[_CHANGES] == changes:
                return None
        return None

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key and value; for the writer."""
        for at in self._records():
            _, _, value_bytes, key_bytes = _RECORD.unpack_from(self._map, at)
            start = at + _RECORD.size + key_bytes
            yield self._map[at + _RECORD.size : start], self._map[start : start + value_bytes]

    def put(self, key: bytes, value: bytes) -> None:
        """Sets a value; for the writer. Raises BoardFullError, and the old value stays."""
        if len(key) > MAX_KEY_BYTES:
            raise ValueError("a key of the board is too long")
        block = self._take(block_bytes(_RECORD.size + len(key) + len(value)))
        link, old = self._find(key)
        following = self._words[old // _WORD] if old else 0
        check = zlib.crc32(value, zlib.crc32(key))
        record = _RECORD.pack(following, check, len(value), len(key)) + key + value
        self._map[block : block + len(record)] = record
        self._turn(link, block, old)

    def remove(self, key: bytes) -> None:
        """Takes a key away, if it is there; for the writer."""
        link, old = self._find(key)
        if old:
            self._turn(link, self._words[old // _WORD], old)

    def adopt(self) -> None:
        """Finds the blocks not in use; for a process that goes on where another writer ended."""
        self._words[_CHANGES] += 1
        self._free.clear()
        self._end = _FIRST_BLOCK
        for at in sorted(self._records()):
            self._give_gap(self._end, at)
            self._end = at + self._block_bytes_at(at)

    def _records(self) -> Iterator[int]:
        for chain in range(_FIRST_CHAIN, _FIRST_CHAIN + CHAINS):
            at = self._words[chain]
            while at:
                yield at
                at = self._words[at // _WORD]

    def _find(self, key: bytes) -> tuple[int, int]:
        """The word that leads to a key's record, and the record; 0 where there is none."""
        link = _FIRST_CHAIN + zlib.crc32(key) % CHAINS
        at = self._words[link]
        for _ in range(MAX_CHAIN):
            if not at:
                return link, 0
            following, _, _, key_bytes = _RECORD.unpack_from(self._map, at)
            start = at + _RECORD.size
            if key_bytes == len(key) and self._map[start : start + key_bytes] == key:
                return link, at
            link, at = at // _WORD, following
        raise _TornError

    def _read(self, at: int, key: bytes) -> bytes:
        """The value of a record, which may have become another key's since it was found."""
        _, check, value_bytes, _ = _RECORD.unpack_from(self._map, at)
        start = at + _RECORD.size + len(key)
        value = self._map[start : start + value_bytes]
        if zlib.crc32(value, zlib.crc32(key)) != check:
            raise _TornError
        return value

    def _turn(self, link: int, record: int, old: int) -> None:
        """Puts a change in force, then gives the old record's block back.

        The count goes up in between: whoever looked at it later cannot come to the old record, and
        whoever looked before will notice.
        """
        self._words[link] = record
        self._words[_CHANGES] += 1
        if old:
            self._free.setdefault(self._block_bytes_at(old), []).append(old)

    def _block_bytes_at(self, at: int) -> int:
        _, _, value_bytes, key_bytes = _RECORD.unpack_from(self._map, at)
        return block_bytes(_RECORD.size + key_bytes + value_bytes)

    def _take(self, size: int) -> int:
        """A free block of exactly `size`; where the end is near, the gaps are gathered first."""
        for gathered in (False, True):
            if gathered:
                self.adopt()
            if blocks := self._free.get(size):
                return blocks.pop()
            if self._end + size <= BOARD_BYTES:
                self._end += size
                return self._end - size
        raise BoardFullError

    def _give_gap(self, start: int, end: int) -> None:
        """Cuts what lies between two records into blocks."""
        while end - start >= MIN_STEP:
            size = (end - start) // _step(end - start) * _step(end - start)
            self._free.setdefault(size, []).append(start)
            start += size


def _step(size: int) -> int:
    return max(MIN_STEP, 1 << max(0, size.bit_length() - STEP_BITS))


def block_bytes(size: int) -> int:
    """The size of the block that holds `size` bytes."""
    step = _step(size)
    return (size + step - 1) // step * step

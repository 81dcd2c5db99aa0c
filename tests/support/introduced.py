"""A backend that wants to be told who its client is, before anything else."""

import asyncio
import ipaddress
import struct

from tests.support.backend import ScriptedBackend

V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


class IntroducedBackend(ScriptedBackend):
    """Reads a PROXY header, version 1 or 2, from each connection and notes what it said."""

    def __init__(self, path: str | None = None) -> None:
        super().__init__(path=path)
        self.said: list[str] = []

    async def greet(self, reader: asyncio.StreamReader) -> None:
        start = await reader.readexactly(6)
        if start == b"PROXY ":
            self.said.append((await reader.readline()).decode().strip())
            return
        start += await reader.readexactly(10)
        assert start[:12] == V2_SIGNATURE
        block = await reader.readexactly(int.from_bytes(start[14:16]))
        self.said.append(self._read_block(start[12], start[13], block))

    @staticmethod
    def _read_block(command: int, family: int, block: bytes) -> str:
        if command == 0x20:
            return "LOCAL"
        width = {0x11: 4, 0x21: 16}[family]
        source, destination = block[:width], block[width : 2 * width]
        ports = struct.unpack("!HH", block[2 * width : 2 * width + 4])
        ends = [str(ipaddress.ip_address(end)) for end in (source, destination)]
        return f"{ends[0]} {ends[1]} {ports[0]} {ports[1]}"

"""What the box is asked in the background: its name servers and its firmware."""

import asyncio
import struct
import sys
from pathlib import Path
from typing import cast

import pytest

from appliance import box_watch
from appliance.box_watch import BoxWatch, is_good_answer, parse_servers, run_vcgencmd


def test_name_servers_are_those_libc_would_ask() -> None:
    text = (
        "# nameserver 9.9.9.9\nsearch lan\nnameserver 192.168.1.1\nnameserver\nnameserver fd00::1\n"
    )
    assert parse_servers(text) == ["192.168.1.1", "fd00::1"]
    assert len(parse_servers("nameserver 10.0.0.1\n" * 9)) == 3


@pytest.mark.parametrize(
    ("data", "is_good"),
    [
        (struct.pack("!6H", 7, 0x8180, 1, 13, 0, 0), True),
        (struct.pack("!6H", 7, 0x8183, 1, 0, 0, 0), True),
        (struct.pack("!6H", 7, 0x8182, 1, 0, 0, 0), False),
        (struct.pack("!6H", 7, 0x8185, 1, 0, 0, 0), False),
        (struct.pack("!6H", 8, 0x8180, 1, 13, 0, 0), False),
        (struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0), False),
        (b"", False),
    ],
    ids=["good", "no such name", "server failure", "refused", "another's", "a question", "empty"],
)
def test_only_a_resolver_that_reaches_others_is_well(data: bytes, is_good: bool) -> None:
    assert is_good_answer(data, 7) == is_good


class Server(asyncio.DatagramProtocol):
    """Answers with one code; None: not at all."""

    def __init__(self, code: int | None) -> None:
        self.code = code
        self.asked: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        self.asked.append(data)
        if self.code is not None:
            answer = data[:2] + struct.pack("!5H", 0x8180 | self.code, 1, 0, 0, 0) + data[12:]
            self.transport.sendto(answer, addr)


@pytest.mark.parametrize(("code", "is_ok"), [(0, True), (2, False), (None, False)])
def test_dns_is_asked_for_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None, is_ok: bool
) -> None:
    monkeypatch.setattr(box_watch, "DNS_TIMEOUT_S", 0.2)
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1\n")

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = Server(code)
        transport, _ = await loop.create_datagram_endpoint(
            lambda: server, local_addr=("127.0.0.1", 0)
        )
        watch = BoxWatch(conf, transport.get_extra_info("sockname")[1])
        await watch.look()
        assert watch.dns_ok is is_ok
        # The root's name servers (RFC 1035 4.1.2): an empty name, NS, IN.
        assert server.asked[0][12:] == b"\0\0\2\0\1"
        transport.close()
        await watch.look()
        assert watch.dns_ok is False

    asyncio.run(run())


def test_the_firmware_is_asked_by_its_command() -> None:
    async def run(code: str) -> int | None:
        return await run_vcgencmd((sys.executable, "-c", code))

    assert asyncio.run(run("print('throttled=0x50005')")) == 0x50005
    assert asyncio.run(run("print('VCHI initialization failed')")) is None
    assert asyncio.run(run_vcgencmd(("/nowhere/vcgencmd", "get_throttled"))) is None

"""What takes a moment to find out about the box: whether DNS answers, and what its firmware says.

Neither is asked in the loop's own time, and both are bounded in time.
"""

import asyncio
import secrets
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path

from appliance.telemetry.power import parse_throttled

EVERY_S = 20.0
# Until the first answer after a start, or while there is none: a network may come any time.
SOON_S = 5.0
DNS_TIMEOUT_S = 3.0
FIRMWARE_TIMEOUT_S = 5.0
DNS_PORT = 53
# resolv.conf(5): libc looks at so many.
MAX_SERVERS = 3
RESOLV_CONF = Path("/etc/resolv.conf")
# RFC 1035 4.1.1: a standard query with recursion; an answer's codes.
_QUERY, _RESPONSE, _CODE = 0x0100, 0x8000, 0x000F
_NO_ERROR, _NO_SUCH_NAME = 0, 3
_NS, _INTERNET = 2, 1


def parse_servers(text: str) -> list[str]:
    """The name servers of a resolv.conf."""
    lines = (line.split() for line in text.splitlines())
    found = [parts[1] for parts in lines if len(parts) >= 2 and parts[0] == "nameserver"]
    return found[:MAX_SERVERS]


def encode_question(number: int) -> bytes:
    """Asks for the root's name servers, which every resolver can find out (RFC 1035 4.1)."""
    head = struct.pack("!6H", number, _QUERY, 1, 0, 0, 0)
    return head + b"\0" + struct.pack("!2H", _NS, _INTERNET)


def is_good_answer(data: bytes, number: int) -> bool:
    """Whether it answers the question. A resolver that reaches nobody says SERVFAIL or REFUSED."""
    if len(data) < 12:
        return False
    found, flags = struct.unpack_from("!2H", data)
    is_answer = found == number and bool(flags & _RESPONSE)
    return is_answer and flags & _CODE in (_NO_ERROR, _NO_SUCH_NAME)


class _Asker(asyncio.DatagramProtocol):
    def __init__(self, number: int, answered: "asyncio.Future[bool]") -> None:
        self._number = number
        self._answered = answered

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._answered.done():
            self._answered.set_result(is_good_answer(data, self._number))

    def error_received(self, exc: Exception) -> None:
        if not self._answered.done():
            self._answered.set_result(False)


async def ask_server(server: str, port: int = DNS_PORT) -> bool:
    """Whether a name server answers in time."""
    loop = asyncio.get_running_loop()
    number = secrets.randbelow(1 << 16)
    answered: asyncio.Future[bool] = loop.create_future()
    try:
        async with asyncio.timeout(DNS_TIMEOUT_S):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Asker(number, answered), remote_addr=(server, port)
            )
            try:
                transport.sendto(encode_question(number))
                return await answered
            finally:
                transport.close()
    except (OSError, TimeoutError, ValueError):
        # ValueError: what stands there is no host.
        return False


async def run_vcgencmd(command: Sequence[str]) -> int | None:
    """The firmware's flags; None when it cannot be asked."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(FIRMWARE_TIMEOUT_S):
            output, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return parse_throttled(output.decode(errors="replace"))


class BoxWatch:
    """Finds out again and again; None is what is not known."""

    def __init__(self, resolv_conf: Path = RESOLV_CONF, port: int = DNS_PORT) -> None:
        self._resolv_conf = resolv_conf
        self._port = port
        self._vcgencmd = shutil.which("vcgencmd")
        self.dns_ok: bool | None = None
        self.throttled: int | None = None

    async def run(self) -> None:
        """For as long as control lives."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S if self.dns_ok else SOON_S)

    async def look(self) -> None:
        """Asks once."""
        try:
            servers = parse_servers(self._resolv_conf.read_text(errors="replace"))
        except OSError:
            servers = []
        # Without one, libc asks this machine itself.
        self.dns_ok = await self._ask_any(servers or ["127.0.0.1"])
        if self._vcgencmd is not None:
            self.throttled = await run_vcgencmd((self._vcgencmd, "get_throttled"))

    async def _ask_any(self, servers: Sequence[str]) -> bool:
        for server in servers:
            if await ask_server(server, self._port):
                return True
        return False

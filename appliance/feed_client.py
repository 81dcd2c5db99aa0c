"""A worker's end of the feed: hears of changes, and tells what its traffic has shown."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable

from appliance.feed import Changed, Decoder, HookNews, Noted, Seen, encode

RETRY_S = 0.5
READ_BYTES = 1 << 18
# What may wait for a control process that does not read; it learns all anew from the next link.
MAX_UNSENT_BYTES = 1 << 20

# What waits to be told; hundreds of faults of one kind say no more than the first few.
MAX_NEWS = 16

TakeSeen = Callable[[bool], Seen | None]


class FeedClient:
    """One worker's. `take_seen` gives what control has not heard of yet, or everything."""

    def __init__(self, name: bytes, apply: Callable[[Changed], None], take_seen: TakeSeen) -> None:
        self._name = name
        self._apply = apply
        self._take_seen = take_seen
        self._writer: asyncio.StreamWriter | None = None
        self._news: deque[HookNews | Noted] = deque(maxlen=MAX_NEWS)

    def note(self, news: HookNews | Noted) -> None:
        """To be told next; the oldest of too many is left out."""
        self._news.append(news)

    async def run(self) -> None:
        """Hears of changes from the control process; comes back when that does."""
        while True:
            try:
                await self._follow()
            except OSError:
                pass
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, self._name)
            reader, self._writer = await asyncio.open_unix_connection(sock=sock)
            self.tell(everything=True)
            decoder = Decoder()
            while data := await reader.read(READ_BYTES):
                for message in decoder.feed(data):
                    if isinstance(message, Changed):
                        self._apply(message)
                    # Many changes at once: requests come in between.
                    await asyncio.sleep(0)
        finally:
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.transport.abort()
            sock.close()

    def tell(self, everything: bool = False) -> None:
        """Tells control what it has not heard of yet, where there is one."""
        writer = self._writer
        if writer is None:
            return
        if writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            writer.transport.abort()
            return
        while self._news:
            writer.write(encode(self._news.popleft()))
        seen = self._take_seen(everything)
        if seen is not None:
            writer.write(encode(seen))

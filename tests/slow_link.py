"""A link of so many bytes a second between a client and PostgreSQL: a relay in this event loop."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

PIECE: Final = 16_384
"""Bytes that are passed on at once: some milliseconds of a slow link."""
LATE_S: Final = 0.01
"""Time that this event loop lost is made up for, so that the link is not slower than it should be."""
SOCKET: Final = ".s.PGSQL.5432"


class _Line:
    """One direction of the link, which all sessions share."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._free_at = 0.0
        self.bytes = 0

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(PIECE):
                self._free_at = max(self._free_at, loop.time() - LATE_S) + len(piece) / self._bytes_per_s
                self.bytes += len(piece)
                await asyncio.sleep(max(0.0, self._free_at - loop.time()))
                writer.write(piece)
                await writer.drain()
        writer.close()


class SlowLink:
    """`url` reaches the same database over the link; `sent` and `received` count bytes to it and from it."""

    def __init__(self, url: str, bytes_per_s: float, directory: str) -> None:
        parts = urlsplit(url)
        (host,) = parse_qs(parts.query)["host"]
        self.url = urlunsplit(parts._replace(query=urlencode({"host": directory})))
        self._target = str(Path(host) / SOCKET)
        self._up, self._down = _Line(bytes_per_s), _Line(bytes_per_s)

    @property
    def sent(self) -> int:
        return self._up.bytes

    @property
    def received(self) -> int:
        return self._down.bytes

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session."""
        there, back = await asyncio.open_unix_connection(self._target)
        await asyncio.gather(self._up.forward(reader, back), self._down.forward(there, writer))


@contextlib.asynccontextmanager
async def slow_link(url: str, bytes_per_s: float) -> AsyncIterator[SlowLink]:
    """A link to the server of a URL that names a directory of sockets."""
    with tempfile.TemporaryDirectory(prefix="shardpay-") as directory:
        link = SlowLink(url, bytes_per_s, directory)
        server = await asyncio.start_unix_server(link.serve, str(Path(directory) / SOCKET))
        try:
            yield link
        finally:
            server.close()

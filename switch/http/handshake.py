"""A connection with TLS before it has any: a stranger like others, counted from when it is accepted.

A server that does handshakes by itself makes a connection known when its handshake is over, and until then it takes a descriptor that
nobody counts and nobody can take back.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from switch.fairness.connections import Connections
from switch.http.tls import HANDSHAKE_TIMEOUT_S


class Handshake(asyncio.Protocol):
    """What the system hands over. After the handshake `make` gives the protocol for what is inside."""

    def __init__(self, connections: Connections, make: Callable[[], asyncio.Protocol], context: ssl.SSLContext) -> None:
        self._all = connections
        self._make = make
        self._context = context
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is accepted. What comes before the handshake begins, a turn of the event loop later, is kept for it."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._all.opened(self)
        self._task = asyncio.get_running_loop().create_task(self._shake(self._transport))

    def data_received(self, data: bytes) -> None:
        """The client's first message."""
        self._early.append(data)

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone before the handshake began."""
        self._all.closed(self)

    def close_now(self) -> None:
        """Hang up, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    async def _shake(self, transport: asyncio.Transport) -> None:
        loop, first = asyncio.get_running_loop(), _First()
        if transport.is_closing():
            self._all.closed(self)
            return
        loop.call_soon(self._feed, transport)  # what it does runs before all that `start_tls` has planned
        try:
            secure = await loop.start_tls(
                transport, first, self._context, server_side=True, ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S
            )
        except OSError:  # errors of TLS and of time are such, too
            transport.abort()
            return
        finally:
            self._all.closed(self)
        if secure is None or transport.is_closing() or first.lost:
            transport.abort()
            return
        protocol = self._make()
        secure.set_protocol(protocol)
        protocol.connection_made(secure)
        first.hand_over(protocol)

    def _feed(self, transport: asyncio.Transport) -> None:
        """Give what came early to the protocol that does the handshake."""
        for data in self._early:
            inner = cast(asyncio.BufferedProtocol, transport.get_protocol())
            while data:
                buffer = memoryview(inner.get_buffer(len(data)))
                part, data = data[: len(buffer)], data[len(buffer) :]
                buffer[: len(part)] = part
                inner.buffer_updated(len(part))
        self._early.clear()


class _First(asyncio.Protocol):
    """Keeps what came with the end of the handshake until there is one who takes it: a turn of the event loop later."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._ended = False
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)

    def eof_received(self) -> bool:
        self._ended = True
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True

    def hand_over(self, protocol: asyncio.Protocol) -> None:
        """Give it all that has come."""
        for part in self._parts:
            protocol.data_received(part)
        if self._ended:
            protocol.eof_received()

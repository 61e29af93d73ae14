"""A connection with TLS counts from its first moment, and no byte of it is lost on its way.

Under both event loops that a process may have.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from switch.fairness.connections import Connections
from switch.http import handshake
from switch.http.handshake import Handshake

CERTIFICATES = Path(__file__).parents[3] / "certificates"
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)  # type: ignore[attr-defined]


class Client:
    """TLS by hand: what is sent together, and when, is up to the test."""

    def __init__(self, port: int) -> None:
        trusted = ssl.create_default_context(cafile=str(CERTIFICATES / "first.pem"))
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trusted.wrap_bio(self._in, self._out, server_hostname="127.0.0.1")
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setblocking(False)

    def say_hello(self) -> None:
        """The first message."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self._socket.send(self._out.read())

    async def echoed(self, text: bytes) -> bytes:
        """Send a text with the handshake's last message, and get it back."""
        while True:
            await self._take()
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
                break
        self._tls.write(text)
        self._socket.send(self._out.read())
        back = b""
        while len(back) < len(text):
            try:
                back += self._tls.read(1 << 16)
            except ssl.SSLWantReadError:
                await self._take()
        return back

    async def is_hung_up_on(self) -> bool:
        with contextlib.suppress(ConnectionResetError):
            return await asyncio.get_running_loop().sock_recv(self._socket, 1) == b""
        return True

    def close(self) -> None:
        self._socket.close()

    async def _take(self) -> None:
        part = await asyncio.get_running_loop().sock_recv(self._socket, 1 << 16)
        assert part, "it was hung up on"
        self._in.write(part)


@contextlib.asynccontextmanager
async def served(connections: Connections) -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "first.pem", CERTIFICATES / "first.key")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Handshake(connections, Echo, context), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def nobody_is_left(connections: Connections) -> None:
    while connections._strangers:
        await asyncio.sleep(0.01)


async def both_ends_of_a_handshake_come_with_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(Connections(8)) as port:
        clients = [Client(port) for _ in range(4)]
        for each in clients:
            each.say_hello()  # before the event loop has looked at any of them
        texts = [bytes([number]) * 1_000 for number in range(4)]
        assert await asyncio.gather(*(each.echoed(text) for each, text in zip(clients, texts, strict=True))) == texts
        for each in clients:
            each.close()


async def the_oldest_that_is_silent_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    connections = Connections(3)
    async with served(connections) as port:
        silent = [Client(port) for _ in range(6)]
        for each in silent[:3]:
            assert await each.is_hung_up_on()
        assert len(connections._strangers) == 3
        good = Client(port)
        good.say_hello()
        assert await good.echoed(b"good") == b"good"
        for each in (*silent, good):
            each.close()
        await nobody_is_left(connections)


async def what_is_no_tls_or_leaves_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    connections = Connections(8)
    async with served(connections) as port:
        gone, talking, silent = (Client(port) for _ in range(3))
        gone.close()
        talking._socket.send(b"GET / HTTP/1.1\r\n\r\n")
        while len(connections._strangers) != 1:
            await asyncio.sleep(0.01)
        silent.close()
        talking.close()
        await nobody_is_left(connections)


async def the_time_limit_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "HANDSHAKE_TIMEOUT_S", 0.1)
    connections = Connections(8)
    async with served(connections) as port:
        silent = Client(port)
        assert await silent.is_hung_up_on()
        await nobody_is_left(connections)
        silent.close()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    "case",
    [
        both_ends_of_a_handshake_come_with_more,
        the_oldest_that_is_silent_makes_room,
        what_is_no_tls_or_leaves_is_forgotten,
        the_time_limit_ends_it,
    ],
    ids=lambda case: case.__name__,
)
def test_handshakes(
    loop: str, case: Callable[[pytest.MonkeyPatch], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(60):
            await case(monkeypatch)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(in_time())

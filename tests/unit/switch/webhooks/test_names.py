"""Who leads look-ups to servers that say nothing has so many threads and no more, and all others go on."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop

from switch.webhooks.addresses import SANDBOX, AddressGuard
from switch.webhooks.names import NAMES_OF_ONE_MAX
from switch.webhooks.posting import TOO_MANY_NAMES, Poster

HOSTILE, OTHER = 1, 2
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
"""An actor's event loop is uvloop's, which looks names up in four threads of its own."""


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Names of the test lead to this machine; those that begin with `silent` do so when it is set."""
    event = threading.Event()
    real = socket.getaddrinfo

    def looked_up(host: str, *given: Any, **named: Any) -> Any:
        if host.startswith("silent"):
            event.wait(30)
        return real("127.0.0.1" if host.endswith(".example") else host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    yield event
    event.set()


async def receiver(port: "asyncio.Future[int]") -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port.set_result(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


@pytest.mark.parametrize("loop", LOOPS)
def test_one_account_that_changes_its_urls_leaves_look_ups_to_the_others(loop: str, answering: threading.Event) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(others_go_on(answering))


async def others_go_on(answering: threading.Event) -> None:
    loop = asyncio.get_running_loop()
    found: asyncio.Future[int] = loop.create_future()
    serving = asyncio.create_task(receiver(found))
    port = await found
    poster = Poster(AddressGuard(SANDBOX), attempt_s=2.0)
    results = await asyncio.gather(
        *(
            poster.post(HOSTILE, f"http://silent-{number}.example:{port}/", {}, b"{}")
            for number in range(2 * NAMES_OF_ONE_MAX)
        )
    )
    errors = [each.error for each in results]
    assert errors.count("no answer in time") == NAMES_OF_ONE_MAX
    assert errors.count(TOO_MANY_NAMES) == NAMES_OF_ONE_MAX
    again = await poster.post(HOSTILE, f"http://silent-new.example:{port}/", {}, b"{}")
    assert again.error == TOO_MANY_NAMES, "a place is held until its thread ends"
    for number in range(5):
        other = await poster.post(OTHER, f"http://other-{number}.example:{port}/", {}, b"{}")
        assert other.status == 200, other
    answering.set()
    async with asyncio.timeout(60):
        while (await poster.post(HOSTILE, f"http://hostile.example:{port}/", {}, b"{}")).status != 200:
            await asyncio.sleep(0.01)
    await poster.close()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)

"""One attempt against a real server: nothing leads inside, nothing is followed, nothing is waited for or read without end."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from switch.webhooks.addresses import SANDBOX, AddressGuard, WebhookKeys
from switch.webhooks.posting import ANSWER_BYTES_MAX, RECEIVED_BYTES_MAX, UNREACHABLE, Poster


class Server:
    """Counts what comes."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.connections = set[Any]()
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.connections.add(request.transport)
        await request.read()
        match request.path:
            case "/slow":
                await asyncio.sleep(30)
            case "/redirect":
                raise web.HTTPTemporaryRedirect("/")
            case "/long":
                response = web.StreamResponse()
                await response.prepare(request)
                with contextlib.suppress(ConnectionError):
                    while True:
                        await response.write(bytes(65_536))
            case "/busy":
                return web.Response(status=429, headers={"Retry-After": "120"})
            case "/cut":
                assert request.transport is not None
                request.transport.close()
        return web.Response(text="ok")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    app = web.Application()
    app.router.add_post("/{path:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


class Flood:
    """A receiver that answers each request with `answer`, then sends `more` until it is hung up on."""

    def __init__(self, answer: bytes, more: bytes) -> None:
        self._answer, self._more = answer, more
        self.url = ""
        self.connections = self._written = 0
        self.ended = asyncio.Event()

    def taken(self) -> int:
        """Bytes that left, to the system's buffers at least."""
        return self._written

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"{}")
                writer.write(self._answer)
                while self._more:
                    writer.write(self._more * (65_536 // len(self._more)))
                    await writer.drain()
                    self._written += 65_536
        self.ended.set()
        writer.close()


@contextlib.asynccontextmanager
async def endless(answer: bytes, more: bytes) -> AsyncIterator[Flood]:
    flood = Flood(answer, more)
    listener = await asyncio.start_server(flood.serve, "127.0.0.1", 0)
    flood.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    async with asyncio.timeout(60):
        yield flood
    listener.close()


@contextlib.asynccontextmanager
async def posting(keys: WebhookKeys, attempt_s: float = 5.0) -> AsyncIterator[Poster]:
    poster = Poster(AddressGuard(keys), attempt_s)
    yield poster
    await poster.close()


async def test_an_attempt_is_a_post_of_json_over_a_connection_that_serves_again(server: Server) -> None:
    async with posting(SANDBOX) as poster:
        for _ in range(3):
            result = await poster.post(1, f"http://127.0.0.1:{server.port}/hooks", {"webhook-id": "a"}, b'{"a":1}')
            assert (result.status, result.error, result.delivered) == (200, None, True)
    assert len(server.connections) == 1
    first = server.requests[0]
    assert (first.method, first.headers["Content-Type"], first.headers["webhook-id"]) == (
        "POST",
        "application/json",
        "a",
    )


@pytest.mark.parametrize(
    "host", ("127.0.0.1", "localhost", "0x7f.1", "0177.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "0")
)
async def test_no_way_to_write_the_own_machine_leads_there(server: Server, host: str) -> None:
    async with posting(WebhookKeys(allow_http=True)) as poster:
        result = await poster.post(1, f"http://{host}:{server.port}/", {}, b"{}")
    assert result.status is None and result.error and not server.requests


async def test_a_name_that_leads_inside_when_it_is_asked_again_leads_nowhere(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: the first answer is public, each later one is this machine. Only what a socket is made for counts."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebound(host: str, port: int, *more: Any, **options: Any) -> Any:
        if host != "rebound.example":
            return real(host, port, *more, **options)
        asked.append(host)
        address = "203.0.113.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    async with posting(WebhookKeys(allow_http=True, allow_networks=("203.0.113.0/24",)), 1.0) as poster:
        poster._session.connector.clear_dns_cache()  # type: ignore[union-attr]
        url = f"http://rebound.example:{server.port}/"
        assert (await poster.post(1, url, {}, b"{}")).status is None
        poster._session.connector.clear_dns_cache()  # type: ignore[union-attr]
        assert (await poster.post(1, url, {}, b"{}")).error == UNREACHABLE
    assert len(asked) == 2 and not server.requests


async def test_a_name_with_one_address_inside_is_called_at_the_other_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def both(host: str, port: int, *more: Any, **options: Any) -> Any:
        kind = socket.AF_INET, socket.SOCK_STREAM, 6, ""
        return [(*kind, ("10.255.255.1", port)), (*kind, ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    async with posting(SANDBOX) as poster:
        assert (await poster.post(1, f"http://both.example:{server.port}/", {}, b"{}")).status == 200


async def test_a_name_that_does_not_exist_and_one_that_leads_inside_look_the_same(server: Server) -> None:
    async with posting(WebhookKeys(allow_http=True)) as poster:
        errors = {
            (await poster.post(1, f"http://{host}/", {}, b"{}")).error for host in ("nowhere.invalid", "localhost")
        }
    assert errors == {UNREACHABLE}


async def test_a_redirect_is_the_answer(server: Server) -> None:
    async with posting(SANDBOX) as poster:
        result = await poster.post(1, f"http://127.0.0.1:{server.port}/redirect", {}, b"{}")
    assert (result.status, result.delivered, len(server.requests)) == (307, False, 1)


async def test_a_slow_receiver_is_left_in_time(server: Server) -> None:
    async with posting(SANDBOX, 0.3) as poster:
        result = await poster.post(1, f"http://127.0.0.1:{server.port}/slow", {}, b"{}")
    assert (result.status, result.error) == (None, "no answer in time") and 250 <= result.took_ms < 2_000


async def test_an_answer_without_end_is_not_read(server: Server) -> None:
    async with posting(SANDBOX, 5.0) as poster:
        async with asyncio.timeout(60):
            result = await poster.post(1, f"http://127.0.0.1:{server.port}/long", {}, b"{}")
    assert result.status == 200 and ANSWER_BYTES_MAX < 65_536


async def test_the_status_of_an_answer_that_is_too_long_counts_however_it_is_cut() -> None:
    body = bytes(8 * RECEIVED_BYTES_MAX)
    async with endless(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body, b"") as flood:
        async with posting(SANDBOX) as poster:
            for _ in range(3):
                assert (await poster.post(1, flood.url, {}, b"{}")).status == 200


async def test_interim_answers_without_end_end_the_attempt_and_others_are_served_meanwhile(server: Server) -> None:
    async with endless(b"", b"HTTP/1.1 103 E\r\n\r\n") as flood, posting(SANDBOX) as poster:
        flooded, other = await asyncio.gather(
            poster.post(1, flood.url, {}, b"{}"), poster.post(2, f"http://127.0.0.1:{server.port}/", {}, b"{}")
        )
        await flood.ended.wait()
    assert (flooded.status, flooded.error) == (None, "the connection ended without an answer")
    assert other.status == 200
    assert flood.taken() < 16 << 20  # the rest of what was written lay in buffers of the system


@pytest.mark.parametrize("more", [b"HTTP/1.1 103 E\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
async def test_who_sends_on_after_its_answer_is_hung_up_on(more: bytes) -> None:
    async with endless(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", more) as flood:
        async with posting(SANDBOX) as poster:
            assert (await poster.post(1, flood.url, {}, b"{}")).status == 200
            await flood.ended.wait()
    assert flood.taken() < 16 << 20


async def test_what_is_received_counts_from_each_request_anew() -> None:
    body = bytes(ANSWER_BYTES_MAX - 1)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with endless(answer, b"") as flood, posting(SANDBOX) as poster:
        for _ in range(5):
            assert (await poster.post(1, flood.url, {}, b"{}")).status == 200
    assert flood.connections == 1


async def test_what_else_can_happen_has_words_without_anything_of_the_inside(server: Server) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    async with posting(SANDBOX) as poster:
        assert (await poster.post(1, f"http://127.0.0.1:{port}/", {}, b"{}")).error == "no connection"
        at = f"127.0.0.1:{server.port}"
        assert (await poster.post(1, f"http://{at}/cut", {}, b"{}")).error == "the connection ended without an answer"
        assert (
            await poster.post(1, f"https://{at}/", {}, b"{}")
        ).error == "TLS failed: the certificate must be valid for the host"
        assert (await poster.post(1, f"http://{at}/busy", {}, b"{}")).asked_s == 120
        assert (await poster.post(1, "http://10.0.0.1/", {}, b"{}")).error == "the address is not public"

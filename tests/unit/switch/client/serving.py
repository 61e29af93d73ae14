"""A server for tests of transports: it answers each call as the test wants, and remembers what came."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from aiohttp.test_utils import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Heard:
    """Requests as they came: method, path with query, body, and their headers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Heard]:
    async def hear(request: web.Request) -> web.StreamResponse:
        heard.calls.append((request.method, request.path_qs, await request.read()))
        heard.headers.append(dict(request.headers))
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hear)
    server = TestServer(app)
    await server.start_server()
    heard = Heard(str(server.make_url("/")).rstrip("/"))
    try:
        yield heard
    finally:
        await server.close()


async def cut(request: web.Request) -> web.StreamResponse:
    """The connection breaks after the request was read."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def redirect(request: web.Request) -> web.StreamResponse:
    """To another place of the same server, as a proxy does that wants HTTPS."""
    if request.path == "/elsewhere":
        return web.Response(body=b"{}")
    return web.Response(status=302, headers={"Location": "/elsewhere"})


async def slow_lines(request: web.Request) -> web.StreamResponse:
    """A stream whose lines come in pieces; the last has no end."""
    response = web.StreamResponse()
    await response.prepare(request)
    for piece in (b"id: 1\nda", b"ta: {}\n", b"\n", b"rest"):
        await response.write(piece)
    await response.write_eof()
    return response

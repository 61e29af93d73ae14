"""What the server processes of peers share: one route behind aiohttp, and prepared sessions.

Tuned as one would: uvloop, one prepared statement on each of a fixed set of sessions, no reset between two uses.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import asyncpg
from aiohttp import web

SESSIONS: Final = 24
"""Enough to keep two cores busy and few enough for PostgreSQL not to queue on itself."""


async def prepared(url: str, name: str, statement: str) -> "asyncio.LifoQueue[Any]":
    """Sessions called `name`, each as its prepared statement; whoever has one uses it."""
    free: asyncio.LifoQueue[Any] = asyncio.LifoQueue()
    for _ in range(SESSIONS):
        connection = await asyncpg.connect(url, server_settings={"application_name": name, "jit": "off"})
        free.put_nowait(await connection.prepare(statement))
    return free


async def serve(port: int, path: str, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
    """Answer POST of a path until killed."""
    app = web.Application()
    app.router.add_post(path, answer)
    app.router.add_get("/readyz", _ready)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="ready")


def run(peer: Callable[[str, int], Coroutine[Any, Any, None]]) -> None:
    """Entry point of a server process: `peer` gets --url and --port."""
    import uvloop

    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(peer(arguments.url, arguments.port))

"""A receiver of webhooks in a process of its own.

It takes everything at `/hooks`, and never answers at `/dead`. It answers 200 without looking at signatures: what is measured is who sends.
"""

import asyncio
import time
from typing import Any, Final

import msgspec
from aiohttp import web

from bench.contenders.peer_server import run, serve

PATH: Final = "/{path:.*}"


class ReceiverCounts(msgspec.Struct):
    """Requests to `/hooks`, when the first and the newest came, on a clock of this machine, and those to `/dead`."""

    count: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    dead: int = 0


class Receiver:
    """Counts what comes."""

    def __init__(self) -> None:
        self.counts = ReceiverCounts()

    async def take(self, request: web.Request) -> web.Response:
        """POST: /hooks, /dead, /count and /reset."""
        await request.read()
        match request.path:
            case "/hooks":
                self.counts.last_s = time.monotonic()
                self.counts.first_s = self.counts.first_s or self.counts.last_s
                self.counts.count += 1
            case "/dead":
                self.counts.dead += 1
                await asyncio.Event().wait()
            case "/count":
                return web.Response(body=msgspec.json.encode(self.counts))
            case "/reset":
                self.counts = ReceiverCounts()
        return web.Response()


async def serve_receiver(_: Any, port: int) -> None:
    """Run until killed."""
    await serve(port, PATH, Receiver().take)


if __name__ == "__main__":
    run(serve_receiver)

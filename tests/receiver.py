"""A receiver of webhooks for tests: a real HTTP server, with a check of signatures of its own, that fails when it is asked to."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

TOLERANCE_S = 300


class Received(NamedTuple):
    """One request."""

    id: str
    body: Any
    headers: Any
    at: float


def verified(secret: str, headers: Any, body: bytes) -> bool:
    """As a receiver would check it, from the text of Standard Webhooks: any signature of version 1 fits, and the time is near."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    identity, moment = headers["webhook-id"], headers["webhook-timestamp"]
    signed = b".".join((identity.encode(), moment.encode(), body))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [each.partition(",") for each in headers["webhook-signature"].split(" ")]
    fits = any(version == "v1" and hmac.compare_digest(text, expected) for version, _, text in given)
    return fits and abs(time.time() - int(moment)) < TOLERANCE_S


class Receiver:
    """Answers each request with what `answer` says: a status, or seconds to wait before 200 where it is a float."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Any], int | float] = lambda body: 200
        self.raw: list[tuple[Any, bytes]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = msgspec.json.decode(raw)
        self.raw.append((request.headers, raw))
        answer = self.answer(body)
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            answer = 200
        if 300 <= answer < 400:
            return web.Response(status=answer, headers={"Location": f"{self.url}/elsewhere"})
        if answer < 300:
            self.received.append(Received(request.headers["webhook-id"], body, request.headers, time.monotonic()))
        return web.Response(status=answer)

    @property
    def ids(self) -> list[str]:
        """Of what was taken, in order."""
        return [each.id for each in self.received]

    async def until(self, done: Callable[[], Any], timeout_s: float = 15.0) -> None:
        """Wait for something to come."""
        async with asyncio.timeout(timeout_s):
            while not done():
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}"
    try:
        yield receiver
    finally:
        await runner.cleanup()

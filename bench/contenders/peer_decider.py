"""The peer's server process: aiohttp and asyncpg over the function of peer_decider.sql.

It asks for no API key, keeps no chain and compiles no scenario: the thresholds are in its program.

Tuned as one would: uvloop, msgspec, one prepared statement on each of a fixed set of sessions, no reset between two uses.
"""

import argparse
import asyncio
import uuid
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
from aiohttp import web

from actors.database.connection import parse_queries
from bench.workload.questions import CAP, SCORE_MIN

SQL: Final = parse_queries(Path(__file__).with_name("peer_decider.sql").read_text(encoding="utf-8"))
SESSIONS: Final = 24
"""Enough to keep two cores busy and few enough for PostgreSQL not to queue on itself."""
MERCHANT: Final = 1
_HEADERS: Final = {"Content-Type": "application/json"}


class Question(msgspec.Struct):
    """What the peer reads of the body."""

    wallet: str
    scenario: str
    amount: int


class Answer(msgspec.Struct):
    """Its result of a question."""

    result: str
    granted: int
    receipt: str


_DECODE: Final = msgspec.json.Decoder(Question).decode
_ENCODE: Final = msgspec.json.Encoder().encode


class Peer:
    """Sessions with their prepared statement; whoever has one decides."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: asyncio.LifoQueue[Any] = asyncio.LifoQueue()

    async def open(self) -> None:
        """Open all sessions."""
        for _ in range(SESSIONS):
            connection = await asyncpg.connect(self._url, server_settings={"application_name": "decider", "jit": "off"})
            self._free.put_nowait(await connection.prepare(SQL["decide"]))

    async def decide(self, request: web.Request) -> web.Response:
        """POST /v1/credit/decisions."""
        key = uuid.UUID(request.headers["Idempotency-Key"])
        body = _DECODE(await request.read())
        asked = (key, uuid.UUID(body.wallet), MERCHANT, body.scenario, body.amount, SCORE_MIN, CAP)
        decide = await self._free.get()
        try:
            result, granted, receipt, _ = await decide.fetchrow(*asked)
        finally:
            self._free.put_nowait(decide)
        if result == "mismatch":
            return web.Response(body=_ENCODE({"code": "idempotency_mismatch"}), status=422, headers=_HEADERS)
        return web.Response(body=_ENCODE(Answer(result, granted, str(receipt))), status=201, headers=_HEADERS)


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="ready")


async def serve(url: str, port: int) -> None:
    """Run until killed."""
    peer = Peer(url)
    await peer.open()
    app = web.Application()
    app.router.add_post("/v1/credit/decisions", peer.decide)
    app.router.add_get("/readyz", _ready)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


def main() -> None:
    """Entry point of the server process."""
    import uvloop

    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(arguments.url, arguments.port))


if __name__ == "__main__":
    main()

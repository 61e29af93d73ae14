"""The peer's server process: aiohttp and asyncpg over the function of peer_rowlock.sql.

It scores nothing and asks for no API key.

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

SQL: Final = parse_queries(Path(__file__).with_name("peer_rowlock.sql").read_text(encoding="utf-8"))
SESSIONS: Final = 24
"""Enough to keep two cores busy and few enough for PostgreSQL not to queue on itself."""
_REFUSALS: Final = {1: ("insufficient_funds", 402), 2: ("wallet_not_found", 404), 3: ("idempotency_mismatch", 422)}


class Payment(msgspec.Struct):
    """What the peer reads of the body."""

    payer: str
    payee: str
    amount: int
    currency: str


class Answer(msgspec.Struct):
    """Its result of a payment."""

    id: str
    status: str
    payer: str
    payee: str
    amount: int
    currency: str
    replayed: bool


_DECODE: Final = msgspec.json.Decoder(Payment).decode
_ENCODE: Final = msgspec.json.Encoder().encode
_HEADERS: Final = {"Content-Type": "application/json"}


class Peer:
    """Sessions with their prepared statement; whoever has one pays."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: asyncio.LifoQueue[Any] = asyncio.LifoQueue()

    async def open(self) -> None:
        """Open all sessions."""
        for _ in range(SESSIONS):
            connection = await asyncpg.connect(self._url, server_settings={"application_name": "rowlock", "jit": "off"})
            self._free.put_nowait(await connection.prepare(SQL["pay"]))

    async def pay(self, request: web.Request) -> web.Response:
        """POST /v1/transfers."""
        key = uuid.UUID(request.headers["Idempotency-Key"])
        body = _DECODE(await request.read())
        payer, payee = uuid.UUID(body.payer), uuid.UUID(body.payee)
        pay = await self._free.get()
        try:
            code, transfer, replayed = await pay.fetchrow(key, payer, payee, body.amount, body.currency)
        finally:
            self._free.put_nowait(pay)
        if code:
            name, status = _REFUSALS[code]
            return web.Response(body=_ENCODE({"code": name}), status=status, headers=_HEADERS)
        answer = Answer(str(transfer), "posted", body.payer, body.payee, body.amount, body.currency, replayed)
        return web.Response(body=_ENCODE(answer), status=201, headers=_HEADERS)


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="ready")


async def serve(url: str, port: int) -> None:
    """Run until killed."""
    peer = Peer(url)
    await peer.open()
    app = web.Application()
    app.router.add_post("/v1/transfers", peer.pay)
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

"""The peer's server process: aiohttp and asyncpg over the function of peer_rowlock.sql.

It scores nothing and asks for no API key.
"""

import asyncio
import uuid
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from actors.database.connection import parse_queries
from bench.contenders.peer_server import prepared, run, serve

SQL: Final = parse_queries(Path(__file__).with_name("peer_rowlock.sql").read_text(encoding="utf-8"))
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
    """Whoever has a session pays."""

    def __init__(self, free: "asyncio.LifoQueue[Any]") -> None:
        self._free = free

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


async def serve_peer(url: str, port: int) -> None:
    """Run until killed."""
    peer = Peer(await prepared(url, "rowlock", SQL["pay"]))
    await serve(port, "/v1/transfers", peer.pay)


if __name__ == "__main__":
    run(serve_peer)

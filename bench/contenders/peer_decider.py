"""The peer's server process: aiohttp and asyncpg over the function of peer_decider.sql.

It asks for no API key, keeps no chain and compiles no scenario: the thresholds are in its program.
"""

import asyncio
import uuid
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from actors.database.connection import parse_queries
from bench.contenders.peer_server import prepared, run, serve
from bench.workload.questions import CAP, SCORE_MIN

SQL: Final = parse_queries(Path(__file__).with_name("peer_decider.sql").read_text(encoding="utf-8"))
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
    """Whoever has a session decides."""

    def __init__(self, free: "asyncio.LifoQueue[Any]") -> None:
        self._free = free

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


async def serve_peer(url: str, port: int) -> None:
    """Run until killed."""
    peer = Peer(await prepared(url, "decider", SQL["decide"]))
    await serve(port, "/v1/credit/decisions", peer.decide)


if __name__ == "__main__":
    run(serve_peer)

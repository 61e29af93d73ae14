"""Where each shard's journal ends.

The hash of the last block stands for all blocks before it, so two who see the same head have seen the same history.
"""

import contextlib
from typing import Final, Protocol

import msgspec
from aiohttp import web

from actors.database.pool import Pool
from actors.records.blocks import block_hash, header_of, is_whole, records_of
from switch.api.route import Route
from switch.gateway.routing import Topology
from switch.http.access import Access
from switch.http.auth import AUDIT
from switch.http.call import Call
from switch.http.times import now_ms, time_text
from switch.views.representations import json_response


class HeadServices(Protocol):
    """What this handler uses of the front door."""

    pool: Pool
    topology: Topology


class JournalHead(msgspec.Struct, frozen=True, kw_only=True):
    """The last block of a shard's journal: its number, its SHA-256 and that of the block before, whether its checksum is right, and the
    time of its last record; nulls of an empty one. `segments`: of 65,536 wallets, that the shard owns."""

    shard: int
    block: int
    hash: str | None
    previous: str | None
    whole: bool | None
    written_at: str | None
    segments: int


class JournalHeads(msgspec.Struct, frozen=True, kw_only=True):
    """All shards at one moment."""

    taken_at: str
    heads: list[JournalHead]


async def get_heads(services: HeadServices, call: Call) -> web.Response:
    """GET /v1/journal/heads."""
    call.query()
    rows = await services.pool.fetch("journal_heads", list(range(services.topology.shards)))
    heads = sorted((_head(row) for row in rows), key=lambda head: head.shard)
    return json_response(JournalHeads(taken_at=time_text(now_ms()), heads=heads))


def _head(row: tuple[int, int | None, bytes | None, int]) -> JournalHead:
    shard, block, data, segments = row
    if block is None or data is None:
        return JournalHead(
            shard=shard, block=0, hash=None, previous=None, whole=None, written_at=None, segments=segments
        )
    whole, previous, written_at = False, None, None
    with contextlib.suppress(ValueError):
        header = header_of(data)
        whole, previous = is_whole(data), header.previous.hex()
        written_at = time_text(int(records_of(data)["record_time"][-1]))
    return JournalHead(
        shard=shard,
        block=block,
        hash=block_hash(data).hex(),
        previous=previous,
        whole=whole,
        written_at=written_at,
        segments=segments,
    )


ROUTES: Final = (
    Route(
        "GET",
        "/v1/journal/heads",
        "Where each shard's journal ends: block, hash, time.",
        AUDIT,
        Access.REFUSED,
        get_heads,
        answer=JournalHeads,
    ),
)

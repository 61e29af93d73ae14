"""For whoever runs the switch: is it alive, is it ready, what has it done."""

import asyncio
import contextlib
from typing import Final

import numpy as np
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from actors.pool import StoreUnavailable
from actors.shard_client import ShardState, ShardUnavailable
from switch.answers import NO_NAMES, json_response
from switch.door import Door
from switch.metrics import fill_family
from switch.pack_metrics import pack_families
from switch.pack_names import Names
from switch.problems import ProblemError
from switch.responses import Answer

READY_TIMEOUT_S: Final = 2.0


async def healthz(door: Door) -> web.Response:
    """GET /healthz: the process answers."""
    return json_response({"status": "ok"})


async def readyz(door: Door) -> web.Response:
    """GET /readyz: the database answers, and every shard shows a durable state, which it does only when it serves and owns its journal.
    `warnings`: what does not stop payments yet."""
    if door.draining:
        raise ProblemError("not_ready", "The switch is stopping.")
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await asyncio.gather(
                door.pool.fetchval("pool_check"),
                *(client.wallets(np.ones(1, np.int64)) for client in door.clients),
            )
            states = await _states(door)
    except (TimeoutError, ShardUnavailable):
        raise ProblemError("not_ready", "Not every shard is serving.") from None
    warnings = [f"shard {shard}: {text}" for shard, state in enumerate(states) for text in state.warnings]
    return json_response({"status": "ready", "shards": len(door.clients), "warnings": warnings})


async def _states(door: Door) -> list[ShardState]:
    """How every shard is. Raises ShardUnavailable."""
    return await asyncio.gather(*(client.state() for client in door.clients))


async def metrics(door: Door) -> web.Response:
    """GET /metrics: Prometheus text; without what scorers have counted when the database cannot say, and without the tables of shards when
    one of them cannot."""
    counts: dict[tuple[int, str, int], int] = {}
    names: Names = NO_NAMES
    with contextlib.suppress(StoreUnavailable, LookupError):
        packs = (await door.packs.deployment()).packs
        names = await door.catalogue.names(packs)
        counts = await door.packs.counts(packs)
    states: list[ShardState] = []
    with contextlib.suppress(ShardUnavailable, TimeoutError):
        async with asyncio.timeout(READY_TIMEOUT_S):
            states = await _states(door)
    more = (*pack_families(names, counts), fill_family([state.fills for state in states]))
    return Answer(door.metrics.render(more), content_type=CONTENT_TYPE_LATEST)

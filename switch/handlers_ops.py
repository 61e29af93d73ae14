"""For whoever runs the switch: is it alive, is it ready, what has it done."""

import asyncio
import contextlib
from typing import Final

import numpy as np
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from actors.pool import StoreUnavailable
from actors.shard_client import Condition, ShardUnavailable
from switch.answers import NO_NAMES, json_response
from switch.door import Door
from switch.metrics import clock_family, fill_family
from switch.pack_metrics import pack_families
from switch.pack_names import Names
from switch.problems import ProblemError
from switch.responses import Answer

READY_TIMEOUT_S: Final = 2.0


async def healthz(door: Door) -> web.Response:
    """GET /healthz: the process answers."""
    return json_response({"status": "ok"})


async def readyz(door: Door) -> web.Response:
    """GET /readyz: the database answers, every shard shows a durable state, which it does only when it serves and owns its journal, and
    says that nothing stops it. Ready stays ready with warnings: what operators should mend while payments go on."""
    if door.leaving:
        raise ProblemError("not_ready", "The switch is stopping.")
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            conditions, *_ = await asyncio.gather(
                asyncio.gather(*(client.condition() for client in door.clients)),
                door.pool.fetchval("pool_check"),
                *(client.wallets(np.ones(1, np.int64)) for client in door.clients),
            )
    except (TimeoutError, ShardUnavailable):
        raise ProblemError("not_ready", "Not every shard is serving.") from None
    stops = [text for condition in conditions for text in condition.stops]
    if stops:
        raise ProblemError("not_ready", f"{'; '.join(stops)}.")
    warnings = [text for condition in conditions for text in condition.warnings]
    return json_response({"status": "ready", "shards": len(door.clients), "warnings": warnings})


async def metrics(door: Door) -> web.Response:
    """GET /metrics: Prometheus text; without what scorers have counted when the database cannot say, and without the tables of shards when
    one of them cannot."""
    counts: dict[tuple[int, str, int], int] = {}
    names: Names = NO_NAMES
    with contextlib.suppress(StoreUnavailable, LookupError):
        packs = (await door.packs.deployment()).packs
        names = await door.catalogue.names(packs)
        counts = await door.packs.counts(packs)
    conditions = await _conditions(door)
    families = (*pack_families(names, counts), fill_family(conditions), clock_family(conditions))
    return Answer(door.metrics.render(families), content_type=CONTENT_TYPE_LATEST)


async def _conditions(door: Door) -> dict[int, Condition]:
    """By shard; one that does not answer has no line."""
    conditions: dict[int, Condition] = {}

    async def ask(shard: int) -> None:
        with contextlib.suppress(ShardUnavailable, TimeoutError):
            async with asyncio.timeout(READY_TIMEOUT_S):
                conditions[shard] = await door.clients[shard].condition()

    await asyncio.gather(*(ask(shard) for shard in range(len(door.clients))))
    return conditions

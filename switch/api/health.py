"""For whoever runs the switch: is it alive, is it ready, what has it done."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec
import numpy as np
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from actors.database.pool import Pool, StoreUnavailable
from actors.rpc.interface import Condition, ShardClient, ShardUnavailable
from actors.stores.rule_packs import PackStore
from actors.stores.webhook_endpoints import EndpointFigures, WebhookStore
from switch.api.route import OpenRoute
from switch.http.metrics import Metrics, clock_family, fill_family
from switch.http.server import Answer
from switch.problems.table import ProblemError
from switch.views.pack_metrics import pack_families
from switch.views.pack_names import Names, PackCatalogue
from switch.views.representations import NO_NAMES, json_response
from switch.views.webhook_metrics import webhook_families, webhook_warnings
from switch.webhooks.presence import WebhookPresence

READY_TIMEOUT_S: Final = 2.0


class HealthServices(Protocol):
    """What these paths use of the front door."""

    leaving: bool
    clients: Sequence[ShardClient]
    pool: Pool
    packs: PackStore
    catalogue: PackCatalogue
    metrics: Metrics
    webhook_store: WebhookStore
    webhook_presence: WebhookPresence


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"]


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Every shard serves. `warnings`: what an operator should mend."""

    status: Literal["ready"]
    shards: int
    warnings: list[str]


async def healthz(services: HealthServices) -> web.Response:
    """GET /healthz: the process answers."""
    return json_response(Health(status="ok"))


async def readyz(services: HealthServices) -> web.Response:
    """GET /readyz: the database answers, every shard shows a durable state, which it does only when it serves and owns its journal, and
    says that nothing stops it. Ready stays ready with warnings: what operators should mend while payments go on."""
    if services.leaving:
        raise ProblemError("not_ready", "The switch is stopping.")
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            conditions, figures, *_ = await asyncio.gather(
                asyncio.gather(*(client.condition() for client in services.clients)),
                webhook_figures(services),
                services.pool.fetchval("pool_check"),
                *(client.wallets(np.ones(1, np.int64)) for client in services.clients),
            )
    except (TimeoutError, ShardUnavailable):
        raise ProblemError("not_ready", "Not every shard is serving.") from None
    stops = [text for condition in conditions for text in condition.stops]
    if stops:
        raise ProblemError("not_ready", f"{'; '.join(stops)}.")
    warnings = [text for condition in conditions for text in condition.warnings] + webhook_warnings(figures)
    return json_response(Readiness(status="ready", shards=len(services.clients), warnings=warnings))


async def metrics(services: HealthServices) -> web.Response:
    """GET /metrics: Prometheus text; without what scorers have counted when the database cannot say, and without the tables of shards when
    one of them cannot."""
    counts: dict[tuple[int, str, int], int] = {}
    names: Names = NO_NAMES
    with contextlib.suppress(StoreUnavailable, LookupError):
        packs = (await services.packs.deployment()).packs
        names = await services.catalogue.names(packs)
        counts = await services.packs.counts(packs)
    figures: list[EndpointFigures] = []
    with contextlib.suppress(StoreUnavailable):
        figures = await webhook_figures(services)
    conditions = await conditions_of(services)
    families = (
        *webhook_families(figures),
        *pack_families(names, counts),
        fill_family(conditions),
        clock_family(conditions),
    )
    return Answer(services.metrics.render(families), content_type=CONTENT_TYPE_LATEST)


async def webhook_figures(services: HealthServices) -> list[EndpointFigures]:
    """How webhook endpoints do; no question while there is none."""
    return await services.webhook_store.figures() if services.webhook_presence.seen else []


async def conditions_of(services: HealthServices) -> dict[int, Condition]:
    """What shards say of themselves, by number; one that does not answer has no line."""
    conditions: dict[int, Condition] = {}

    async def ask(shard: int) -> None:
        with contextlib.suppress(ShardUnavailable, TimeoutError):
            async with asyncio.timeout(READY_TIMEOUT_S):
                conditions[shard] = await services.clients[shard].condition()

    await asyncio.gather(*(ask(shard) for shard in range(len(services.clients))))
    return conditions


ROUTES: Final = (
    OpenRoute("/healthz", "The process answers.", healthz, Health),
    OpenRoute(
        "/readyz",
        "200 when every shard has recovered and can commit, else 503 that says what is missing. `warnings` names what an "
        "operator should mend.",
        readyz,
        Readiness,
        problems=frozenset({"not_ready", "database_unavailable"}),
    ),
    OpenRoute("/metrics", "Prometheus text format: [metrics](metrics.md).", metrics, CONTENT_TYPE_LATEST),
)

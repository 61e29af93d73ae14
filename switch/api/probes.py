"""What probes, scrapes and the console's overview say.

Shards and database are asked once for all who want to know. These paths need no key: however often strangers ask, payments find
sessions and shards free.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec
import numpy as np

from actors.database.pool import Pool, StoreUnavailable
from actors.rpc.interface import Condition, ShardClient, ShardUnavailable
from actors.stores.rule_packs import PackStore
from actors.stores.webhook_endpoints import EndpointFigures, WebhookStore
from switch.fairness.shared_work import SharedWork
from switch.http.metrics import Metrics, clock_family, fill_family
from switch.problems.table import ProblemError
from switch.views.pack_metrics import pack_families
from switch.views.pack_names import Names, PackCatalogue
from switch.views.representations import NO_NAMES
from switch.views.webhook_metrics import webhook_families, webhook_warnings
from switch.webhooks.presence import WebhookPresence

READY_TIMEOUT_S: Final = 2.0


class Probed(Protocol):
    """What is asked of the front door."""

    leaving: bool
    clients: Sequence[ShardClient]
    pool: Pool
    packs: PackStore
    catalogue: PackCatalogue
    metrics: Metrics
    webhook_store: WebhookStore
    webhook_presence: WebhookPresence


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Every shard serves. `warnings`: what an operator should mend."""

    status: Literal["ready"]
    shards: int
    warnings: list[str]


class Probes:
    """The state of one front door and its shards, as everybody may know it."""

    def __init__(self, services: Probed) -> None:
        self._services = services
        self._readiness = SharedWork(self.ready_now)
        self._scrape = SharedWork(self._render)

    async def readiness(self) -> Readiness:
        """That all is ready. Raises ProblemError not_ready and StoreUnavailable."""
        self._demand_staying()
        return await self._readiness.result()

    async def scrape(self) -> bytes:
        """All metrics as Prometheus text; without what scorers have counted when the database cannot say, and without the tables of
        shards when one of them cannot."""
        return await self._scrape.result()

    async def conditions(self) -> dict[int, Condition]:
        """What shards say of themselves, by number; one that does not answer has no line."""
        conditions: dict[int, Condition] = {}

        async def ask(shard: int) -> None:
            with contextlib.suppress(ShardUnavailable, TimeoutError):
                async with asyncio.timeout(READY_TIMEOUT_S):
                    conditions[shard] = await self._services.clients[shard].condition()

        await asyncio.gather(*(ask(shard) for shard in range(len(self._services.clients))))
        return conditions

    async def ready_now(self) -> Readiness:
        """As `readiness`, asked at once: for work that is shared itself."""
        services = self._services
        self._demand_staying()
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                conditions, figures, *_ = await asyncio.gather(
                    asyncio.gather(*(client.condition() for client in services.clients)),
                    self._webhook_figures(),
                    services.pool.fetchval("pool_check"),
                    *(client.wallets(np.ones(1, np.int64)) for client in services.clients),
                )
        except (TimeoutError, ShardUnavailable):
            raise ProblemError("not_ready", "Not every shard is serving.") from None
        stops = [text for condition in conditions for text in condition.stops]
        if stops:
            raise ProblemError("not_ready", f"{'; '.join(stops)}.")
        warnings = [text for condition in conditions for text in condition.warnings] + webhook_warnings(figures)
        return Readiness(status="ready", shards=len(services.clients), warnings=warnings)

    def _demand_staying(self) -> None:
        if self._services.leaving:
            raise ProblemError("not_ready", "The switch is stopping.")

    async def _render(self) -> bytes:
        services = self._services
        counts: dict[tuple[int, str, int], int] = {}
        names: Names = NO_NAMES
        with contextlib.suppress(StoreUnavailable, LookupError):
            packs = (await services.packs.deployment()).packs
            names = await services.catalogue.names(packs)
            counts = await services.packs.counts(packs)
        figures: list[EndpointFigures] = []
        with contextlib.suppress(StoreUnavailable):
            figures = await self._webhook_figures()
        conditions = await self.conditions()
        families = (
            *webhook_families(figures),
            *pack_families(names, counts),
            fill_family(conditions),
            clock_family(conditions),
        )
        return services.metrics.render(families)

    async def _webhook_figures(self) -> list[EndpointFigures]:
        """How webhook endpoints do; no question while there is none."""
        services = self._services
        return await services.webhook_store.figures() if services.webhook_presence.seen else []

"""What whoever sends webhooks reads and writes: the lease, the endpoints, cursors, deliveries.

A cursor moves in the same statement that stores what could not be sent, and only under the lease; so a process that dies, or that was
replaced while it slept, loses nothing. What it sent and could not store is sent again.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from actors.database.pool import SQL, Pool
from actors.stores.api_keys import Bound
from actors.stores.webhook_endpoints import (
    PENDING_MAX,
    DeliveryState,
    EndpointState,
    StoredDelivery,
    delivery_of,
)

LEASE_S: Final = 6.0
"""Whoever does not renew the lease for so long is replaced."""
DELIVERED_ROWS_MAX: Final = 10_000
"""Of the log of one endpoint: at two deliveries a second more than an hour."""
DEAD_ROWS_MAX: Final = 10_000
"""Dead letters of one endpoint; what they were of stays in the journal."""
LOG_KEPT: Final = timedelta(days=30)
"""Of what is delivered or dead."""
HISTORY_MAX: Final = 20
"""Attempts of one delivery before the last one: a whole schedule, and what was tried by hand."""
ASKED_AT_ONCE: Final = 1_000
SCOPES_SENT: Final = ("webhooks", "admin")
"""An endpoint is sent to as long as its account has a key with one of these that works."""


class SendingEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as whoever sends needs it. `secrets`: newest first; `bound` None: events of all wallets."""

    id: uuid.UUID
    account: int
    url: str
    types: tuple[str, ...] | None
    ordered: bool
    version: int
    places: tuple[int, ...]
    failing_since: datetime | None
    bound: Bound | None
    secrets: tuple[bytes, ...]


class DeliveryRow(NamedTuple):
    """A delivery as it is stored first. `event`, `payer` and `payee` are addresses."""

    id: uuid.UUID
    event: int
    message: uuid.UUID
    type: str
    payer: int
    payee: int
    state: DeliveryState
    tries: int
    next_at: datetime | None
    tried_at: datetime | None
    took_ms: int | None
    status: int | None
    error: str | None


class TriedRow(NamedTuple):
    """What came of one more attempt at a stored delivery."""

    id: uuid.UUID
    state: DeliveryState
    tries: int
    next_at: datetime | None
    tried_at: datetime
    took_ms: int
    status: int | None
    error: str | None


class Counts(NamedTuple):
    """Attempts that were answered well, and that were not; since when nothing got through, None while something does."""

    delivered: int
    failed: int
    failing_since: datetime | None


class SendingStore:
    """The tables of webhooks for one holder of the lease. Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._holder = uuid.uuid4()

    async def take_lease(self) -> bool:
        """Take or renew the lease; False while another process has it."""
        return await self._pool.fetchval("webhook_lease_take", self._holder, timedelta(seconds=LEASE_S)) is not None

    async def end_lease(self) -> None:
        """Let another process take it at once."""
        await self._pool.fetch("webhook_lease_end", self._holder)

    async def endpoints(self) -> list[SendingEndpoint]:
        """All that are to be sent to."""
        return [_endpoint(row) for row in await self._pool.fetch("webhook_enabled", list(SCOPES_SENT))]

    async def pending(self, endpoint: uuid.UUID) -> list[StoredDelivery]:
        """What waits to be sent again, oldest first."""
        return [delivery_of(row) for row in await self._pool.fetch("webhook_pending", endpoint, 2 * PENDING_MAX)]

    async def asked(self, endpoints: Sequence[uuid.UUID]) -> list[StoredDelivery]:
        """What was asked for by hand, of these endpoints: others, which are disabled or have no key, would be in everybody's way."""
        return [delivery_of(row) for row in await self._pool.fetch("webhook_asked", endpoints, ASKED_AT_ONCE)]

    async def taken(self, asked: Sequence[StoredDelivery]) -> None:
        """These are known to wait now."""
        endpoints, ids = [each.endpoint for each in asked], [each.id for each in asked]
        await self._pool.fetch("webhook_asked_taken", endpoints, ids, self._holder)

    async def sent(
        self, endpoint: SendingEndpoint, places: Sequence[int], counts: Counts, rows: Sequence[DeliveryRow]
    ) -> bool:
        """Events up to `places` are sent, or are among `rows`. False when nothing was stored: the owner has changed the endpoint, or
        another process has the lease."""
        columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in DeliveryRow._fields]
        values = (endpoint.id, endpoint.version, self._holder, list(places), *counts, *columns)
        async with self._pool.session() as session, session.transaction():
            await session.execute("SET LOCAL synchronous_commit = off")
            moved: int = await session.fetchval(SQL["webhook_sent"], *values)
        return moved == 1

    async def tried(self, endpoint: uuid.UUID, counts: Counts, rows: Sequence[TriedRow]) -> None:
        """Store what came of further attempts; what a crash of the database loses of it is tried again."""
        ids, states, tries, next_at, tried_at, took, statuses, errors = (
            [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in TriedRow._fields]
        )
        values = (endpoint, self._holder, ids, states, tries, next_at, tried_at, took, statuses, HISTORY_MAX)
        async with self._pool.session() as session, session.transaction():
            await session.execute("SET LOCAL synchronous_commit = off")
            await session.execute(SQL["webhook_tried"], *values, *counts, errors)

    async def disable(self, endpoint: SendingEndpoint, state: EndpointState) -> bool:
        """Send there no longer; False when the owner has changed the endpoint meanwhile."""
        values = endpoint.id, endpoint.version, state
        return await self._pool.fetchval("webhook_disable", *values) is not None

    async def prune(self, endpoint: uuid.UUID) -> None:
        """Delete what the log keeps no longer."""
        for state, most in ((DeliveryState.DELIVERED, DELIVERED_ROWS_MAX), (DeliveryState.DEAD, DEAD_ROWS_MAX)):
            await self._pool.fetch("webhook_log_prune", endpoint, state, most, LOG_KEPT)


def _endpoint(row: Any) -> SendingEndpoint:
    bound = Bound(frozenset(row["wallets"]), frozenset(row["owners"])) if row["bound"] else None
    return SendingEndpoint(
        id=row["id"],
        account=row["account"],
        url=row["url"],
        types=None if row["types"] is None else tuple(row["types"]),
        ordered=row["ordered"],
        version=row["version"],
        places=tuple(row["places"]),
        failing_since=row["failing_since"],
        bound=bound,
        secrets=tuple(row["secrets"]),
    )

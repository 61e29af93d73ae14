"""Webhook endpoints and their deliveries, as owners see and change them.

Each change counts up the endpoint's version, so that whoever sends at the time never moves a cursor that was set meanwhile.
"""

import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final

import msgspec

from actors.database.pool import SQL, Pool

ENDPOINTS_MAX: Final = 100
"""Of a cluster: whoever sends reads the journal for each of them."""
ENDPOINTS_OF_ONE_MAX: Final = 16
"""Of one account."""
SECRET_BYTES: Final = 32
"""Standard Webhooks has 24 to 64."""
OLD_SECRETS_MAX: Final = 3
"""Of one endpoint, that sign beside the newest: each adds 50 characters to a header."""
PENDING_MAX: Final = 10_000
"""Deliveries of one endpoint that wait to be sent again, 3 MB: when there are as many, its cursor waits too. The journal is the queue."""
ASKED_MAX: Final = 1_000
"""Dead letters that one call sends again."""
_STEP_BITS: Final = 12


class EndpointState(IntEnum):
    """Whether it is sent to."""

    ENABLED = 0
    DISABLED = 1
    FAILED = 2
    GONE = 3


class DeliveryState(IntEnum):
    """What became of a delivery."""

    PENDING = 0
    DELIVERED = 1
    DEAD = 2


class StoredEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as its owner sees it. `types` None: all. `secrets`: how many sign now."""

    id: uuid.UUID
    account: int
    name: str
    url: str
    description: str
    types: tuple[str, ...] | None
    ordered: bool
    state: EndpointState
    made_at: datetime
    failing_since: datetime | None
    delivered: int
    failed: int
    pending: int
    dead: int
    secrets: int


Also = Callable[[Any, StoredEndpoint], Awaitable[None]]
"""What is done in the transaction of a change: its session, and the endpoint as it is then."""


class EndpointFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint does. `failing_s`: seconds since nothing gets through; `behind`: blocks of the journal that are not read yet;
    `unattended`: no process sends."""

    id: uuid.UUID
    url: str
    state: EndpointState
    delivered: int
    failed: int
    failing_s: float | None
    pending: int
    dead: int
    behind: int
    unattended: bool


class NewEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What an owner says of an endpoint; `places`: from where on, by shard."""

    account: int
    url: str
    description: str
    types: Sequence[str] | None
    ordered: bool
    places: Sequence[int]


class EndpointChange(msgspec.Struct, frozen=True, kw_only=True):
    """What shall change; None: stays. `types` counts where `types_change` says so."""

    url: str | None = None
    description: str | None = None
    types_change: bool = False
    types: Sequence[str] | None = None
    ordered: bool | None = None
    state: EndpointState | None = None
    places: Sequence[int] | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt: the status that was answered, or why there was no answer."""

    tried_at: datetime
    took_ms: int | None
    status: int | None
    error: str | None


class StoredDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery. `event`: address of its record, 0 of a test; `payer`, `payee`: its wallets; `tries`: attempts of the schedule that is
    under way; `attempts`: all that are remembered, oldest first."""

    endpoint: uuid.UUID
    id: uuid.UUID
    event: int
    message: uuid.UUID
    type: str
    payer: int
    payee: int
    state: DeliveryState
    tries: int
    next_at: datetime | None
    attempts: tuple[Attempt, ...]


class OrderedIds:
    """UUIDs of version 7: each is greater than the one before from here, and ids ascend with time everywhere."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> uuid.UUID:
        """The next one."""
        now = time.time_ns() // 1_000_000 << _STEP_BITS
        self._last = max(self._last + 1, now)
        ms, step = self._last >> _STEP_BITS, self._last & (1 << _STEP_BITS) - 1
        return uuid.UUID(int=ms << 80 | 7 << 76 | step << 64 | 2 << 62 | secrets.randbits(62))


class WebhookStore:
    """Endpoints in PostgreSQL. Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ids = OrderedIds()

    async def any(self) -> bool:
        """Whether there is an endpoint at all."""
        found: bool = await self._pool.fetchval("webhook_any")
        return found

    async def add(self, new: NewEndpoint, also: Also | None = None) -> tuple[StoredEndpoint, bytes] | None:
        """A new endpoint and its secret; None when there are as many as there may be."""
        identity, secret = uuid.uuid4(), secrets.token_bytes(SECRET_BYTES)
        types = None if new.types is None else list(new.types)
        values = (identity, new.account, new.url, new.description, types, new.ordered, list(new.places))
        async with self._pool.session() as session, session.transaction():
            await session.execute(SQL["webhook_lock"])
            limits = ENDPOINTS_MAX, ENDPOINTS_OF_ONE_MAX
            if await session.fetchval(SQL["webhook_add"], *values, *limits, secret) is None:
                return None
            stored = _endpoint(await session.fetchrow(SQL["webhook_page"], None, identity, None, 1))
            if also is not None:
                await also(session, stored)
        return stored, secret

    async def page(
        self, account: int | None, after: uuid.UUID | None, limit: int, only: uuid.UUID | None = None
    ) -> list[StoredEndpoint]:
        """Endpoints of an account, or of all where it is None, by ascending ids."""
        return [_endpoint(row) for row in await self._pool.fetch("webhook_page", account, only, after, limit)]

    async def one(self, account: int | None, identity: uuid.UUID) -> StoredEndpoint | None:
        """One endpoint of an account, or of any where it is None."""
        found = await self.page(account, None, 1, identity)
        return found[0] if found else None

    async def change(self, identity: uuid.UUID, change: EndpointChange) -> bool:
        """Change an endpoint; False when there is none."""
        types = None if change.types is None else list(change.types)
        places = None if change.places is None else list(change.places)
        values = (change.url, change.description, change.types_change, types, change.ordered, change.state, places)
        return await self._pool.fetchval("webhook_change", identity, *values) is not None

    async def remove(self, identity: uuid.UUID) -> bool:
        """Remove an endpoint with all that is kept of it; False when there is none."""
        return await self._pool.fetchval("webhook_remove", identity) is not None

    async def rotate(self, identity: uuid.UUID, overlap: timedelta, also: Also | None = None) -> bytes | None:
        """A new secret; those before it sign as well for `overlap`. None when there is no such endpoint."""
        secret = secrets.token_bytes(SECRET_BYTES)
        async with self._pool.session() as session, session.transaction():
            if await session.fetchval(SQL["webhook_secret_add"], identity, secret) is None:
                return None
            await session.execute(SQL["webhook_secrets_expire"], identity, overlap, OLD_SECRETS_MAX)
            if also is not None:
                await also(session, _endpoint(await session.fetchrow(SQL["webhook_page"], None, identity, None, 1)))
        return secret

    async def figures(self) -> list[EndpointFigures]:
        """How all endpoints do."""
        return [
            EndpointFigures(
                **{name: row[name] for name in EndpointFigures.__struct_fields__ if name != "state"},
                state=EndpointState(row["state"]),
            )
            for row in await self._pool.fetch("webhook_figures")
        ]

    # Deliveries.

    async def deliveries(
        self,
        endpoint: uuid.UUID,
        before: uuid.UUID | None,
        limit: int,
        state: DeliveryState | None = None,
        message: uuid.UUID | None = None,
    ) -> list[StoredDelivery]:
        """What is kept of an endpoint's deliveries, newest first."""
        rows = await self._pool.fetch("webhook_deliveries", endpoint, before, state, message, limit)
        return [delivery_of(row) for row in rows]

    async def deliveries_of(
        self, account: int | None, messages: Sequence[uuid.UUID], before: uuid.UUID | None, limit: int
    ) -> list[StoredDelivery]:
        """What is kept of deliveries about some events, newest first: to the endpoints of an account, or of all where that is None."""
        rows = await self._pool.fetch("webhook_deliveries_of", account, messages, before, limit)
        return [delivery_of(row) for row in rows]

    async def delivery(self, endpoint: uuid.UUID, identity: uuid.UUID) -> StoredDelivery | None:
        """One delivery."""
        row = await self._pool.fetchrow("webhook_delivery_one", endpoint, identity)
        return None if row is None else delivery_of(row)

    async def has_room(self, endpoint: uuid.UUID, more: int = 1) -> bool:
        """Whether so many more deliveries may wait."""
        pending: int = await self._pool.fetchval("webhook_pending_count", endpoint)
        return pending + more <= PENDING_MAX + ASKED_MAX

    async def test(self, endpoint: uuid.UUID, kind: str) -> StoredDelivery:
        """Ask for a test event to be sent."""
        row = await self._pool.fetchrow("webhook_test", endpoint, self._ids.next(), uuid.uuid4(), kind)
        return delivery_of(row)

    async def ask(self, endpoint: uuid.UUID, identity: uuid.UUID) -> StoredDelivery | None:
        """Ask for a delivery to be sent again, as if for the first time. None when it is not kept."""
        row = await self._pool.fetchrow("webhook_ask", endpoint, identity)
        return None if row is None else delivery_of(row)

    async def ask_dead(self, endpoint: uuid.UUID) -> int:
        """Ask for dead letters to be sent again, the oldest ASKED_MAX of them; gives how many."""
        return len(await self._pool.fetch("webhook_ask_dead", endpoint, ASKED_MAX))


def delivery_of(row: Any) -> StoredDelivery:
    """A delivery from its row."""
    earlier = msgspec.json.decode(row["history"], type=tuple[Attempt, ...])
    last = () if row["tried_at"] is None else (_attempt(row),)
    return StoredDelivery(
        endpoint=row["endpoint"],
        id=row["id"],
        event=row["event"],
        message=row["message"],
        type=row["type"],
        payer=row["payer"],
        payee=row["payee"],
        state=DeliveryState(row["state"]),
        tries=row["attempts"],
        next_at=row["next_at"],
        attempts=(*earlier, *last),
    )


def _attempt(row: Any) -> Attempt:
    return Attempt(tried_at=row["tried_at"], took_ms=row["took_ms"], status=row["status"], error=row["error"])


def _endpoint(row: Any) -> StoredEndpoint:
    return StoredEndpoint(
        id=row["id"],
        account=row["account"],
        name=row["name"],
        url=row["url"],
        description=row["description"],
        types=None if row["types"] is None else tuple(row["types"]),
        ordered=row["ordered"],
        state=EndpointState(row["state"]),
        made_at=row["made_at"],
        failing_since=row["failing_since"],
        delivered=row["delivered"],
        failed=row["failed"],
        pending=row["pending"],
        dead=row["dead"],
        secrets=row["secrets"],
    )

"""Proposals in PostgreSQL: a call that one account asks for and another one approves.

Who made one never approves it, whatever key is used: the statement that takes the step compares accounts.

A proposal is marked as being carried out before it is, so nobody can decline it meanwhile; the process may die then, and whoever approves
it again carries it out once more.
"""

import os
import time
import uuid
from datetime import datetime
from enum import IntEnum
from typing import Any, Final

import msgspec

from actors.database.pool import SQL, Pool

OPEN_MAX: Final = 1_000
"""More than people read."""
LAST: Final = uuid.UUID(int=2**128 - 1)
"""Behind every proposal."""


class ProposalState(IntEnum):
    """As the table has them; EXPIRED is none of its: it follows from the time."""

    OPEN = 0
    CARRYING_OUT = 1
    APPROVED = 2
    DECLINED = 3
    EXPIRED = 4


class NewProposal(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is asked for; `body` is JSON, empty for none."""

    method: str
    path: str
    body: str
    reason: str


class StoredProposal(NewProposal, frozen=True, kw_only=True):
    """`maker`: number of the account that made it; others by name."""

    id: uuid.UUID
    state: ProposalState
    maker: int
    made_by: str
    made_at: datetime
    expires_at: datetime
    answered_by: str | None
    answered_at: datetime | None


class ProposalsFull(Exception):
    """As many are open as there can be."""


class ProposalStore:
    """Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, proposal: NewProposal, account: int, hours: int) -> uuid.UUID:
        """Make one that can be answered for so many hours. Raises ProposalsFull."""
        identity = _ascending_id()
        async with self._pool.session(len(proposal.body)) as session, session.transaction():
            await session.execute(SQL["proposals_lock"])
            if await session.fetchval(SQL["proposals_open"]) >= OPEN_MAX:
                raise ProposalsFull
            await session.execute(
                SQL["proposal_add"],
                *(identity, proposal.method, proposal.path, proposal.body, proposal.reason, account, hours),
            )
        return identity

    async def one(self, identity: uuid.UUID) -> StoredProposal | None:
        """A proposal by its id."""
        row = await self._pool.fetchrow("proposal_one", identity)
        return None if row is None else _stored(row)

    async def page(self, before: uuid.UUID, limit: int, *, open_only: bool) -> list[StoredProposal]:
        """Newest first, those before an id."""
        return [_stored(row) for row in await self._pool.fetch("proposals_page", before, limit, open_only)]

    async def begin(self, identity: uuid.UUID, account: int) -> bool:
        """Somebody else than who made it begins to carry it out; False when nobody can, or not this one."""
        return await self._step(
            identity, (ProposalState.OPEN, ProposalState.CARRYING_OUT), ProposalState.CARRYING_OUT, account
        )

    async def done(self, identity: uuid.UUID, account: int) -> None:
        """What was begun is done."""
        await self._step(identity, (ProposalState.CARRYING_OUT,), ProposalState.APPROVED, account)

    async def give_back(self, identity: uuid.UUID) -> None:
        """What was begun is refused: it can be answered again."""
        await self._pool.fetch("proposal_back", identity)

    async def decline(self, identity: uuid.UUID, account: int) -> bool:
        """Anybody declines it, who made it too; False when it is over or being carried out."""
        return await self._step(identity, (ProposalState.OPEN,), ProposalState.DECLINED, account, own=True)

    async def _step(
        self,
        identity: uuid.UUID,
        of: tuple[ProposalState, ...],
        to: ProposalState,
        account: int,
        *,
        own: bool = False,
    ) -> bool:
        return await self._pool.fetchval("proposal_step", identity, list(of), to, account, own) is not None


def _ascending_id() -> uuid.UUID:
    """A UUID of version 7: they ascend with time."""
    ms, random = time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10), "big")
    return uuid.UUID(int=ms << 80 | 7 << 76 | (random >> 68 & 0xFFF) << 64 | 2 << 62 | random & (1 << 62) - 1)


def _stored(row: Any) -> StoredProposal:
    return StoredProposal(
        id=row["id"],
        method=row["method"],
        path=row["path"],
        body=row["body"],
        reason=row["reason"],
        state=ProposalState.EXPIRED
        if row["over"] and row["state"] == ProposalState.OPEN
        else ProposalState(row["state"]),
        maker=row["made_by"],
        made_by=row["maker"],
        made_at=row["made_at"],
        expires_at=row["expires_at"],
        answered_by=row["answerer"],
        answered_at=row["answered_at"],
    )

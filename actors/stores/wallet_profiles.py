"""What the ledger need not know of a wallet.

A row is reserved, external id included, before the wallet exists.

The reservation is a transaction of its own, keyed by (account, key): whoever comes again with the same key finds it and goes on where
the first left off, so a process that dies between reservation and ledger leaves nothing that a retry does not heal.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, Final

import asyncpg
import msgspec

from actors.database.pool import SQL, Pool, size_of, without_deadlock
from actors.records.addresses import OPERATOR_SEGMENT, wallet_address
from actors.records.layout import OPERATOR_KINDS
from actors.stores.api_keys import Bound
from rules.vocabulary.encodings import WalletKind

_OPERATOR_KINDS: Final = [int(kind) for kind in OPERATOR_KINDS]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet that someone asks for. `keyless`: the caller gave no key, so the same body may adopt an unfinished reservation."""

    key_hash: bytes
    keyless: bool
    digest: bytes
    kind: WalletKind
    currency: int
    home: int
    external_id: str | None
    owner: str | None
    attributes: str | None
    metadata: str | None


class Reason(Enum):
    """Why a reservation was not made."""

    KEY_MISMATCH = "the key was used with another body"
    EXTERNAL_ID_TAKEN = "another wallet has the external id"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """No reservation. `address`: the wallet that has the external id, 0 when it is another account's or not open yet."""

    reason: Reason
    address: int = 0


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """A reserved row. `key_hash` is the key under which the ledger opens it; `operator_address` is set for operator wallets;
    `address` once the wallet exists."""

    key_hash: bytes
    home: int
    operator_address: int
    address: int


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept beside the ledger's row; attributes and metadata as JSON text."""

    external_id: str | None = None
    owner: str | None = None
    attributes: str | None = None
    metadata: str | None = None


class Change(msgspec.Struct, frozen=True):
    """A new value of a profile's field."""

    value: str | None


class OperatorWalletsFull(Exception):
    """All slots of the operators' segment are given out."""


class WalletStore:
    """Profiles in PostgreSQL. All methods raise StoreUnavailable when it is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def reserve(self, account: int, candidates: Sequence[Candidate]) -> list[Reservation | Refusal]:
        """Reserve rows, in one transaction; the outcome of each, in order. Raises OperatorWalletsFull."""
        try:
            await without_deadlock(lambda: self._reserve(account, candidates))
        except asyncpg.CheckViolationError as error:
            raise OperatorWalletsFull from error
        return await self._outcomes(account, candidates)

    async def _reserve(self, account: int, candidates: Sequence[Candidate]) -> None:
        columns = _columns(candidates)
        async with self._pool.session(size_of(columns)) as session, session.transaction():
            await session.execute(SQL["wallet_reserve"], account, *columns)
            operators = [c.key_hash for c in candidates if c.kind in OPERATOR_KINDS]
            if operators:
                await session.execute(SQL["wallet_slots_lock"])
                await session.execute(SQL["wallet_slots_give"], account, operators, _OPERATOR_KINDS)

    async def _outcomes(self, account: int, candidates: Sequence[Candidate]) -> list[Reservation | Refusal]:
        rows = await self._pool.fetch("wallet_reserved", account, [c.key_hash for c in candidates])
        by_key = {row["key_hash"]: row for row in rows}
        wanted = [c.external_id for c in candidates if c.key_hash not in by_key and c.external_id is not None]
        by_name = {}
        if wanted:
            by_name = {row["external_id"]: row for row in await self._pool.fetch("wallet_external_ids", wanted)}
        return [_outcome(account, c, by_key.get(c.key_hash), by_name.get(c.external_id)) for c in candidates]

    async def opened(self, account: int, addresses: dict[bytes, int]) -> None:
        """Fill in the addresses of wallets, by key hash."""
        columns = list(addresses), list(addresses.values())
        await without_deadlock(lambda: self._pool.fetch("wallet_opened", account, *columns))

    async def profiles(self, addresses: Iterable[int]) -> dict[int, Profile]:
        """Profiles by address; wallets without one are left out."""
        return {
            row["address"]: Profile(
                external_id=row["external_id"],
                owner=row["owner"],
                attributes=row["attributes"],
                metadata=row["metadata"],
            )
            for row in await self._pool.fetch("wallet_profiles", list(addresses))
        }

    async def owners(self, addresses: Sequence[int]) -> dict[int, str]:
        """Owners of wallets by address; those that have none are left out."""
        return {row[0]: row[1] for row in await self._pool.fetch("wallet_owners", addresses)}

    async def with_external_id(self, external_id: str, after: int, limit: int, bound: Bound | None) -> list[int]:
        """Addresses above `after` of wallets with this external id: one or none; of them those to which an account is bound."""
        rows = await self._pool.fetch("wallet_by_external_id", external_id, after, limit, *_bound_to(bound))
        return [row[0] for row in rows]

    async def with_owner(self, owner: str, after: int, limit: int, bound: Bound | None) -> list[int]:
        """Addresses above `after` of an owner's wallets, ascending; of them those to which an account is bound."""
        rows = await self._pool.fetch("wallet_by_owner", owner, after, limit, *_bound_to(bound))
        return [row[0] for row in rows]

    async def patch(
        self, address: int, owner: Change | None, attributes: Change | None, metadata: Change | None
    ) -> bool:
        """Set fields of a profile; False when the wallet has none."""
        values: list[Any] = []
        for change in (owner, attributes, metadata):
            values += (change is not None, change.value if change is not None else None)
        return await self._pool.fetchval("wallet_patch", address, *values) is not None


def _bound_to(bound: Bound | None) -> tuple[list[int] | None, list[str]]:
    return (None, []) if bound is None else (list(bound.wallets), list(bound.owners))


def _columns(candidates: Sequence[Candidate]) -> list[list[Any]]:
    """The candidates as columns. In the order of their names, so that two batches never wait for each other in a circle; of two
    with the same name the first wins."""
    ordered = sorted(candidates, key=lambda c: c.external_id or "")
    return [
        [getattr(c, name) for c in ordered]
        for name in (
            "key_hash",
            "digest",
            "external_id",
            "owner",
            "attributes",
            "metadata",
            "kind",
            "currency",
            "home",
        )
    ]


def _outcome(account: int, candidate: Candidate, mine: Any, named: Any) -> Reservation | Refusal:
    if mine is not None:
        same = mine["digest"] == candidate.digest
        return _reservation(mine) if same else Refusal(reason=Reason.KEY_MISMATCH)
    if named is None or named["account"] != account:
        return Refusal(reason=Reason.EXTERNAL_ID_TAKEN)
    if candidate.keyless and named["digest"] == candidate.digest and named["address"] is None:
        return _reservation(named)
    return Refusal(reason=Reason.EXTERNAL_ID_TAKEN, address=named["address"] or 0)


def _reservation(row: Any) -> Reservation:
    return Reservation(
        key_hash=row["key_hash"],
        home=row["home"],
        operator_address=wallet_address(OPERATOR_SEGMENT, row["slot"]) if row["slot"] is not None else 0,
        address=row["address"] or 0,
    )

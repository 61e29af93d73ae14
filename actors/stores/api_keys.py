"""API keys at rest: only their SHA-256 is kept.

That is enough for 256 random bits, and nothing gives the key back.

A key belongs to an account; keys made with the same name belong to the same account, so rotating a key changes nothing for the
ledger, where the account is the caller. An account may be bound to wallets, from its first key on: docs/reference/access.md has the rules.
"""

import base64
import hashlib
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from actors.database.pool import SQL, Pool
from actors.records.secret import Secret
from actors.stores.scopes import BOUND_SCOPES, SCOPES

BOOTSTRAP: Final = "bootstrap"
"""Name and account of the key that `serve` is given in its environment."""
_SECRET_BYTES: Final = 32
WALLETS_MAX: Final = 100
"""Wallets to which an account is bound one by one, and owners: every front door keeps them with each key that it remembers."""
OWNERS_MAX: Final = 20
SCENARIOS_MAX: Final = 100
"""Scenarios in which a bound account may ask."""


class Bound(msgspec.Struct, frozen=True):
    """The wallets of a bound account: these addresses, and whatever belongs to these owners; and the scenarios in which it may ask."""

    wallets: frozenset[int]
    owners: frozenset[str]
    scenarios: frozenset[str] = frozenset()


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """To what a key binds its account, beside what it is bound to already: addresses of wallets, owners, names of scenarios."""

    wallets: Sequence[int] = ()
    owners: Sequence[str] = ()
    scenarios: Sequence[str] = ()


NOTHING_BOUND: Final = Binding()


class Principal(msgspec.Struct, frozen=True):
    """Whom a key speaks for and what it may; `bound` None: on all wallets. `key`: its id; requests a second: 0 as many as the account."""

    account: int
    scopes: frozenset[str]
    bound: Bound | None = None
    key: str = ""
    reads_per_s: int = 0
    writes_per_s: int = 0


class KeyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Requests a second that a key may make at one front door; None: as many as its account may."""

    reads_per_s: int | None = None
    writes_per_s: int | None = None


NO_LIMITS: Final = KeyLimits()
Life = timedelta | datetime | None
"""For how long a key works, or until when; None: until it is revoked."""
Limit = int | UnsetType | None
"""Another limit of a key; None: none, UNSET: as it is."""
Also = Callable[[Any, str], Awaitable[None]]
"""What is done in the transaction of a change: its session, and the id of the key."""


async def _nothing(session: Any, identity: str) -> None:
    """Nothing else."""


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key; `key` is shown once and kept nowhere. `expires_at` None: it works until it is revoked."""

    id: str
    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    key: str


class ListedBound(msgspec.Struct, frozen=True, kw_only=True):
    """To what an account is bound: ids of wallets, owners, scenarios."""

    wallets: tuple[str, ...]
    owners: tuple[str, ...]
    scenarios: tuple[str, ...]


class ListedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as far as it is known; `bound` None: on all wallets. `last_used_at`: to a minute."""

    id: str
    account: int
    name: str
    scopes: tuple[str, ...]
    limits: KeyLimits
    state: Literal["active", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    bound: ListedBound | None


class KeyRefused(ValueError):
    """A key that cannot be made so: an unknown scope, or a binding that does not go with the account. One line for the operator."""


class LastKey(Exception):
    """Without this key nobody could make keys any more but where the database is."""


def key_hash(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


class KeyStore:
    """Keys in PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, hashes: Sequence[bytes]) -> dict[bytes, Principal]:
        """Whom keys speak for, by their hashes; those that do not exist, are revoked or have expired are left out."""
        rows = await self._pool.fetch("key_find", hashes)
        return {
            row["hash"]: Principal(
                row["account"],
                frozenset(row["scopes"]),
                _bound_of(row) if row["bound"] else None,
                str(row["id"]),
                row["reads_per_s"],
                row["writes_per_s"],
            )
            for row in rows
        }

    async def accounts(self, numbers: Iterable[int]) -> dict[int, str]:
        """Names of accounts by number."""
        wanted = sorted(set(numbers))
        return {row["id"]: row["name"] for row in await self._pool.fetch("account_names", wanted)} if wanted else {}

    async def merchants(self, names: Iterable[str]) -> dict[str, int]:
        """Numbers of accounts by name, of those that have a merchant's key."""
        return {row["name"]: row["id"] for row in await self._pool.fetch("merchant_accounts", list(names))}

    async def create(
        self,
        name: str,
        scopes: Sequence[str],
        binding: Binding = NOTHING_BOUND,
        life: Life = None,
        limits: KeyLimits = NO_LIMITS,
        also: Also = _nothing,
    ) -> CreatedKey:
        """A new key of the account called `name`, which is bound from now on also to this. Raises
        KeyRefused."""
        identity, key = _new_key()
        async with self._pool.session() as session, session.transaction():
            account = await _account(session, name, scopes, binding)
            ends = await session.fetchval(
                SQL["key_create"],
                *(
                    identity,
                    account,
                    name,
                    list(scopes),
                    key_hash(key),
                    *_ends(life),
                    limits.reads_per_s,
                    limits.writes_per_s,
                ),
            )
            await also(session, str(identity))
        return CreatedKey(id=str(identity), name=name, scopes=tuple(scopes), expires_at=ends, key=key)

    async def rotate(
        self, identity: str, overlap: timedelta, life: Life | UnsetType = UNSET, also: Also = _nothing
    ) -> CreatedKey:
        """A new key in place of another, of the same account, scopes and limits. The other one works on for `overlap`; `life` UNSET: the
        new one ends when the other one would have. Raises KeyRefused."""
        number = _number(identity)
        made, key = _new_key()
        row = None
        if number is not None:
            async with self._pool.session() as session, session.transaction():
                keeps, ends = life is UNSET, (None, None) if life is UNSET else _ends(life)
                row = await session.fetchrow(SQL["key_rotated"], number, made, key_hash(key), overlap, keeps, *ends)
                if row is not None:
                    await also(session, str(made))
        if row is None:
            raise KeyRefused(f"there is no key {identity} that works")
        return CreatedKey(
            id=str(made), name=row["name"], scopes=tuple(row["scopes"]), expires_at=row["expires_at"], key=key
        )

    async def page(
        self, secret: Secret, after: tuple[datetime, uuid.UUID] | None, limit: int, account: int | None = None
    ) -> list[ListedKey]:
        """At most `limit` keys, newest first, revoked ones too; `after`: when the last one seen was made, and its id; `account`: of that
        one alone."""
        made, identity = after or (None, None)
        rows = await self._pool.fetch("key_page", made, identity, limit, account, None)
        return [_listed_key(secret, row) for row in rows]

    async def one(self, secret: Secret, identity: str) -> ListedKey | None:
        """A key by its id."""
        async with self._pool.session() as session:
            return await key_in(session, secret, identity)

    async def list(self, secret: Secret) -> list[ListedKey]:
        """All keys, oldest first, revoked ones too. `secret`: the cluster's, for the ids of wallets."""
        rows = await self._pool.fetch("key_page", None, None, None, None, None)
        return [_listed_key(secret, row) for row in reversed(rows)]

    async def change(
        self,
        identity: str,
        ends: datetime | UnsetType | None,
        reads_per_s: Limit,
        writes_per_s: Limit,
        also: Also = _nothing,
    ) -> bool:
        """Give a key that works another end (None: none) or other limits; False when there is none. Raises LastKey when it would end and is
        the last one that can make keys."""
        number = _number(identity)
        if number is None:
            return False
        async with self._pool.session() as session, session.transaction():
            if isinstance(ends, datetime):
                await _refuse_last(session, number)
            given = [
                part for value in (ends, reads_per_s, writes_per_s) for part in (value is not UNSET, value or None)
            ]
            changed = await session.fetchval(SQL["key_change"], number, *given) is not None
            if changed:
                await also(session, identity)
            return changed

    async def revoke(self, identity: str, *, keep_last: bool = False, also: Also = _nothing) -> bool:
        """End a key's life; False when there is no such key. Raises LastKey when it is the last one that can make keys and `keep_last`."""
        number = _number(identity)
        if number is None:
            return False
        async with self._pool.session() as session, session.transaction():
            if keep_last:
                await _refuse_last(session, number)
            revoked = await session.fetchval(SQL["key_revoke"], number) is not None
            if revoked:
                await also(session, identity)
            return revoked


async def key_in(session: Any, secret: Secret, identity: str) -> ListedKey | None:
    """A key by its id, as a transaction sees it."""
    number = _number(identity)
    row = None if number is None else await session.fetchrow(SQL["key_page"], None, None, 1, None, number)
    return None if row is None else _listed_key(secret, row)


async def _refuse_last(session: Any, number: uuid.UUID) -> None:
    await session.execute(SQL["keys_lock"])
    if await session.fetchval(SQL["key_is_last"], number):
        raise LastKey


async def ensure_bootstrap_key(connection: Any, key: str, also: Also = _nothing) -> None:
    """See to it that a key given from outside exists, with every scope; any number of times. One that was revoked stays so."""
    async with connection.transaction():
        account = await _account(connection, BOOTSTRAP, SCOPES, NOTHING_BOUND)
        made = await connection.fetchval(
            SQL["key_ensure"], uuid.uuid4(), account, BOOTSTRAP, list(SCOPES), key_hash(key)
        )
        if made is not None:
            await also(connection, str(made))


async def has_keys(connection: Any) -> bool:
    """Whether there is any key that works."""
    found: bool = await connection.fetchval(SQL["key_any"])
    return found


def _new_key() -> tuple[uuid.UUID, str]:
    """A key's id, and its text."""
    identity = uuid.uuid4()
    secret = base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
    return identity, f"sp_{identity.hex}_{secret}"


def _ends(life: Life) -> tuple[datetime | None, timedelta | None]:
    """When, or in how long by the database's clock."""
    return (life, None) if isinstance(life, datetime) else (None, life)


def _number(identity: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(identity)
    except ValueError:
        return None


def _bound_of(row: Any) -> Bound:
    return Bound(frozenset(row["wallets"]), frozenset(row["owners"]), frozenset(row["scenarios"]))


def _listed_key(secret: Secret, row: Any) -> ListedKey:
    return ListedKey(
        id=str(row["id"]),
        name=row["name"],
        scopes=tuple(row["scopes"]),
        account=row["account"],
        limits=KeyLimits(reads_per_s=row["reads_per_s"], writes_per_s=row["writes_per_s"]),
        state="revoked" if row["revoked_at"] else "expired" if row["expired"] else "active",
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        bound=_listed(secret, row) if row["bound"] else None,
    )


def _listed(secret: Secret, row: Any) -> ListedBound:
    return ListedBound(
        wallets=_ids(secret, sorted(row["wallets"])),
        owners=tuple(sorted(row["owners"])),
        scenarios=tuple(sorted(row["scenarios"])),
    )


def _ids(secret: Secret, wallets: Sequence[int]) -> tuple[str, ...]:
    if not wallets:
        return ()
    from actors.records.ids import encode_wallet  # kernels, which a list of other keys does not need

    return tuple(encode_wallet(secret, address) for address in wallets)


async def _account(connection: Any, name: str, scopes: Sequence[str], binding: Binding) -> int:
    """The account of a name, locked until the end of the transaction, and bound to what its next key brings. Raises KeyRefused."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise KeyRefused(f"unknown scope {', '.join(unknown) or '(none)'}; there are {', '.join(SCOPES)}")
    account: int = await connection.fetchval(SQL["key_account"], name)
    await _bind(connection, account, name, scopes, binding)
    return account


async def _bind(connection: Any, account: int, name: str, scopes: Sequence[str], binding: Binding) -> None:
    """Bind an account to more; its first key says whether it is bound at all."""
    found = await connection.fetchrow(SQL["account_bound"], account)
    asked = bool(binding.wallets or binding.owners or binding.scenarios)
    if asked and found["keys"] and not found["bound"]:
        raise KeyRefused(f"the account {name} has keys on all wallets; an account is bound from its first key on")
    if asked and name == BOOTSTRAP:
        raise KeyRefused(f"the account {BOOTSTRAP} has every scope on all wallets; take another name")
    beyond = sorted(set(scopes) - set(BOUND_SCOPES))
    if beyond and (asked or found["bound"]):
        raise KeyRefused(f"{name} is bound: its keys have the scopes {', '.join(BOUND_SCOPES)}, not {beyond[0]}")
    if any(not owner for owner in binding.owners):
        raise KeyRefused("an owner has a name")
    if binding.scenarios and "merchant" not in scopes:
        raise KeyRefused("scenarios go with the scope merchant")
    if asked or found["bound"]:
        await _bind_to(connection, account, name, binding)
        if "merchant" in scopes and not await connection.fetchval(SQL["account_scenarios"], account):
            raise KeyRefused(f"{name} is bound, so a merchant's key of it names the scenarios in which it may ask")


async def _bind_to(connection: Any, account: int, name: str, binding: Binding) -> None:
    counts = await connection.fetchrow(SQL["account_bind"], account, list(binding.wallets), list(binding.owners))
    scenarios = await connection.fetchval(SQL["account_bind_scenarios"], account, list(binding.scenarios))
    for count, most, what in (
        (counts["wallets"], WALLETS_MAX, "wallets"),
        (counts["owners"], OWNERS_MAX, "owners"),
        (scenarios, SCENARIOS_MAX, "scenarios"),
    ):
        if count > most:
            more = "; an owner has any number of wallets" if what != "scenarios" else ""
            raise KeyRefused(f"{name} would be bound to {count} {what}, and {most} are possible{more}")

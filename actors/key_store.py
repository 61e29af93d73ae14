"""API keys at rest: only the SHA-256 of a key is kept, which is enough for 256 random bits, and nothing gives the key back.

A key belongs to an account; keys made with the same name belong to the same account, so rotating a key changes nothing for the
ledger, where the account is the caller.
"""

import base64
import hashlib
import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from actors.pool import SQL, Pool
from actors.scopes import SCOPES

BOOTSTRAP: Final = "bootstrap"
"""Name and account of the key that `serve` is given in its environment."""
_SECRET_BYTES: Final = 32


class Principal(msgspec.Struct, frozen=True):
    """Whom a key speaks for and what it may."""

    account: int
    scopes: frozenset[str]


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key; `key` is shown once and kept nowhere."""

    id: str
    name: str
    scopes: tuple[str, ...]
    key: str


class ListedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as far as it is known."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


class UnknownScope(ValueError):
    """A scope that does not exist."""


def key_hash(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


class KeyStore:
    """Keys in PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, hashes: Sequence[bytes]) -> dict[bytes, Principal]:
        """Whom keys speak for, by their hashes; those that do not exist or are revoked are left out."""
        rows = await self._pool.fetch("key_find", hashes)
        return {row["hash"]: Principal(row["account"], frozenset(row["scopes"])) for row in rows}

    async def accounts(self, numbers: Iterable[int]) -> dict[int, str]:
        """Names of accounts by number."""
        wanted = sorted(set(numbers))
        return {row["id"]: row["name"] for row in await self._pool.fetch("account_names", wanted)} if wanted else {}

    async def create(self, name: str, scopes: Sequence[str]) -> CreatedKey:
        """A new key of the account called `name`. Raises UnknownScope."""
        identity = uuid.uuid4()
        secret = base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
        key = f"sp_{identity.hex}_{secret}"
        async with self._pool.session() as session:
            await _store(session, "key_create", identity, name, scopes, key)
        return CreatedKey(id=str(identity), name=name, scopes=tuple(scopes), key=key)

    async def list(self) -> list[ListedKey]:
        """All keys, oldest first, revoked ones too."""
        return [
            ListedKey(
                id=str(row["id"]),
                name=row["name"],
                scopes=tuple(row["scopes"]),
                created_at=row["created_at"],
                revoked_at=row["revoked_at"],
            )
            for row in await self._pool.fetch("key_list")
        ]

    async def revoke(self, identity: str) -> bool:
        """End a key's life; False when there is no such key."""
        try:
            number = uuid.UUID(identity)
        except ValueError:
            return False
        return await self._pool.fetchval("key_revoke", number) is not None


async def ensure_bootstrap_key(connection: Any, key: str) -> None:
    """See to it that a key given from outside exists, with every scope; any number of times. One that was revoked stays so."""
    await _store(connection, "key_ensure", uuid.uuid4(), BOOTSTRAP, SCOPES, key)


async def has_keys(connection: Any) -> bool:
    """Whether there is any key that works."""
    found: bool = await connection.fetchval(SQL["key_any"])
    return found


async def _store(
    connection: Any, statement: str, identity: uuid.UUID, name: str, scopes: Sequence[str], key: str
) -> None:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise UnknownScope(f"unknown scope {', '.join(unknown) or '(none)'}; there are {', '.join(SCOPES)}")
    async with connection.transaction():
        account = await connection.fetchval(SQL["key_account"], name)
        await connection.execute(SQL[statement], identity, account, name, list(scopes), key_hash(key))

"""Who is signed in to the console.

A session is a random token that stands for a key until it ends, and no longer than the key works. Of tokens, as of keys, only their SHA-256
is kept: nothing in the database, in a backup or at a replica signs anybody in.
"""

import base64
import secrets
from collections.abc import Sequence
from typing import Final

import msgspec

from actors.database.pool import Pool
from actors.stores.api_keys import KeyStore, Principal, key_hash

LIFE_S: Final = 12 * 3_600
"""A working day; then one signs in again."""
SESSIONS_OF_KEY_MAX: Final = 32
"""Of one key; the next sign-in ends the oldest, so that nobody fills the table."""
_TOKEN_BYTES: Final = 32


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a session speaks for, and the name of the account."""

    principal: Principal
    name: str


class ConsoleSessions:
    """Sessions in PostgreSQL, so that every front door knows them."""

    def __init__(self, pool: Pool, keys: KeyStore) -> None:
        self._pool = pool
        self._keys = keys

    async def open(self, key: str) -> str | None:
        """The token of a new session, None when the key does not work."""
        token = base64.urlsafe_b64encode(secrets.token_bytes(_TOKEN_BYTES)).rstrip(b"=").decode()
        others = SESSIONS_OF_KEY_MAX - 1
        opened = await self._pool.fetchval("session_open", key_hash(key), key_hash(token), LIFE_S, others)
        return None if opened is None else token

    async def find(self, hashes: Sequence[bytes]) -> dict[bytes, SignedIn]:
        """Whom sessions speak for, by the hashes of their tokens; those that have ended, or whose key was revoked, are left out."""
        rows = await self._pool.fetch("session_keys", hashes)
        principals = await self._keys.find(sorted({row["key"] for row in rows})) if rows else {}
        return {
            row["hash"]: SignedIn(principal=principals[row["key"]], name=row["name"])
            for row in rows
            if row["key"] in principals
        }

    async def close(self, token: str) -> None:
        """End a session; any number of times."""
        await self._pool.fetch("session_close", key_hash(token))

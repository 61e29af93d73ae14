"""Idempotency keys of batches and of changes outside the ledger: who sent what under which.

The keys of a batch's rows live in the ledger.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final, NamedTuple

import asyncpg

from actors.database.connection import CONNECT_TIMEOUT_S, SQL, UNAVAILABLE, connect
from actors.database.pool import SQL as SQL_OF_STORES
from actors.database.pool import Pool, StoreUnavailable
from actors.ledger.bounds import IDEMPOTENCY_WINDOW_MS

WINDOW: Final = timedelta(milliseconds=IDEMPOTENCY_WINDOW_MS)
FORGET_EVERY: Final = 500
"""Batches after which keys whose time is over are deleted, up to FORGOTTEN_MAX at once: the table shrinks faster than it grows."""
FORGOTTEN_MAX: Final = 1_000
FORGET_EVERY_S: Final = 3_600.0
"""So often they are deleted where hardly any batch comes: an answer says something of persons, and is kept no longer than it serves."""

_log = logging.getLogger(__name__)


class KeyInUse(Exception):
    """What was asked for first under a key still is not answered."""


class Bound(NamedTuple):
    """Whether a key is bound to the digest that was asked for, and what it was answered, if that is recorded."""

    same: bool
    answer: bytes | None


class BatchKeyStore:
    """Keys in PostgreSQL, for all front doors."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._used = 0

    async def use(self, account: int, key: bytes, digest: bytes) -> bool:
        """Bind a key (16 bytes) to a batch's digest (16 bytes), durably. False when it is bound to another. Raises StoreUnavailable."""
        return (await self.bound(account, key, digest)).same

    async def bound(self, account: int, key: bytes, digest: bytes) -> Bound:
        """The same, with what was recorded as the answer. Raises StoreUnavailable."""
        row = await self._pool.fetchrow("batch_key_use", account, key, digest, WINDOW)
        self._used += 1
        if self._used % FORGET_EVERY == 0:
            await self.forget()
        return Bound(row["digest"] == digest, row["answer"])

    async def forget(self) -> int:
        """Delete some of the keys whose time is over; gives how many. Raises StoreUnavailable."""
        return len(await self._pool.fetch("batch_keys_forget", WINDOW, FORGOTTEN_MAX))

    async def follow(self) -> None:
        """Delete all whose time is over, now and from time to time, for ever."""
        while True:
            try:
                while await self.forget() == FORGOTTEN_MAX:
                    pass
            except StoreUnavailable as error:
                _log.info("keys whose time is over stay for now: %s", error)
            await asyncio.sleep(FORGET_EVERY_S)

    async def record(self, account: int, key: bytes, answer: bytes) -> None:
        """Keep the answer to what a key is bound to. Raises StoreUnavailable."""
        await self._pool.fetch("batch_key_answer", account, key, answer)

    async def record_in(self, session: Any, account: int, key: bytes, answer: bytes) -> None:
        """The same, in a transaction with what it answers."""
        await session.execute(SQL_OF_STORES["batch_key_answer"], account, key, answer)

    async def release(self, account: int, key: bytes) -> None:
        """Forget a key whose change was refused: nothing was recorded under it. Raises StoreUnavailable."""
        await self._pool.fetch("batch_key_release", account, key)


@contextlib.asynccontextmanager
async def turn_of_key(url: str, account: int, key: bytes, wait_s: float) -> AsyncIterator[None]:
    """One caller after the other with a key, on all front doors; the turn of a process that dies ends with its session. In a session of
    its own: it may last longer than a statement of the pool, whose sessions the change itself needs. Raises KeyInUse, StoreUnavailable."""
    try:
        session = await connect(url, name="shardpay-key", lock_timeout=str(int(wait_s * 1000)))
        try:
            await session.execute(SQL["key_turn"], f"{account} {key.hex()}")
        except BaseException:
            session.terminate()
            raise
    except asyncpg.LockNotAvailableError:
        raise KeyInUse from None
    except UNAVAILABLE as error:
        raise StoreUnavailable(str(error) or type(error).__name__) from error
    try:
        yield
    finally:
        with contextlib.suppress(*UNAVAILABLE):
            await session.close(timeout=CONNECT_TIMEOUT_S)

"""Idempotency keys of whole batches: which body an account sent under which key.

The rows' own keys live in the ledger.
"""

from datetime import timedelta
from typing import Final

from actors.database.pool import Pool
from actors.ledger.ledger import IDEMPOTENCY_WINDOW_MS

WINDOW: Final = timedelta(milliseconds=IDEMPOTENCY_WINDOW_MS)
FORGET_EVERY: Final = 500
"""Batches after which keys whose time is over are deleted, up to 1,000 at once: the table shrinks faster than it grows."""


class BatchKeyStore:
    """Keys in PostgreSQL, for all front doors."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._used = 0

    async def use(self, account: int, key: bytes, digest: bytes) -> bool:
        """Bind a key (16 bytes) to a batch's digest (16 bytes), durably. False when it is bound to another. Raises StoreUnavailable."""
        bound = await self._pool.fetchval("batch_key_use", account, key, digest, WINDOW)
        self._used += 1
        if self._used % FORGET_EVERY == 0:
            await self._pool.fetch("batch_keys_forget", WINDOW)
        return bool(bound == digest)

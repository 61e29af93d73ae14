"""A transfer's home is the shard of its payer, or of its payee when an operator wallet pays.

Between operators the payer's id picks.

The shards use the same rule, so a key is always looked for where it was stored.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.database.pool import StoreUnavailable
from actors.records.addresses import OPERATOR_SEGMENT, SEGMENTS_MAX, home_wallet, home_wallets, segment_of

UNKNOWN: Final = -1
"""The home of a wallet in a segment that no shard owns."""
OPERATOR: Final = -2
"""In the map of segments: the operators' segment, which every shard has."""

READ_EVERY_S: Final = 5.0
"""So long may a front door take a segment for a shard's that lost it with the database's last commits."""

_log = logging.getLogger(__name__)


class Topology:
    """Which shard owns which segment; `load` reads it anew, and is asked when a segment is unknown."""

    def __init__(self, shards: int, load: Callable[[], Awaitable[dict[int, int]]]) -> None:
        self.shards = shards
        self._load = load
        self._owners = np.full(SEGMENTS_MAX, UNKNOWN, np.int16)
        self._owners[OPERATOR_SEGMENT] = OPERATOR
        self._refreshing: asyncio.Future[None] | None = None

    async def refresh(self) -> None:
        """Read the map anew; those who ask while it is read wait for the same answer."""
        if self._refreshing is None:
            self._refreshing = asyncio.ensure_future(self._read())
        await asyncio.shield(self._refreshing)

    async def _read(self) -> None:
        try:
            owners = await self._load()
            self._owners[:] = UNKNOWN
            self._owners[OPERATOR_SEGMENT] = OPERATOR
            for segment, shard in owners.items():
                self._owners[segment] = shard
        finally:
            self._refreshing = None

    async def follow(self) -> None:
        """Read the map anew from time to time: a database that lost its last commits gives a segment to another shard later."""
        while True:
            await asyncio.sleep(READ_EVERY_S)
            try:
                await self.refresh()
            except StoreUnavailable as error:
                _log.info("the map of segments could not be read: %s", error)
            except Exception:
                _log.exception("the map of segments could not be read")

    def owner(self, wallet: int) -> int:
        """Shard of a wallet address, UNKNOWN, or OPERATOR."""
        return int(self._owners[segment_of(wallet)])

    def owners(self, wallets: NDArray[np.int64]) -> NDArray[np.int16]:
        """`owner` of many wallets (n,)."""
        owners: NDArray[np.int16] = self._owners[segment_of(wallets)]
        return owners

    def home(self, payer: int, payee: int) -> int:
        """Home shard of a transfer between two wallet addresses, or UNKNOWN."""
        wallet = home_wallet(payer, payee)
        owner = int(self._owners[segment_of(wallet)])
        return wallet % self.shards if owner == OPERATOR else owner

    def homes(self, payers: NDArray[np.int64], payees: NDArray[np.int64]) -> NDArray[np.int16]:
        """`home` of many transfers (n,)."""
        wallets = home_wallets(payers, payees)
        owners = self.owners(wallets)
        homes: NDArray[np.int16] = np.where(owners == OPERATOR, wallets % self.shards, owners).astype(np.int16)
        return homes

    async def home_of(self, payer: int, payee: int) -> int:
        """`home`, asking the database when the segment is unknown."""
        await self._know(home_wallet(payer, payee))
        return self.home(payer, payee)

    async def owner_of(self, wallet: int) -> int:
        """`owner`, asking the database when the segment is unknown."""
        await self._know(wallet)
        return self.owner(wallet)

    async def _know(self, wallet: int) -> None:
        """Twice at most: a read that was under way already may have begun before the segment was."""
        for _ in range(2):
            if self.owner(wallet) != UNKNOWN:
                return
            await self.refresh()

"""What a shard's host reaches beside the journal: other shards, the scorers, the topology table."""

from collections.abc import Awaitable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from actors.records.layout import WalletRows
from actors.rpc.interface import Condition
from actors.shard import messages as m
from rules.decisions.decision import Decisions, Fallback


class Peer(Protocol):
    """Another shard, as seen from here."""

    async def push(self, legs: m.Legs) -> None:
        """Hand over a push; returns when it was taken in."""

    async def profiles(self, addresses: NDArray[np.int64]) -> WalletRows:
        """WALLET rows, durable."""


class Scorer(Protocol):
    """The pool of scoring actors."""

    def decide(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> Awaitable[tuple[Decisions, Fallback]]:
        """Decisions (n,) for payments of wallets (addresses, n) with columns (n, COLUMN_COUNT), and what decides if no scorer answers."""

    def preview(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> Awaitable[tuple[Decisions, Fallback]]:
        """As `decide`, but nothing of it is counted, and no pack in shadow is asked."""

    def condition(self) -> Condition:
        """Whether decisions can be had."""


class Segments(Protocol):
    """The topology table."""

    async def owners(self) -> dict[int, int]:
        """Owning shard by segment."""

    async def closed(self) -> frozenset[int]:
        """The segments in which no wallet is opened any more."""

    async def claim(self, shard: int) -> None:
        """Give one more segment to a shard."""

    async def fallback(self) -> Fallback | None:
        """What decides when no scorer answers, if a pack is live."""

    async def admin_log(self) -> tuple[int, bytes] | None:
        """The last entry of the log of administrators and its hash."""

    async def close(self) -> None:
        """Let go of the database."""

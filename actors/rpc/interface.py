"""How a front door reaches a shard.

An answer that arrives is durable; a call that is lost may still have happened.

So whoever calls sends the same rows again, under the same keys, until an answer arrives.
"""

from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.records.credit_layout import (
    NOTHING_SEEN,
    CreditQuestions,
    CreditRequests,
    CreditResults,
    CreditStates,
    ScoreOutcomes,
    ScoreRows,
    SeenHeads,
)
from actors.records.layout import Requests, Results, WalletRows


class NotReady(Exception):
    """This shard does not serve (yet); nothing was taken in."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard says of itself, in words for /readyz: `stops`: why it takes no payments yet; `warnings`: what operators should mend
    while it does; `clock_off_ms`: how far the database's clock is ahead, 0 unless it was set; `fills`: by table, the share of its rows in
    use; `durable_block`: the newest of its journal; `read_blocks`: by shard, how far it has read that one's journal; `node`: the machine it
    runs on, with `disk_free_bytes` where its checkpoints lie, None: it has none."""

    fills: dict[str, float] = {}
    clock_off_ms: int = 0
    stops: list[str] = []
    warnings: list[str] = []
    durable_block: int = 0
    read_blocks: dict[int, int] = {}
    node: str = ""
    disk_free_bytes: int | None = None


class ShardUnavailable(Exception):
    """No answer from a shard. `not_sent`: the call was certainly never handed to it, and never will be."""

    def __init__(self, not_sent: bool) -> None:
        super().__init__("the shard was not reached" if not_sent else "the shard's answer was lost")
        self.not_sent = not_sent


class ChainHead(NamedTuple):
    """Where a wallet's chain may begin, from the process that calls itself the owner of the journal: `writer`. `currency` 0: there is
    no such wallet. `places`: addresses of its newest record, newest first, one for each state of the journal that may be found: only
    the journal says which of them is durable. `successors`: blocks at which another process would have opened the journal, had
    it taken over; a block there that is not by this writer says that it did. The one before the first is this writer's and stored: where
    it is not, a failover lost it, and perhaps what is stated here."""

    writer: int
    currency: int
    places: list[int]
    successors: list[int]


class BatchTimes(NamedTuple):
    """When a shard had rows decided, and when it stored what became of them: nanoseconds since 1970, 0 where that did not happen."""

    scored_from: int = 0
    scored_until: int = 0
    stored_from: int = 0
    stored_until: int = 0


class Attempts(msgspec.Struct, frozen=True, array_like=True):
    """What a shard remembers of a payer's attempts, oldest first: effective times in milliseconds, amounts, payees by address, and times of
    the attempts before to the same payees. `forgotten`: none at or before this time is certain to be among them. `day`: the last one on
    which something left, in days since 1970, and what left then."""

    times: list[int]
    amounts: list[int]
    payees: list[int]
    same_payee_times: list[int]
    forgotten: int
    day: int
    day_total: int


class ShardClient(Protocol):
    """One shard, as seen from outside. Every method raises ShardUnavailable when no answer comes."""

    async def submit(self, rows: Requests, details: dict[int, bytes]) -> Results:
        """RESULT rows (n,) for REQUEST rows (n,), after their commit. `details`: msgpack by row index."""

    async def submit_timed(self, rows: Requests, details: dict[int, bytes]) -> tuple[Results, BatchTimes]:
        """As `submit`, and when what was done."""

    async def wallets(self, addresses: NDArray[np.int64]) -> WalletRows:
        """WALLET rows (n,) of wallet addresses (n,) in a durable state; currency 0 where there is none."""

    async def credit(self, rows: CreditRequests, details: dict[int, bytes]) -> CreditResults:
        """CREDIT_RESULT rows (n,) for CREDIT_REQUEST rows (n,), after their commit. `details`: msgpack by row index."""

    async def publish(
        self, rows: ScoreRows, details: dict[int, bytes], seen: SeenHeads = NOTHING_SEEN
    ) -> ScoreOutcomes:
        """SCORE_OUTCOME rows (n,) for SCORE_ROW rows (n,) of one run, after their commit: `replayed` where the run had scored the wallet
        before. `details`: msgpack by row index, kept beside the records. `seen`: heads of the wallets' chains (n,); DEFERRED where one is
        another by now. Without any, every wallet takes its score."""

    async def credit_states(self, questions: CreditQuestions) -> CreditStates:
        """CREDIT_STATE rows (n,) for CREDIT_QUESTION rows (n,), durable; zeros where there is nothing."""

    async def heads(self, addresses: NDArray[np.int64]) -> list[ChainHead]:
        """Where the chains of wallets (n,) may begin. Answered at once: whether it is durable, and whether who answers is still the
        owner, only the journal knows."""

    async def condition(self) -> Condition:
        """Whether it is ready, and what is not well."""

    async def find_key(self, caller: int, home: int, key: bytes) -> int:
        """Address of the record made under a caller's 16-byte key at a home wallet; 0 = not seen."""

    async def preview(self, row: Requests) -> Results:
        """The RESULT row (1,) that a payment, a REQUEST row (1,), would have; nothing is recorded."""

    async def attempts(self, wallet: int) -> Attempts | None:
        """What windows of a local wallet count, durable; None where there is none, or where it is an operator's."""

"""A ledger full of wallets, and the time spent in each of its steps.

`kernel` and the micro-benchmarks share it.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.admission import Channels
from actors.ledger.bounds import IDEMPOTENCY_WINDOW_MS, Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.addresses import SEGMENT_SLOTS, record_address
from actors.records.layout import BLOCK_RECORDS_MAX, Requests, Results
from bench.workload.payments import opening_rows
from rules.builtin import PACK
from rules.decisions.pack import Decider

START_MS: Final = 1_800_000_000_000
SECRET: Final = bytes(range(16))
STEPS: Final = ("admit", "going_on", "columns", "decide", "apply")


class LedgerLoad:
    """A shard's ledger with `wallets` open wallets and no keys remembered. `opened_bytes`: called when all wallets are open."""

    def __init__(self, wallets: int, keys: int, *, scored_rows: int, opened: Callable[[], None] = lambda: None) -> None:
        segments = -(-wallets // SEGMENT_SLOTS)
        capacity = Capacity(
            segments=segments + 1,
            segment_map=segments + 2,
            keys=max(keys, wallets),
            payers=max(1, scored_rows),
            attempts=max(8, 16 * scored_rows),
            profiles=1,
        )
        self.ledger = Ledger(LedgerConfig(shard=0, shards=1, secret=SECRET), capacity)
        self.channels = Channels(np.zeros(1, np.int64), np.zeros(1, np.int64))
        self.decider = Decider(PACK)
        self.rng = np.random.default_rng(1)
        self._block = 1
        self.addresses = self._open(wallets)
        opened()
        self.ledger.advance(START_MS + 2 * IDEMPOTENCY_WINDOW_MS)

    def _open(self, wallets: int) -> NDArray[np.int64]:
        self.ledger.advance(START_MS)
        parts = []
        for segment, start in enumerate(range(0, wallets, SEGMENT_SLOTS), start=1):
            self.ledger.book.owners[segment] = 1
            assert self.ledger.use_segment(segment), "the capacity is for all wallets"
            rows = opening_rows(min(SEGMENT_SLOTS, wallets - start), self.rng)
            results = self.run(rows, scored=False)[1]
            assert not results["code"].any()
            parts.append(results["address"].copy())
        return np.concatenate(parts)

    def run(self, rows: Requests, *, scored: bool) -> tuple[dict[str, float], Results]:
        """A batch through all steps. Gives the seconds of each, and its RESULT rows; all rows must have been admitted."""
        first = record_address(0, self._block, 0)
        times = [perf_counter()]
        admission = self.ledger.admit(rows, self.channels, first - 1)
        times.append(perf_counter())
        admitted = self.ledger.going_on(rows, admission)
        times.append(perf_counter())
        columns = self.ledger.columns(admitted) if scored else None
        times.append(perf_counter())
        decisions = None if columns is None else self.decider.decide(columns)
        times.append(perf_counter())
        applied = self.ledger.apply(admitted, decisions, first)
        times.append(perf_counter())
        assert len(applied.records) == len(rows), "every row of a benchmark becomes a record"
        self._block += -(-len(rows) // BLOCK_RECORDS_MAX)
        seconds = dict(zip(STEPS, np.diff(times).tolist(), strict=True))
        return seconds, applied.results

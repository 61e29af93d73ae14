"""A pack against history: every attempt of an export with the columns that its decision saw, decided anew, counted, shard by shard.

A shard's history is read from its begin, in order, by one process; shards have nothing to do with each other. The columns, the rules and
the card are the code that decides online, so the pack that was live gives what was recorded, bit for bit.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.export_reading import Export
from actors.ledger.book import Capacity
from actors.ledger.layout import FLAG_FALLBACK, FLAG_SCORED
from actors.ledger.rebuilding import Rebuilder, Rebuilt
from models.scorecard import Scorecard
from rules.backtest import UNLABELLED, Tally, add, new_tally
from rules.compiler import compile_pack
from rules.decision import DECISION, FALLBACK
from rules.document import read_pack
from rules.pack import Decider, Pack

Result = TypeVar("Result")


class PackSource(msgspec.Struct, frozen=True, kw_only=True):
    """A pack as it travels to the processes that compile it. `files`, `cards`: what the text names."""

    text: str
    files: Mapping[str, str] = {}
    cards: Mapping[str, Scorecard] = {}
    number: int = 0
    version: int = 1

    def pack(self) -> Pack:
        """Compiled. Raises PackError."""
        return compile_pack(read_pack(self.text, self.files.__getitem__), self.cards, self.number, self.version)


class Labels(NamedTuple):
    """What is known of some attempts: their addresses (n,), ascending, and whether each was what the pack should find."""

    addresses: NDArray[np.int64]
    truths: NDArray[np.int8]

    def of(self, addresses: NDArray[np.int64]) -> NDArray[np.int8]:
        """Labels of attempts (n,)."""
        if not len(self.addresses):
            return np.full(len(addresses), UNLABELLED, np.int8)
        places = np.minimum(np.searchsorted(self.addresses, addresses), len(self.addresses) - 1)
        return np.where(self.addresses[places] == addresses, self.truths[places], np.int8(UNLABELLED))


NO_LABELS = Labels(np.empty(0, np.int64), np.empty(0, np.int8))


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """`capacity`: what the shards ran with."""

    folder: Path
    source: PackSource
    capacity: Capacity = Capacity()
    labels: Labels = NO_LABELS

    @property
    def shards(self) -> list[int]:
        """Shards of the export."""
        return Export(self.folder).shards


def history(test: Backtest, shard: int) -> Iterator[Rebuilt]:
    """A shard's attempts with the columns that their decisions saw. Raises Unreadable, Contradiction."""
    rebuilder = Rebuilder(shard, test.capacity, whole=False)
    for rows in Export(test.folder).rows(shard):
        yield rebuilder.feed(*rows)
    yield rebuilder.end()


def tally_shard(test: Backtest, shard: int) -> Tally:
    """What the pack makes of a shard's history."""
    decider = Decider(test.source.pack())
    tally = new_tally(len(decider.pack.rules))
    for rebuilt in history(test, shard):
        trace = decider.trace(rebuilt.columns)
        scored = rebuilt.records["flags"] & FLAG_SCORED != 0
        labels = test.labels.of(rebuilt.addresses)
        add(tally, rebuilt.columns, trace.decisions, trace.hits, recorded_decisions(rebuilt.records), scored, labels)
        tally.not_evaluated[:] += trace.not_evaluated
    return tally


def decide_shard(test: Backtest, shard: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Addresses (n,) and decisions (n,) of DECISION of a shard's attempts."""
    decider = Decider(test.source.pack())
    found = [(rebuilt.addresses, decider.decide(rebuilt.columns)) for rebuilt in history(test, shard)]
    return np.concatenate([addresses for addresses, _ in found]), np.concatenate([decided for _, decided in found])


def recorded_decisions(records: NDArray[Any]) -> NDArray[Any]:
    """Decisions (n,) of DECISION as records say them."""
    decisions = np.zeros(len(records), DECISION)
    decisions["action"] = records["decision"]
    decisions["flags"] = np.where(records["flags"] & FLAG_FALLBACK, FALLBACK, 0)
    for name in ("points", "reasons", "pack"):
        decisions[name] = records[name]
    return decisions


def each_shard(test: Backtest, work: Callable[[Backtest, int], Result], workers: int) -> list[Result]:
    """Do something for every shard, some at a time, each in a process of its own if there are several."""
    shards = test.shards
    if min(workers, len(shards)) <= 1:
        return [work(test, shard) for shard in shards]
    # Spawned: a forked child would inherit threads' locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(shards)), mp_context=context) as pool:
        return list(pool.map(work, [test] * len(shards), shards))

"""Backtest a pack against an export: decide every attempt again and count, shard by shard.

Each attempt is decided on the columns that its decision saw.

A shard's history is read from its begin, in order, by one process; shards have nothing to do with each other. The columns, the rules and
the card are the code that decides online, so the pack that was live gives what was recorded, bit for bit.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.backtest.decided_under import DecidedUnder
from actors.export.reader import Export
from actors.ledger.bounds import Capacity
from actors.ledger.rebuilding import Rebuilder, Rebuilt
from actors.process.read_ahead import read_ahead
from actors.records.layout import FLAG_FALLBACK, FLAG_SCORED, Records
from models.scorecard import Scorecard
from rules.backtest.became import BecameTally, became_of, count_became
from rules.backtest.counts import UNLABELLED, Tally, add, new_tally
from rules.compile.compiler import compile_pack
from rules.decisions.decision import DECISION, FALLBACK, Decisions
from rules.decisions.pack import Decider, Pack, RuleHits
from rules.language.document import read_pack
from rules.vocabulary.columns import INDEX

_EFFECTIVE: Final = INDEX["effective_time"]


class PackSource(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that was checked, as it travels to the processes that compile it. `files`, `cards`: what the text names."""

    text: str
    files: Mapping[str, str] = {}
    cards: Mapping[str, Scorecard] = {}
    number: int = 0
    version: int = 1

    def pack(self) -> Pack:
        """Compiled. Raises PackError."""
        document = read_pack(self.text, self.files.__getitem__, stored=True)
        return compile_pack(document, self.cards, self.number, self.version)


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

    def and_of(self, other: "Labels") -> "Labels":
        """Both; where both label an attempt, the first holds."""
        if not len(other.addresses):
            return self
        addresses = np.concatenate([self.addresses, other.addresses])
        order = np.argsort(addresses, kind="stable")
        return Labels(addresses[order], np.concatenate([self.truths, other.truths])[order])


class LabelLayers(NamedTuple):
    """Labels that were given for this backtest, and those that the switch has where there is none of them."""

    given: Labels
    stored: Labels

    def of(self, addresses: NDArray[np.int64]) -> NDArray[np.int8]:
        """Labels of attempts (n,)."""
        given = self.given.of(addresses)
        return np.where(given == UNLABELLED, self.stored.of(addresses), given)


NO_LABELS = Labels(np.empty(0, np.int64), np.empty(0, np.int8))


class Period(NamedTuple):
    """Attempts from `since_ms` up to, not including, `until_ms` of effective time, of a shard's from the address `first` on; None: no
    bound."""

    since_ms: int | None = None
    until_ms: int | None = None
    first: int | None = None

    def of(self, columns: NDArray[np.int64], addresses: NDArray[np.int64]) -> slice | NDArray[np.bool_]:
        """Which attempts (n, COLUMN_COUNT) at addresses (n,) are in it."""
        if self == ALWAYS:
            return slice(None)
        times = columns[:, _EFFECTIVE]
        chosen = np.ones(len(times), np.bool_) if self.first is None else addresses >= self.first
        if self.since_ms is not None:
            chosen &= times >= self.since_ms
        if self.until_ms is not None:
            chosen &= times < self.until_ms
        return chosen


ALWAYS: Final = Period()


class Became(NamedTuple):
    """What became of attempts, counted: `refunded` are addresses (n,), ascending."""

    tally: BecameTally
    refunded: NDArray[np.int64]

    def take(
        self,
        fired: RuleHits,
        records: Records,
        addresses: NDArray[np.int64],
        scored: NDArray[np.bool_],
        labels: NDArray[np.int8],
    ) -> None:
        """Count attempts (n,)."""
        became = became_of(records["code"] != 0, np.isin(addresses, self.refunded), labels)
        count_became(self.tally, fired, recorded_decisions(records), scored, became)


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """`export`: opened once for all shards. `capacity`: what the shards ran with."""

    export: Export
    source: PackSource
    capacity: Capacity = Capacity()
    labels: Labels = NO_LABELS
    period: Period = ALWAYS

    @property
    def shards(self) -> list[int]:
        """Shards of the export."""
        return self.export.shards


def history(test: Backtest, shard: int, under: DecidedUnder | None = None) -> Iterator[Rebuilt]:
    """A shard's attempts with the columns that their decisions saw; `under` hears with which revisions. Raises Unreadable,
    Contradiction."""
    rebuilder = Rebuilder(shard, test.capacity, whole=False)
    with closing(read_ahead(test.export.rows(shard))) as pieces:
        for rows in pieces:
            if under is not None:
                under.take(rows.records, rows.addresses, rows.controls)
            yield rebuilder.feed(rows.records, rows.addresses, rows.seen)
    yield rebuilder.end()


def tally_shard(test: Backtest, shard: int) -> Tally:
    """What the pack makes of a shard's history."""
    decider = Decider(test.source.pack())
    tally = new_tally(len(decider.pack.rules))
    under, labels = DecidedUnder(*test.export.controls()), LabelLayers(test.labels, Labels(*test.export.labels()))
    for rebuilt in history(test, shard, under):
        tally_attempts(tally, decider, rebuilt, labels, test.period, under)
    return tally


def tally_attempts(
    tally: Tally,
    decider: Decider,
    rebuilt: Rebuilt,
    labels: LabelLayers,
    period: Period,
    under: DecidedUnder,
    became: Became | None = None,
) -> None:
    """Decide attempts anew, those of the period, with lists and snoozes as they were, and count them, and what `became` of them."""
    chosen = period.of(rebuilt.columns, rebuilt.addresses)
    columns, records = rebuilt.columns[chosen], rebuilt.records[chosen]
    if len(columns):
        scored = records["flags"] & FLAG_SCORED != 0
        addresses = rebuilt.addresses[chosen]
        known = labels.of(addresses)
        fired = decider.fired(columns, under.controls, under.of(addresses))
        add(tally, columns, fired, recorded_decisions(records), scored, known)
        if became is not None:
            became.take(fired, records, addresses, scored, known)


def decide_shard(test: Backtest, shard: int) -> tuple[NDArray[np.int64], Decisions]:
    """Addresses (n,) and decisions (n,) of DECISION of a shard's attempts."""
    decider = Decider(test.source.pack())
    under = DecidedUnder(*test.export.controls())
    found = [
        (rebuilt.addresses, decider.fired(rebuilt.columns, under.controls, under.of(rebuilt.addresses)).decisions)
        for rebuilt in history(test, shard, under)
    ]
    return np.concatenate([addresses for addresses, _ in found]), np.concatenate([decided for _, decided in found])


def recorded_decisions(records: Records) -> Decisions:
    """Decisions (n,) of DECISION as records say them."""
    decisions = np.zeros(len(records), DECISION)
    decisions["action"] = records["decision"]
    decisions["flags"] = np.where(records["flags"] & FLAG_FALLBACK, FALLBACK, 0)
    for name in ("points", "reasons", "pack"):
        decisions[name] = records[name]
    return decisions

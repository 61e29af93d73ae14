"""Rebuild what every decision saw from the journal.

The same kernels run on the book as it was when the features of a batch were taken.

A block says in its header up to which record (`seen`) the features of its records saw the journal. So the book is replayed up to there,
the columns of the whole batch are taken, then what landed meanwhile is applied, then the batch. Record time stands still between a
batch's features and its records, so once time has gone on nothing earlier can be in between.
"""

from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.ledger.book import READ_AHEAD, new_book, with_profile_room
from actors.ledger.bounds import Capacity
from actors.ledger.deleted_scores import DeletedScores
from actors.ledger.features import recorded_columns
from actors.ledger.posting import HOLD, LIVE, REPLAYED, TRANSFER
from actors.ledger.replay import fetch_ahead, replay
from actors.records.layout import PROFILE, RECORD, Kind, Records, joined
from models.jit import kernel
from rules.vocabulary.columns import COLUMN_COUNT

_KEYS: Final = 64
"""Nobody asks for a key again: all records get the same."""
_BALANCES: Final = ("payer_posted", "payer_held", "payee_posted")
_NO_WINDOWS: Final = np.bool_(False)
"""An attempt is remembered when its columns are taken."""


class Rebuilt(NamedTuple):
    """Attempts in journal order: their records (n,) of RECORD, addresses (n,), and columns (n, COLUMN_COUNT), good until the next call."""

    records: Records
    addresses: NDArray[np.int64]
    columns: NDArray[np.int64]


class Contradiction(ValueError):
    """A record does not fit the ones before it. One line, with its address."""


class Rebuilder:
    """Takes one shard's journal from its first record on, piece by piece. `capacity` must be what the shard ran with: it bounds the
    attempts that are remembered. Profiles are all kept: which of them the shard gave up and asked for again does not show. `whole`: the
    records are the journal's own; else they have no keys, and only balances are compared."""

    def __init__(self, shard: int, capacity: Capacity, *, whole: bool = True) -> None:
        self._shard = shard
        self._book = new_book(msgspec.structs.replace(capacity, keys=_KEYS, originals=_KEYS))
        self._deleted = DeletedScores(capacity)
        self._whole = whole
        self._scratch = np.zeros(1, PROFILE)
        self._columns = np.empty((0, COLUMN_COUNT), np.int64)
        self._waiting = _Piece(np.empty(0, RECORD), np.empty(0, np.int64), np.empty(0, np.int64))

    def feed(self, records: Records, addresses: NDArray[np.int64], seen: NDArray[np.int64]) -> Rebuilt:
        """The next records (n,), which are used up, with the `seen` of their blocks, 0 = none. Gives the attempts of all but the last
        record time, of which more may come. Raises Contradiction."""
        if self._whole:
            records["key_hi"] = records["key_lo"] = 0
        piece = self._waiting.joined(_Piece(records, addresses, seen))
        times = piece.records["record_time"]
        ended = int(np.searchsorted(times, times[-1])) if len(times) else 0
        self._waiting = piece.part(ended, len(times))
        return self._rebuild(piece.part(0, ended))

    def end(self) -> Rebuilt:
        """The attempts of the last record time."""
        piece, self._waiting = self._waiting, self._waiting.part(0, 0)
        return self._rebuild(piece)

    def _rebuild(self, piece: "_Piece") -> Rebuilt:
        count = len(piece.records)
        self._book = with_profile_room(self._book, int(np.count_nonzero(piece.records["kind"] == Kind.PROFILE)))
        attempts = np.flatnonzero((piece.records["kind"] == TRANSFER) | (piece.records["kind"] == HOLD))
        if len(attempts) > len(self._columns):
            self._columns = np.empty((len(attempts), COLUMN_COUNT), np.int64)
        recorded = [piece.records[name].copy() for name in (() if self._whole else _BALANCES)]
        checking = REPLAYED if self._whole else LIVE
        scores = self._deleted.as_scores(self._book, piece.records, piece.addresses)
        good = _rebuild(self._book, *piece, self._columns, checking, self._scratch)
        self._deleted.replayed(self._book, piece.records, piece.addresses, scores)
        for name, balances in zip(_BALANCES, recorded, strict=False):
            others = np.flatnonzero((piece.records[name] != balances) & (piece.records["kind"] >= TRANSFER))
            good = min(good, int(others[0])) if len(others) else good
        if good < count:
            address = int(piece.addresses[good])
            raise Contradiction(f"shard {self._shard}: record {address} contradicts the ones before it")
        columns = self._columns[: len(attempts)]
        if len(attempts) == count:
            return Rebuilt(piece.records, piece.addresses, columns)
        return Rebuilt(_taken(piece.records, attempts), piece.addresses[attempts], columns)


class _Piece(NamedTuple):
    """Records (n,) with their addresses and the `seen` of their blocks."""

    records: Records
    addresses: NDArray[np.int64]
    seen: NDArray[np.int64]

    def part(self, start: int, end: int) -> "_Piece":
        """Some that follow each other."""
        return _Piece(self.records[start:end], self.addresses[start:end], self.seen[start:end])

    def joined(self, after: "_Piece") -> "_Piece":
        """These and the ones after."""
        if not len(self.records):
            return after
        records = joined([self.records, after.records], RECORD)
        addresses, seen = (np.concatenate(pair) for pair in zip(self[1:], after[1:], strict=True))
        return _Piece(records, addresses, seen)


def _taken(records: Records, places: NDArray[np.intp]) -> Records:
    """Records at these places, copied by the word: numpy copies structures field by field, which takes as long as rebuilding them."""
    words = records.view(np.uint64).reshape(len(records), -1)
    return np.take(words, places, axis=0).view(RECORD).reshape(len(places))


@kernel
def _end_of_batch(seen, start):
    """Where the records end that were features together; those of one batch follow each other and no other batch saw the same."""
    end = start
    while end < len(seen) and seen[end] == seen[start]:
        end += 1
    return end


@kernel
def _rebuild(book, records, addresses, seen, columns, checking, scratch):
    """Fill `columns` for the attempts among records that end with a whole batch. Gives the index of the first record that does not
    fit, else their number."""
    made = 0
    ahead = 0
    start = 0
    while start < len(records):
        first = start
        while first < len(records) and seen[first] == 0:
            first += 1
        end = _end_of_batch(seen, first)
        before = start
        while before < first and (end == first or addresses[before] <= seen[first]):
            before += 1
        good = replay(book, records[start:before], addresses[start:before], _NO_WINDOWS, checking, scratch)
        if good < before - start:
            return start + good
        for i in range(first, end):
            if i >= ahead:
                ahead = min(i + READ_AHEAD, len(records))
                fetch_ahead(book, records, i, ahead, True)
            kind = records[i]["kind"]
            if kind == TRANSFER or kind == HOLD:
                if not recorded_columns(book, records[i], columns[made]):
                    return i
                made += 1
        good = replay(book, records[before:end], addresses[before:end], _NO_WINDOWS, checking, scratch)
        if good < end - before:
            return before + good
        start = end
    return len(records)

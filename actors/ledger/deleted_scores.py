"""Scores that a dispute has deleted, in a journal that is rebuilt: later decisions saw none."""

import numpy as np
from numpy.typing import NDArray

from actors.ledger.book import Book
from actors.ledger.bounds import Capacity
from actors.ledger.credit import local_rows
from actors.records.addresses import SEGMENT_SLOTS
from actors.records.credit_layout import FIRST_CREDIT, Resolution
from actors.records.layout import RESOLUTION, Kind, Records, zeros


class DeletedScores:
    """Knows each wallet's newest score by address: pages of wallets without one cost nothing. `_entries`: by dispute, what it is about."""

    def __init__(self, capacity: Capacity) -> None:
        self._newest = zeros(capacity.segments * SEGMENT_SLOTS, np.dtype(np.int64))
        self._entries: dict[int, int] = {}

    def as_scores(self, book: Book, records: Records, addresses: NDArray[np.int64]) -> NDArray[np.intp]:
        """Turn what deletes the newest score of a wallet into a score of 0, before the records (n,) are replayed. Gives the places of
        their scores, for `replayed`."""
        credit = np.flatnonzero(records["kind"] >= FIRST_CREDIT)
        kinds = records["kind"][credit]
        scores = credit[kinds == Kind.SCORE]
        opened = credit[kinds == Kind.DISPUTE_OPENED]
        self._entries.update(zip(addresses[opened].tolist(), records["reference"][opened].tolist(), strict=True))
        ended = credit[kinds == Kind.DISPUTE_RESOLVED]
        for at in ended.tolist():
            entry = self._entries.pop(int(records["reference"][at]), 0)
            if entry and records[RESOLUTION][at] == Resolution.DELETED:
                newest = self._newest_of(book, int(records["payer"][at]), records, addresses, scores[scores < at])
                if entry == newest:
                    records["kind"][at], records["points"][at] = Kind.SCORE, 0
        places: NDArray[np.intp] = scores
        return places

    def _newest_of(
        self, book: Book, wallet: int, records: Records, addresses: NDArray[np.int64], before: NDArray[np.intp]
    ) -> int:
        mine = before[records["payer"][before] == wallet]
        if len(mine):
            return int(addresses[mine[-1]])
        row = int(local_rows(book, np.array([wallet]))[0])
        return int(self._newest[row]) if row >= 0 else 0

    def replayed(self, book: Book, records: Records, addresses: NDArray[np.int64], scores: NDArray[np.intp]) -> None:
        """Remember the scores at these places of records that were replayed."""
        # Of equal places the last one written stands, as numpy documents for assignment.
        self._newest[local_rows(book, records["payer"][scores])] = addresses[scores]

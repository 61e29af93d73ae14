"""What a payment would become, found out on a ledger of its own with its two wallets.

The same kernels admit, count and decide there; the shard's ledger is only read, so nothing of a preview is remembered. What it cannot say:
whether a table of the shard is full.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.admission import Channels
from actors.ledger.book import (
    M_ATTEMPTS,
    M_LOST_ATTEMPT,
    M_RECORD_TIME,
    M_RINGS,
    M_SEGMENTS_STAMP,
    Book,
    local_row,
    profile_row,
    store_profile,
)
from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger
from actors.records.addresses import SEGMENT_SLOTS, segment_of, segment_slot
from actors.records.codes import Code
from actors.records.layout import RESULT, WALLET, Requests, Results
from rules.decisions.decision import Decisions

TINY: Final = Capacity(
    segments=1,
    segment_map=1,
    keys=16,
    payers=4,
    attempts=1_024,
    profiles=4,
    holds=4,
    caller_holds_percent=100,
    originals=4,
    consents=4,
    orders=4,
    cases=4,
    inquirers=4,
)
"""Room for one payment: its payer's attempts, 64 at most, and as many again where they move to more room, below the share from which
a warning says that memory runs short."""


class Preview:
    """One payment, a REQUEST row (1,), at the record time of a shard's ledger, between two batches. `next_address`: of the shard's
    journal."""

    def __init__(self, ledger: Ledger, row: Requests, channels: Channels, next_address: int) -> None:
        rows = row.copy()
        self._next = next_address
        self._ledger = Ledger(ledger.config, TINY)
        self._ledger.book = _excerpt(ledger.book, self._ledger.book, int(row["payer"][0]), int(row["payee"][0]))
        self._admission = self._ledger.admit(rows, channels, next_address - 1)
        self._admitted = self._ledger.going_on(rows, self._admission)
        self.columns: NDArray[np.int64] = self._ledger.columns(self._admitted)
        self.payers: NDArray[np.int64] = self._admitted.rows["payer"]

    @property
    def code(self) -> Code:
        """OK when it comes to a decision, else why not."""
        return Code(int(self._admission.code[0]))

    def refused(self, stamp: int) -> Results:
        """The RESULT row (1,) of what does not come to a decision. `stamp`: what it waits for, if it is deferred."""
        results = np.zeros(1, RESULT)
        results["code"] = self.code
        results["record_time"] = stamp
        return results

    def decided(self, decisions: Decisions | None) -> Results:
        """The RESULT row (1,) after a decision; None: the switch runs unscored."""
        assert len(self.payers) == 1, "it was let through"
        return self._ledger.apply(self._admitted, decisions, self._next).results


def _excerpt(book: Book, empty: Book, payer: int, payee: int) -> Book:
    """What a book knows of two wallets, in a book of their own."""
    local = {segment_of(address) for address in (payer, payee) if int(local_row(book, address)) >= 0}
    segments = np.zeros(len(book.segments), np.int32)
    for number, segment in enumerate(sorted(local)):
        segments[segment] = number + 1
    wallets = np.zeros(max(1, len(local)) * SEGMENT_SLOTS, WALLET)
    for address in (payer, payee):
        row = int(local_row(book, address))
        if row >= 0:
            at = (int(segments[segment_of(address)]) - 1) * SEGMENT_SLOTS + segment_slot(address)
            wallets[at] = book.wallets[row]
            wallets[at]["ring"] = 0
    excerpt = empty._replace(wallets=wallets, segments=segments, owners=book.owners)
    for place in (M_RECORD_TIME, M_SEGMENTS_STAMP, M_LOST_ATTEMPT):
        excerpt.meta[place] = book.meta[place]
    _copy_attempts(book, excerpt, payer)
    profile = int(profile_row(book, payee))
    if profile >= 0:
        store_profile(excerpt, book.profiles[profile])
    return excerpt


def _copy_attempts(book: Book, excerpt: Book, payer: int) -> None:
    row, at = int(local_row(book, payer)), int(local_row(excerpt, payer))
    number = int(book.wallets[row]["ring"]) if row >= 0 else 0
    if not number:
        return
    ring = excerpt.rings[0]
    excerpt.rings[0] = book.rings[number - 1]
    offset, places = int(ring["offset"]), int(ring["capacity"])
    excerpt.attempts[:places] = book.attempts[offset : offset + places]
    ring["offset"], ring["owner"] = 0, at + 1
    excerpt.wallets[at]["ring"] = 1
    excerpt.meta[M_RINGS], excerpt.meta[M_ATTEMPTS] = 1, places

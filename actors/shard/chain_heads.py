"""Chain heads, readable while a batch runs in the worker thread.

A reader gets the state before that batch.

Nothing of what the core is at work on was answered yet, so what was before it is fresh. The work makes records at `first` and beyond, and
sets heads of wallets to their addresses, at any moment. So a head below `first` is the one from before. For the others there are
copies of the heads that a batch is about to move. Where neither says it, the question waits its turn.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.book import local_row
from actors.ledger.ledger import Admitted, Ledger
from actors.rpc.interface import ChainHead
from actors.shard.journal_writer import JournalWriter

NOWHERE: Final = 0
"""In place of a currency: there is no such wallet."""


class Heads:
    """Heads as they are when this is made, for as long as one message is being handled.

    `read_during_batch` may be called from another thread than the one in which the core works: it reads only what never changes, and
    heads, 8 bytes each, that are old or new.
    """

    def __init__(self, ledger: Ledger, writer: JournalWriter) -> None:
        self._book = ledger.book
        self._writer = writer
        self._number = writer.writer.number
        self._units = writer.units
        self._successors = writer.successors
        self._first = writer.next_address
        self._kept: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    def keep(self, admitted: Admitted) -> None:
        """Copy the heads that a batch is about to move."""
        heads = self._book.wallets["head"]
        self._kept.extend((rows, heads[rows]) for rows in (admitted.payer_row, admitted.payee_row))

    def read(self, addresses: NDArray[np.int64]) -> list[ChainHead]:
        """A ChainHead for each wallet, when the core is not at work."""
        return [self._head(int(address), *self._row(int(address))) for address in addresses]

    def read_during_batch(self, addresses: NDArray[np.int64]) -> list[ChainHead] | None:
        """A ChainHead for each wallet as it was before the work; None when that cannot be known while it lasts."""
        found = []
        for address in addresses.tolist():
            row, head = self._row(address)
            if row >= 0 and head >= self._first:
                head = self._before(row)
            if row >= 0 and not 0 < head < self._first:  # 0: it is perhaps about to be opened
                return None
            found.append(self._head(address, row, head))
        return found

    def _row(self, address: int) -> tuple[int, int]:
        row = int(local_row(self._book, address))
        return row, int(self._book.wallets["head"][row]) if row >= 0 else 0

    def _before(self, row: int) -> int:
        """The oldest copy of a head, 0 when there is none."""
        for rows, heads in tuple(self._kept):
            at = int(np.argmax(rows == row)) if len(rows) else 0
            if len(rows) and rows[at] == row:
                return int(heads[at])
        return 0

    def _head(self, address: int, row: int, head: int) -> ChainHead:
        currency = int(self._book.wallets["currency"][row]) if row >= 0 else NOWHERE
        return ChainHead(self._number, currency, self._writer.places(address, head, self._units), self._successors)

"""Keys that were used before: whose records they made, and how those are read back, a page at a time.

However many batches wait for records, one page is under way, and after it the next batch has its turn: a batch whose keys lie scattered
over the journal holds up no other. What waits is bounded; beyond that a repeat is told that the shard is busy, and the rest of its batch
is answered.
"""

from collections import deque
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.codes import Code
from actors.ledger.layout import RESULT
from actors.ledger.ledger import Ledger
from actors.shard.batch import Batch, Repeats
from actors.shard.journal_writer import JournalWriter
from actors.shard.messages import Output, ReadRecords, RecordsRead
from actors.shard.replies import replays

PAGE_ROWS_MAX: Final = 8_192
"""Repeated rows whose records are read at once: 1.3 MB of records, and some 2 ms of work."""
WAITING_ROWS_MAX: Final = 262_144
"""Rows of batches that wait for records, 160 bytes each: some 42 MB. Four batches of the largest size."""


class RepeatsDesk:
    """Answers repeated rows: at once from what is not yet durable, the others when their records have been read."""

    def __init__(self) -> None:
        self._waiting: deque[Batch] = deque()
        self._page: Repeats | None = None
        self._rows = 0

    @property
    def page_rows(self) -> int:
        """Rows of the page that is being read."""
        return 0 if self._page is None else len(self._page.places)

    def take(self, batch: Batch, ledger: Ledger, writer: JournalWriter) -> list[Output]:
        """The first answers of a batch are made and sealed; now its repeats."""
        repeats = _repeats(batch, ledger)
        kept, records = writer.undurable(repeats.addresses)
        _answer(batch, repeats.part(kept, len(repeats.places)), records)
        if not kept:
            return []
        if self._rows + len(batch.rows) > WAITING_ROWS_MAX:
            batch.results[repeats.places[:kept]] = np.zeros(1, RESULT)
            batch.results["code"][repeats.places[:kept]] = Code.BUSY
            return []
        batch.repeats = repeats.part(0, kept)
        self._waiting.append(batch)
        self._rows += len(batch.rows)
        return self._read_on()

    def read(self, message: RecordsRead) -> tuple[Batch | None, list[Output]]:
        """The page has arrived. Gives its batch when that was the last one it waited for."""
        assert self._page is not None and self._waiting[0].number == message.batch
        page, self._page = self._page, None
        batch = self._waiting.popleft()
        wanted, which = np.unique(page.addresses, return_inverse=True)
        assert len(message.records) == len(wanted)
        _answer(batch, page, message.records[which])
        assert batch.repeats is not None
        rest = batch.repeats.part(len(page.places), len(batch.repeats.places))
        if len(rest.places):
            batch.repeats = rest
            self._waiting.append(batch)
            return None, self._read_on()
        batch.repeats = None
        self._rows -= len(batch.rows)
        return batch, self._read_on()

    def _read_on(self) -> list[Output]:
        if self._page is not None or not self._waiting:
            return []
        batch = self._waiting[0]
        assert batch.repeats is not None
        self._page = batch.repeats.part(0, PAGE_ROWS_MAX)
        return [ReadRecords(batch=batch.number, addresses=np.unique(self._page.addresses))]


def _repeats(batch: Batch, ledger: Ledger) -> Repeats:
    """What a batch repeats; of keys that were first used in the batch itself, the records made just now."""
    places = np.flatnonzero(batch.duplicates)
    addresses = batch.duplicates[places]
    own = np.flatnonzero(addresses < 0)
    if len(own):
        addresses[own] = ledger.key_addresses(batch.rows[places[own]])
    order = np.argsort(addresses, kind="stable")
    return Repeats(places[order], addresses[order])


def _answer(batch: Batch, repeats: Repeats, records: NDArray[Any]) -> None:
    places = repeats.places
    if not len(places):
        return
    assert (records["kind"] != 0).all(), "a key leads to a record"
    batch.results[places] = replays(batch.rows[places], records, repeats.addresses, batch.continues[places])

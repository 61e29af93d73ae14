"""Keys that were used before: whose records they made, and how those are read back, a page at a time.

However many batches wait for records, one page is under way, and each batch has its share of it: one whose keys lie scattered over the
journal holds up no other, and what several ask for is read once. What waits is bounded; beyond that a repeat is answered that the shard is
busy, and the rest of its batch is answered.
"""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.ledger import Ledger
from actors.records.codes import Code
from actors.records.layout import REQUEST, RESULT, Records, Requests, joined
from actors.shard.batch import Batch, Repeats
from actors.shard.idempotency import repeated_results
from actors.shard.journal_writer import JournalWriter
from actors.shard.messages import Output, ReadRecords, RecordsRead

PAGE_ROWS_MAX: Final = 8_192
"""Repeated rows whose records are read at once: 1.3 MB of records, and some 2 ms of work."""
SHARE_ROWS_MIN: Final = 256
"""A batch's share of a page, however many batches there are."""
WAITING_ROWS_MAX: Final = 262_144
"""Rows of batches that wait for records, 160 bytes each: some 42 MB. Four batches of the largest size."""


class RepeatAnswers:
    """Answers repeated rows: at once from what is not yet durable, the others when their records have been read."""

    def __init__(self) -> None:
        self._waiting: deque[Batch] = deque()
        self._page: list[tuple[Batch, Repeats]] = []
        self._rows = 0

    @property
    def page_rows(self) -> int:
        """Rows of the page that is being read."""
        return sum(len(repeats.places) for _, repeats in self._page)

    def take(self, batch: Batch, ledger: Ledger, writer: JournalWriter) -> list[Output]:
        """The first answers of a batch are made and sealed; now its repeats."""
        if batch.duplicates is None:
            return []
        repeats = _repeats(batch.rows, batch.duplicates, ledger)
        kept, records = writer.undurable(repeats.addresses)
        _answer([(batch, repeats.part(kept, len(repeats.places)))], records)
        if not kept:
            return []
        durable = repeats.part(0, kept)
        if self._rows + len(batch.rows) > WAITING_ROWS_MAX:
            batch.results[durable.places] = np.zeros(1, RESULT)
            batch.results["code"][durable.places] = Code.BUSY
            return []
        batch.wait_for(durable)
        self._waiting.append(batch)
        self._rows += len(batch.rows)
        return self._read_on()

    def read(self, message: RecordsRead) -> tuple[list[Batch], list[Output]]:
        """The page has arrived. Gives the batches that it is of."""
        page, self._page = self._page, []
        wanted = _addresses(page)
        assert len(message.records) == len(wanted)
        asked = np.concatenate([repeats.addresses for _, repeats in page])
        _answer(page, message.records[np.searchsorted(wanted, asked)])
        self._rows -= sum(len(batch.rows) for batch, _ in page if not len(batch.repeats.places))
        return [batch for batch, _ in page], self._read_on()

    def _read_on(self) -> list[Output]:
        if self._page or not self._waiting:
            return []
        share = max(SHARE_ROWS_MIN, PAGE_ROWS_MAX // len(self._waiting))
        room = PAGE_ROWS_MAX
        for _ in range(len(self._waiting)):
            batch = self._waiting.popleft()
            part = batch.repeats.part(0, min(share, room))
            self._page.append((batch, part))
            batch.repeats = batch.repeats.part(len(part.places), len(batch.repeats.places))
            if len(batch.repeats.places):
                self._waiting.append(batch)
            room -= len(part.places)
            if not room:
                break
        return [ReadRecords(addresses=_addresses(self._page))]


def _addresses(page: list[tuple[Batch, Repeats]]) -> NDArray[np.int64]:
    """What is to be read for a page: ascending, each once."""
    return np.unique(np.concatenate([repeats.addresses for _, repeats in page]))


def _repeats(rows: Requests, duplicates: NDArray[np.int64], ledger: Ledger) -> Repeats:
    """What rows repeat; of keys that were first used in the batch itself, the records made just now."""
    places = np.flatnonzero(duplicates)
    addresses = duplicates[places]
    own = np.flatnonzero(addresses < 0)
    if len(own):
        addresses[own] = ledger.key_addresses(rows[places[own]])
    order = np.argsort(addresses, kind="stable")
    return Repeats(places[order], addresses[order])


def _answer(page: list[tuple[Batch, Repeats]], records: Records) -> None:
    """All in one go: a page may be of many batches."""
    if not len(records):
        return
    assert (records["kind"] != 0).all(), "a key leads to a record"
    rows = joined([batch.rows[repeats.places] for batch, repeats in page], REQUEST)
    addresses = np.concatenate([repeats.addresses for _, repeats in page])
    continues = np.concatenate([batch.continues[repeats.places] for batch, repeats in page])
    results = repeated_results(rows, records, addresses, continues)
    start = 0
    for batch, repeats in page:
        end = start + len(repeats.places)
        batch.results[repeats.places] = results[start:end]
        if batch.waits is not None:
            batch.waits[repeats.places] = False
        start = end

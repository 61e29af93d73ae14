"""Published scores: a run of the card over many wallets, each of which takes its score from it once.

Runs have numbers that go up. A wallet's row knows the run that scored it last: the same again is answered with the record that it made, an
earlier one is refused. So a run may be sent again, whole or in part, by whoever and however late, and scores each wallet once.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.credit import local_rows
from actors.records.addresses import address_after
from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_RESULT, SCORE, SCORE_RANGE, CreditResults, ScoreRows
from actors.records.layout import CREDIT_PREVIOUS, RECORD, Kind
from actors.shard.credit import Core
from actors.shard.messages import Answer, Output, Publish

ROWS_MAX: Final = 8_192
"""Scores in one message: 1.3 MB, made and sealed in some 5 ms. More are refused."""
QUEUE_ROWS_MAX: Final = 65_536
"""Scores that wait; beyond it the answer is BUSY."""

_PUBLISHED: Final = ("band", "cause", "holder", "score", "card", "run", "as_of", "subtotals", "reasons", "gaps")


class ScorePublication:
    """Publishes the scores of messages in turn, one message at a time."""

    def __init__(self, core: Core, emit: Callable[[list[Output]], None]) -> None:
        self._core = core
        self._ledger = core.ledger
        self._emit = emit
        self._queue: deque[Publish] = deque()

    def offer(self, message: Publish) -> None:
        """Queue a message, or answer that nothing of it was tried."""
        waiting = sum(len(each.rows) for each in self._queue)
        if self._core.ready and len(message.rows) <= ROWS_MAX and waiting + len(message.rows) <= QUEUE_ROWS_MAX:
            self._queue.append(message)
            return
        results = np.zeros(len(message.rows), CREDIT_RESULT)
        results["code"] = Code.INVALID_REQUEST if len(message.rows) > ROWS_MAX else Code.BUSY
        self._emit([Answer(ref=message.ref, value=results)])

    def turn(self) -> bool:
        """Publish a message that waits, between batches. Gives whether there is more."""
        if self._queue:
            message = self._queue.popleft()
            answers: list[Output] = [Answer(ref=message.ref, value=self._published(message.rows, message.details))]
            self._core.writer.when_durable(lambda: self._emit(answers))
        return self.has_work

    @property
    def has_work(self) -> bool:
        """Whether a message waits."""
        return bool(self._queue)

    def _published(self, rows: ScoreRows, details: dict[int, bytes]) -> CreditResults:
        results = np.zeros(len(rows), CREDIT_RESULT)
        if not len(rows):
            return results
        at = local_rows(self._ledger.book, rows["holder"])
        kept = self._ledger.credit.rows[np.maximum(at, 0)]
        results["code"] = np.select(
            [~self._is_valid(rows), at < 0, kept["run"] > rows["run"]],
            [Code.INVALID_REQUEST, Code.WALLET_NOT_FOUND, Code.RUN_SUPERSEDED],
            Code.OK,
        )
        good = np.flatnonzero(results["code"] == 0)
        new = good[kept["run"][good] != rows["run"][good]]
        _, firsts = np.unique(at[new], return_index=True)
        new = new[np.sort(firsts)]
        beside = {place: details[row] for place, row in enumerate(new.tolist()) if row in details}
        self._record(rows[new], at[new], beside)
        results["address"][good] = self._ledger.credit.rows["scored"][at[good]]
        results["replayed"][good] = 1
        results["replayed"][new] = 0
        results["record_time"][new] = self._ledger.record_time
        return results

    def _is_valid(self, rows: ScoreRows) -> NDArray[np.bool_]:
        """One run in a message; a score in its range, or none and a cause; as of no later than now."""
        scored = (rows["score"] >= SCORE_RANGE.start) & (rows["score"] < SCORE_RANGE.stop) & (rows["cause"] == 0)
        without = (rows["score"] == 0) & (rows["cause"] != 0)
        timely = (rows["as_of"] >= 0) & (rows["as_of"] <= self._ledger.record_time)
        valid: NDArray[np.bool_] = (scored | without) & timely & (rows["run"] != 0) & (rows["run"] == rows["run"][0])
        return valid

    def _record(self, rows: ScoreRows, at: NDArray[np.int64], details: dict[int, bytes]) -> None:
        """Make, apply and seal the records of wallets (n,) that this run has not scored yet."""
        if not len(rows):
            return
        records = np.zeros(len(rows), RECORD)
        scores = records.view(SCORE)
        for name in _PUBLISHED:
            scores[name] = rows[name]
        records["kind"] = Kind.SCORE
        records[CREDIT_PREVIOUS] = self._ledger.credit.rows["head"][at]
        records["record_time"] = self._ledger.record_time
        addresses = address_after(self._core.writer.next_address, np.arange(len(rows), dtype=np.int64))
        self._ledger.credit.score(self._ledger.book, at, records, addresses)
        self._core.writer.seal(records, details, 0)

"""Published scores: a run of the card over many wallets, each of which takes its score from it once.

Runs have numbers that go up. A wallet's row knows the run that scored it last: the same again is answered with the record that it made, an
earlier one is refused. So a run may be sent again, whole or in part, by whoever and however late, and scores each wallet once.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from actors.ledger.inquiries import Turn
from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_RESULT, CreditResults, ScoreRows
from actors.shard.credit import Core
from actors.shard.messages import Answer, Output, Publish

ROWS_MAX: Final = 8_192
"""Scores in one message: 1.3 MB, made and sealed in some 5 ms. More are refused."""
QUEUE_ROWS_MAX: Final = 65_536
"""Scores that wait; beyond it the answer is BUSY."""


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
        writer = self._core.writer
        turn = Turn(self._ledger.record_time, writer.writer.number, writer.next_address, 0)
        made = self._ledger.credit.publish(self._ledger.book, turn, rows, results)
        if len(made.records):
            beside = {place: details[row] for place, row in enumerate(made.rows.tolist()) if row in details}
            writer.seal(made.records, beside if details else {}, 0)
        return results

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
from actors.records.credit_layout import CREDIT_RESULT, CreditResults
from actors.records.layout import BLOCK_RECORDS_MAX
from actors.shard.credit import Core
from actors.shard.messages import Answer, Output, Pause, Publish, Rested

ROWS_MAX: Final = 8_192
"""Scores in one message, half a megabyte. More are refused."""
QUEUE_ROWS_MAX: Final = 65_536
"""Scores that wait; beyond it the answer is BUSY."""
TURN_ROWS: Final = 40 * BLOCK_RECORDS_MAX
"""Scores made and sealed at a time, in some 1 ms, and stored in 2."""
BESIDE_ROWS: Final = 20 * BLOCK_RECORDS_MAX
"""The same while payments come: less than a millisecond each, in the loop and in the journal."""
BESIDE_EVERY_MS: Final = 4
"""While payments come, so long from one turn to the next: 250,000 scores a second at most, and what is left of the processors is theirs."""
LATE_MS: Final = 4 * BESIDE_EVERY_MS
"""A turn that comes later than it was due, as payments had theirs, is made up for, up to so much."""
BESIDE_MS: Final = 100
"""So long after the last payment do payments still count as coming."""


class _Asked:
    """A message on its way: what of it was taken so far, with what became of that."""

    def __init__(self, message: Publish) -> None:
        self.message = message
        self.taken = 0
        self.results: CreditResults = np.zeros(len(message.rows), CREDIT_RESULT)

    @property
    def rows_left(self) -> int:
        return len(self.results) - self.taken


class ScorePublication:
    """Publishes the scores of messages in turn, a part at a time, between batches of payments.

    A part is sealed only when the append of the one before has begun: an append has one of them at most, so whoever pays waits for two.
    """

    def __init__(self, core: Core, emit: Callable[[list[Output]], None]) -> None:
        self._core = core
        self._ledger = core.ledger
        self._emit = emit
        self._queue: deque[_Asked] = deque()
        self._sealed_block = 0
        self._paid_ms = -BESIDE_MS
        self._due_ms = 0
        self._rests = False

    def offer(self, message: Publish) -> None:
        """Queue a message, or answer that nothing of it was tried."""
        waiting = sum(each.rows_left for each in self._queue)
        if self._core.ready and len(message.rows) <= ROWS_MAX and waiting + len(message.rows) <= QUEUE_ROWS_MAX:
            self._queue.append(_Asked(message))
            return
        results = np.zeros(len(message.rows), CREDIT_RESULT)
        results["code"] = Code.INVALID_REQUEST if len(message.rows) > ROWS_MAX else Code.BUSY
        self._emit([Answer(ref=message.ref, value=results)])

    def paid(self, now_ms: int) -> None:
        """Somebody pays."""
        self._paid_ms = now_ms

    def rested(self, _: Rested) -> None:
        """The time to wait is over."""
        self._rests = False

    @property
    def has_work(self) -> bool:
        """Whether scores wait whose turn it is."""
        return bool(self._queue) and not self._rests and self._sealed_block <= self._core.writer.begun_block

    def turn(self, now_ms: int) -> bool:
        """Publish some of the scores that wait, if it is their turn, between batches. While payments come, wait afterwards. Gives whether
        there is more to do."""
        if not self.has_work:
            return False
        beside = now_ms - self._paid_ms < BESIDE_MS
        asked = self._queue[0]
        self._publish(asked, asked.taken + min(asked.rows_left, BESIDE_ROWS if beside else TURN_ROWS))
        if not asked.rows_left:
            self._queue.popleft()
            answers: list[Output] = [Answer(ref=asked.message.ref, value=asked.results)]
            self._core.writer.when_durable(lambda: self._emit(answers))
        if beside:
            self._rest(now_ms)
        return self.has_work

    def _rest(self, now_ms: int) -> None:
        """Until the next turn is due; one that came late is made up for."""
        self._due_ms = max(self._due_ms, now_ms - LATE_MS) + BESIDE_EVERY_MS
        if self._due_ms > now_ms:
            self._rests = True
            self._emit([Pause(then=Rested(), ms=self._due_ms - now_ms)])

    def _publish(self, asked: _Asked, end: int) -> None:
        message, first = asked.message, asked.taken
        asked.taken = end
        if end == first:
            return
        writer = self._core.writer
        turn = Turn(self._ledger.record_time, writer.writer.number, writer.next_address, 0)
        run, rows = int(message.rows["run"][0]), message.rows[first:end]
        results, seen = asked.results[first:end], message.seen[first:end]
        made = self._ledger.credit.publish(self._ledger.book, turn, run, rows, results, seen)
        if len(made.records):
            places = enumerate((first + made.rows).tolist()) if message.details else ()
            beside = {place: message.details[row] for place, row in places if row in message.details}
            writer.seal(made.records, beside, 0)
            self._sealed_block = writer.sealed_block

"""Front doors stood in for: they choose the home shard, and send a request again, with the same key, until its answer is final.

Sometimes they send it again though it was answered, or another body under the same key.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from actors.records.addresses import shard_of
from actors.records.codes import Code, is_untried
from actors.records.layout import RESULT
from actors.rpc.interface import ChainHead
from actors.shard import messages as m
from switch.gateway.attempts import RowAttempts
from switch.problems.table import UNKNOWN_NUMBER
from tests.sim.questions import FindQuestion, HeadQuestion, ReadQuestion, Request, SubmitQuestion, rows_of
from tests.sim.statements import look_into_journal
from tests.sim.switch import Switch

ANSWER_WAIT_MS: Final = (200, 2_500)
ROWS_MAX: Final = 8


class RowOfMany:
    """One row of a batch in the write queue's book of many rows: as `Attempts` is of a request that came alone."""

    __slots__ = ("_book", "_row")

    def __init__(self, book: RowAttempts, row: int) -> None:
        self._book, self._row = book, np.array([row], np.int64)

    @property
    def sent(self) -> bool:
        """Whether the row may have happened."""
        return int(self._book.results["code"][self._row[0]]) == UNKNOWN_NUMBER

    def lost(self, *, not_sent: bool) -> None:
        """No answer came."""
        self._book.lost(self._row, not_sent=not_sent)

    def untried(self, code: int) -> None:
        """A shard answered that it has not tried."""
        answer = np.zeros(1, RESULT)
        answer["code"] = code
        self._book.answered(self._row, answer)


class FrontDoor:
    """Sends, waits, sends again."""

    def __init__(self, switch: Switch, when_done: Callable[[Request], None]) -> None:
        self.switch = switch
        self.scheduler = switch.scheduler
        self.unfinished: dict[int, Request] = {}
        self.left_alone: set[int] = set()
        self._when_done = when_done
        self._queues: list[list[tuple[Request, ...]]] = [[] for _ in range(switch.shards)]

    def begin_again(self) -> None:
        """The switch was down for so long that nothing is on its way any more: send what has no final answer."""
        self._queues = [[] for _ in self._queues]
        self.left_alone.clear()
        for request in list(self.unfinished.values()):
            if request.attempt and request.known is not None:
                request.known.lost(not_sent=False)  # Whatever was on its way to it is lost.
            if request.unit[0] is request:
                request.waits = False
                self._send_later(request, self.scheduler.delay(0, 200))

    def want(self, requests: list[Request]) -> None:
        """New requests for one shard, sent in one call."""
        book = self.switch.row_attempts_class(len(requests))
        for row, request in enumerate(requests):
            request.first_sent = self.scheduler.now
            request.known = self.switch.attempts_class() if len(requests) == 1 else RowOfMany(book, row)
            self.unfinished[request.digest] = request
            self.switch.auditor.requests[request.digest] = request
        self.send(requests)

    def send(self, requests: list[Request]) -> None:
        """Send requests of one shard in one call; those for shards that are to be left alone are sent later."""
        shard = requests[0].shard
        owners = self.switch.database.segments
        homes = {shard, *(owners.get(request.body["payee"] >> 16, shard) for request in requests)}
        if homes & self.left_alone:
            attempts = [request.attempt for request in requests]
            self.scheduler.after(self.scheduler.delay(*ANSWER_WAIT_MS), self._overdue, requests, attempts)
            return
        rows = rows_of(requests)
        details = {i: bytes([i & 127]) for i, r in enumerate(requests) if r.digest % 5 == 0}
        for request in requests:
            request.attempt += 1
        attempts = [request.attempt for request in requests]

        def reply(results: Any) -> None:
            for request, result, attempt in zip(requests, results, attempts, strict=True):
                self._result(request, result, newest=request.attempt == attempt)

        question = SubmitQuestion(requests, reply)
        copies = self.switch.call(shard, question, lambda ref: m.Submit(ref=ref, rows=rows.copy(), details=details))
        for request in requests:
            if (copies > 1 or requests.count(request) > 1) and request.known is not None:
                request.known.lost(not_sent=False)  # One of two answers says nothing of the other.
        self.scheduler.after(self.scheduler.delay(*ANSWER_WAIT_MS), self._overdue, requests, attempts)

    def send_again(self, requests: list[Request]) -> None:
        """Requests that may be on their way are sent once more: one of two answers says nothing of the other."""
        for request in requests:
            if request.known is not None:
                request.known.lost(not_sent=False)
        self.send(requests)

    def _overdue(self, requests: list[Request], attempts: list[int]) -> None:
        for request, attempt in zip(requests, attempts, strict=True):
            lead = request.unit[0]
            if request.result is None and request.attempt == attempt and request.known is not None:
                request.known.lost(not_sent=False)
            if lead is request and request.result is None and request.attempt == attempt:
                self.scheduler.count("calls sent again")
                self._send_later(request, 0)

    def _result(self, request: Request, result: Any, *, newest: bool) -> None:
        code = int(result["code"])
        if not is_untried(code) or (code == Code.MOVED and self._lost_its_segment(request)):
            self.finish(request, result)
            return
        self.scheduler.count(f"answers {Code(code).name}")
        if not newest:
            return  # What an earlier call did not try, the newest may have done.
        if code == Code.DEFERRED:
            request.deferred_at = int(result["record_time"])
        lead = request.unit[0]
        if request.result is None and not lead.waits:
            self._say_untried(request, code)
            lead.waits = True
            self._send_later(lead, self.scheduler.delay(5, 200 if code == Code.DEFERRED else 600))

    def _lost_its_segment(self, request: Request) -> bool:
        """Whether a restore or failover took back the segment of the home wallet, which may be another shard's since: a front door would
        find no such wallet there."""
        segment = request.home() >> 16
        return segment > 0 and self.switch.database.segments.get(segment) != request.shard

    def _say_untried(self, request: Request, code: int) -> None:
        """What the write queue would tell a client whose time is over now, is judged: that nothing has happened must be true."""
        known = request.known
        if known is None:
            return
        known.untried(code)
        if known.sent:
            of_many = ", a row of many" if isinstance(known, RowOfMany) else ""
            self.scheduler.count(f"may have happened, though not tried at last{of_many}")
        else:
            self.switch.auditor.judge_untried(request)

    def finish(self, request: Request, result: Any) -> None:
        """A final answer has come."""
        if request.result is None:
            request.result = result.copy()
            self.unfinished.pop(request.digest, None)
            self.scheduler.count(f"final {Code(int(result['code'])).name}")
            self._when_done(request)
        if result["replayed"]:
            self.scheduler.count("replayed answers")

    def _send_later(self, request: Request, delay_ms: int) -> None:
        self.scheduler.after(delay_ms, self._enqueue, request)

    def _enqueue(self, request: Request) -> None:
        queue = self._queues[request.shard]
        queue.append(request.unit)
        if len(queue) == 1:
            self.scheduler.after(self.scheduler.delay(1, 20), self._flush, request.shard)

    def _flush(self, shard: int) -> None:
        waiting, self._queues[shard] = self._queues[shard], []
        rows: list[Request] = []
        for unit in waiting:
            if unit[0].result is not None:
                continue
            unit[0].waits = False
            if rows and len(rows) + len(unit) > ROWS_MAX:
                self.send(rows)
                rows = []
            rows.extend(unit)
        if rows:
            self.send(rows)

    def read(self, shard: int, addresses: list[int]) -> None:
        """Ask once for wallets."""
        wanted = np.array(addresses, np.int64)
        head = len(self.switch.database.journals[shard])
        question = ReadQuestion(wanted, head, lambda _: self.scheduler.count("reads answered"))
        self.switch.call(shard, question, lambda ref: m.Read(ref=ref, addresses=wanted))

    def look(self, shard: int, addresses: list[int]) -> None:
        """Ask where wallets' chains begin, then look into the journal, as one statement of the front door's does."""
        wanted = np.array(addresses, np.int64)
        head = len(self.switch.database.journals[shard])

        def reply(heads: list[ChainHead]) -> None:
            latency = self.switch.database.latency()
            self.scheduler.after(latency, look_into_journal, self.switch, shard, addresses, head, heads)

        question = HeadQuestion(wanted, head, reply)
        self.switch.call(shard, question, lambda ref: m.FindHeads(ref=ref, addresses=wanted))

    def find(self, request: Request) -> None:
        """Ask once what became of a key."""
        head = len(self.switch.database.journals[request.shard])
        question = FindQuestion(request.key_id, head, lambda _: self.scheduler.count("keys found or not"))
        _, caller, home, key = request.key_id
        raw = key.to_bytes(16, "little")
        message: Callable[[int], m.Message] = lambda ref: m.FindKey(ref=ref, caller=caller, home=home, key=raw)  # noqa: E731
        self.switch.call(request.shard, question, message)


def after_of(request: Request) -> int:
    """The address to name as `after` for what a request paid, when it is final."""
    address = int(request.result["address"])
    assert shard_of(address) == request.shard
    return address

"""The scoring actors as a shard sees them.

They are stateless and give the same bits, so whoever answers first is right.

One that failed, or was silent for a share of the limit, is passed over until it answers a probe; the batch goes to another meanwhile.
"""

import asyncio
import itertools
import logging
import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.process.shared_timer import SharedTimer
from actors.rpc.interface import Condition
from actors.rpc.members import NOBODY, Members, moved
from actors.rpc.transport import Caller
from rules.decisions.decision import DECISION, Decisions, Fallback

log = logging.getLogger(__name__)

STAND_IN: Final = struct.Struct("<IIq")
SILENT_S: Final = 0.1
"""A tenth of what a batch waits for its decisions; a single payment takes a scorer 0.1 ms."""
SILENT_PER_ROW_S: Final = 5e-6
"""What a row may take on top, its way there and back included: a full batch has 0.4 s."""
DECIDE_TIMEOUT_S: Final = 2.0
"""The batch has fallen back long before: its calls end, so that none pile up at a scorer that hangs."""
PROBE_EVERY_S: Final = 0.25


class _Scorer:
    """One scoring actor. It is passed over until a first probe is answered."""

    def __init__(self, number: int, actor: Any) -> None:
        self.number = number
        self.heard = False
        self.silent = True
        self._caller = Caller(actor)
        self._probing: asyncio.Task[None] | None = None
        self._probe()

    def ask(self, method: str, data: bytes) -> "asyncio.Future[bytes]":
        return self._caller.begin(method, data)

    def pass_over(self) -> None:
        if not self.silent:
            log.warning("scorer %d is silent or failed: it is passed over until it answers", self.number)
        self.silent = True
        self._probe()

    def _probe(self) -> None:
        if self._probing is None or self._probing.done():
            self._probing = asyncio.get_running_loop().create_task(self._probed())

    async def _probed(self) -> None:
        """Until it answers; a call to a process that is stopped waits until it goes on or is replaced. Two calls: the first may have
        gone through Ray while the direct way was made."""
        answered = 0
        while answered < 2:
            try:
                await self._caller.call("probe", b"")
                answered += 1
            except Exception as error:
                log.info("scorer %d cannot decide yet: %r", self.number, error)
            await asyncio.sleep(PROBE_EVERY_S if answered < 2 else 0)
        log.info("scorer %d answers", self.number)
        self.heard, self.silent = True, False

    def close(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
        self._caller.close()


class _Batch:
    """One batch and the scorers that are asked about it, until one answers: `answer`. Where patience ends or one fails, the next is asked
    too, and the first answer holds. Fails with the last failure when none answers, with TimeoutError when all hang."""

    def __init__(self, method: str, data: bytes, waiting: list[_Scorer], patience_s: float) -> None:
        loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[tuple[Decisions, Fallback]] = loop.create_future()
        self._method = method
        self._data = data
        self._waiting = waiting
        self._patience_s = patience_s
        self._calls: dict[asyncio.Future[bytes], _Scorer] = {}
        self._ends_at = loop.time() + DECIDE_TIMEOUT_S
        self.look_at = loop.time()
        if waiting:
            self._ask_next(self.look_at)
        else:
            self.answer.set_exception(LookupError("there are no scoring actors"))

    def _ask_next(self, now: float) -> None:
        asked = self._waiting.pop(0)
        call = asked.ask(self._method, self._data)
        self._calls[call] = asked
        self.look_at = min(now + self._patience_s, self._ends_at) if self._waiting else self._ends_at
        call.add_done_callback(self._ended)

    def look(self, now: float) -> None:
        """Patience may have ended, or all time."""
        if now >= self._ends_at:
            self._end()
            self.answer.set_exception(TimeoutError("no scorer answers"))
        elif now >= self.look_at:
            self._ask_next(now)

    def _ended(self, call: "asyncio.Future[bytes]") -> None:
        if call.cancelled():
            return
        error = call.exception()
        asked = self._calls.pop(call)
        if self.answer.done():
            return
        if error is None:
            self._end()
            data = call.result()
            found = np.frombuffer(data, DECISION, offset=STAND_IN.size), Fallback(*STAND_IN.unpack_from(data))
            self.answer.set_result(found)
            return
        asked.pass_over()
        if self._waiting:
            self._ask_next(asyncio.get_running_loop().time())
        elif not self._calls:
            self.answer.set_exception(error)

    def _end(self) -> None:
        """Those that were silent all the while are passed over."""
        for call, asked in self._calls.items():
            asked.pass_over()
            call.cancel()


class ScorerPool:
    """Asks scoring actors in turn. Make it inside the running event loop."""

    def __init__(self) -> None:
        self._asked: dict[int, _Scorer] = {}
        self._members = NOBODY
        self._turn = itertools.count()
        self._was_whole = False
        self._batches: list[_Batch] = []
        self._timer = SharedTimer(self._look)

    def take(self, members: Members) -> None:
        """Replace the scorers that moved; those that stayed are not asked anew."""
        for number in self._members.scorers.keys() - members.scorers.keys():
            self._asked.pop(number).close()
        for number, actor in moved(members.scorers, self._members.scorers).items():
            if number in self._asked:
                self._asked[number].close()
            self._asked[number] = _Scorer(number, actor)
        self._members = members

    def condition(self) -> Condition:
        """A shard is not ready before every scorer has answered once: the first payment is then decided as the thousandth is."""
        asked = self._asked.values()
        if not asked:
            return Condition(stops=["no scorers are known"])
        self._was_whole = self._was_whole or all(each.heard for each in asked)
        if not self._was_whole:
            return Condition(stops=["scorers are loading their packs"])
        silent = [each.number for each in asked if each.silent]
        if len(silent) == len(self._asked):
            return Condition(warnings=["no scorer answers: payments are decided by the fallback"])
        return Condition(warnings=[f"scorers {silent} do not answer"] if silent else [])

    def decide(
        self, payers: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> "asyncio.Future[tuple[Decisions, Fallback]]":
        """As `Scorer.decide`. Raises the last failure when none answers, TimeoutError when all hang, LookupError when there is none."""
        return self._asked_for("decide", payers, columns)

    def preview(
        self, payers: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> "asyncio.Future[tuple[Decisions, Fallback]]":
        """As `Scorer.decide` without counting. Raises as `decide`."""
        return self._asked_for("preview", payers, columns)

    def _asked_for(
        self, method: str, payers: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> "asyncio.Future[tuple[Decisions, Fallback]]":
        data = payers.astype(np.int64, copy=False).tobytes() + columns.tobytes()
        batch = _Batch(method, data, self._in_turn(), SILENT_S + len(payers) * SILENT_PER_ROW_S)
        self._batches = [each for each in self._batches if not each.answer.done()]
        self._batches.append(batch)
        self._timer.not_after(batch.look_at)
        return batch.answer

    def _look(self, now: float) -> float | None:
        for batch in self._batches:
            if not batch.answer.done():
                batch.look(now)
        self._batches = [each for each in self._batches if not each.answer.done()]
        return min((each.look_at for each in self._batches), default=None)

    def _in_turn(self) -> list[_Scorer]:
        """Those that answer, beginning with another each time, then those that are passed over: better asked than fallen back."""
        every = list(self._asked.values())
        first = next(self._turn) % len(every) if every else 0
        return sorted(every[first:] + every[:first], key=lambda asked: asked.silent)

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


class _Request:
    """One scoring actor. It is passed over until a first probe is answered."""

    def __init__(self, number: int, actor: Any) -> None:
        self.number = number
        self.heard = False
        self.silent = True
        self._caller = Caller(actor)
        self._probing: asyncio.Task[None] | None = None
        self._probe()

    async def ask(self, method: str, data: bytes) -> bytes:
        try:
            answer = await self._caller.call(method, data)
        except Exception:
            self.pass_over()
            raise
        return answer

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


class ScorerPool:
    """Asks scoring actors in turn. Make it inside the running event loop."""

    def __init__(self) -> None:
        self._asked: dict[int, _Request] = {}
        self._members = NOBODY
        self._turn = itertools.count()
        self._was_whole = False

    def take(self, members: Members) -> None:
        """Replace the scorers that moved; those that stayed are not asked anew."""
        for number in self._members.scorers.keys() - members.scorers.keys():
            self._asked.pop(number).close()
        for number, actor in moved(members.scorers, self._members.scorers).items():
            if number in self._asked:
                self._asked[number].close()
            self._asked[number] = _Request(number, actor)
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

    async def decide(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        """As `Scorer.decide`. Raises the last failure when none answers, TimeoutError when all hang, LookupError when there is none."""
        return await self._asked_for("decide", payers, columns)

    async def preview(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        """As `Scorer.decide` without counting. Raises as `decide`."""
        return await self._asked_for("preview", payers, columns)

    async def _asked_for(
        self, method: str, payers: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[Decisions, Fallback]:
        data = payers.astype(np.int64).tobytes() + columns.tobytes()
        async with asyncio.timeout(DECIDE_TIMEOUT_S):
            answer = await self._first(method, data, SILENT_S + len(payers) * SILENT_PER_ROW_S)
        return np.frombuffer(answer, DECISION, offset=STAND_IN.size), Fallback(*STAND_IN.unpack_from(answer))

    async def _first(self, method: str, data: bytes, patience_s: float) -> bytes:
        """The first answer: each time that patience ends or a scorer fails, the next one is asked too."""
        waiting = self._in_turn()
        calls: dict[asyncio.Task[bytes], _Request] = {}
        failure: BaseException = LookupError("there are no scoring actors")
        try:
            while waiting or calls:
                if waiting:
                    asked = waiting.pop(0)
                    calls[asyncio.ensure_future(asked.ask(method, data))] = asked
                wait_s = patience_s if waiting else None
                done, _ = await asyncio.wait(calls, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del calls[task]
                    error = task.exception()
                    if error is None:
                        return task.result()
                    failure = error
            raise failure
        finally:
            for task, asked in calls.items():
                asked.pass_over()
                task.cancel()

    def _in_turn(self) -> list[_Request]:
        """Those that answer, beginning with another each time, then those that are passed over: better asked than fallen back."""
        every = list(self._asked.values())
        first = next(self._turn) % len(every) if every else 0
        return sorted(every[first:] + every[:first], key=lambda asked: asked.silent)

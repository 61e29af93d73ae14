"""Per-shard read queue: at most two calls in flight.

What queues meanwhile goes into the next call.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from actors.process.time_limits import TimeLimit
from actors.records.layout import joined
from actors.rpc.interface import ChainHead, ShardUnavailable
from models.arrays import Rows
from switch.gateway.deadlines import Deadlines
from switch.gateway.gathering import Gathering

CALLS_MAX: Final = 2
CALL_ADDRESSES_MAX: Final = 8_192
QUEUE_ADDRESSES_MAX: Final = 65_536
"""Addresses that wait; beyond it the read fails as if the shard could not be reached."""

Q = TypeVar("Q", bound=np.generic)
T = TypeVar("T", Rows, list[ChainHead])


class _Question(Generic[Q, T]):
    """Addresses or rows on their way."""

    __slots__ = ("addresses", "deadline", "future", "sent")

    def __init__(self, addresses: NDArray[Q], deadline: float, future: "asyncio.Future[T]") -> None:
        self.addresses = addresses
        self.deadline = deadline
        self.future: asyncio.Future[T] = future
        self.sent = False


class Reader(Generic[Q, T]):
    """Questions about wallets to one shard. `ask`: a method of ShardClient that gives one thing for each address or row; `most`: as of
    Gathering."""

    def __init__(self, ask: Callable[[NDArray[Q]], Awaitable[T]], timeout_s: float, most: int = sys.maxsize) -> None:
        self._ask: Callable[[NDArray[Q]], Awaitable[T]] = ask
        self._timeout_s = timeout_s
        self._limit = TimeLimit(timeout_s)
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Question[Q, T]] = deque()
        self._queued = 0
        self._deadlines = Deadlines()
        self._gathering = Gathering(lambda: self._queued, self._start, most)
        self._calls: set[asyncio.Task[None]] = set()

    async def read(self, addresses: NDArray[Q]) -> T:
        """What the shard says of wallets (n,) at some time after this call. Raises ShardUnavailable."""
        if self._queued + len(addresses) > QUEUE_ADDRESSES_MAX:
            raise ShardUnavailable(True)
        future: asyncio.Future[T] = self._loop.create_future()
        question = _Question(addresses, self._loop.time() + self._timeout_s, future)
        self._queue.append(question)
        self._queued += len(addresses)
        self._deadlines.watch(question)
        self._wake()
        return await future

    async def close(self) -> None:
        """Wait for the calls under way."""
        while self._calls:
            await asyncio.wait(self._calls)
        self._deadlines.close()

    def _wake(self) -> None:
        if len(self._calls) < CALLS_MAX:
            self._gathering.wake()

    def _start(self) -> None:
        taken: list[_Question[Q, T]] = []
        count = 0
        while self._queue and (not taken or count + len(self._queue[0].addresses) <= CALL_ADDRESSES_MAX):
            taken.append(self._queue.popleft())
            count += len(taken[-1].addresses)
        self._queued -= count
        questions = [question for question in taken if not question.future.done()]
        for question in questions:
            question.sent = True
        if questions:
            self._calls.add(self._loop.create_task(self._call(questions)))
        if self._queue:
            self._wake()

    async def _call(self, questions: list[_Question[Q, T]]) -> None:
        count = sum(len(question.addresses) for question in questions)
        self._gathering.left(count)
        try:
            async with self._limit.block():
                rows = await self._ask(joined([each.addresses for each in questions], questions[0].addresses.dtype))
            start = 0
            for question in questions:
                end = start + len(question.addresses)
                if not question.future.done():
                    question.future.set_result(rows[start:end])
                start = end
        except Exception as error:
            lost = isinstance(error, ShardUnavailable | TimeoutError)
            for question in questions:
                if not question.future.done():
                    question.future.set_exception(ShardUnavailable(False) if lost else error)
        finally:
            self._gathering.returned(count)
            self._calls.discard(asyncio.current_task())
            self._deadlines.forget_done()
            if self._queue:
                self._wake()

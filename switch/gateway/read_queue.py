"""Per-shard read queue: at most two calls in flight.

What queues meanwhile goes into the next call.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from actors.records.layout import joined
from actors.rpc.interface import ChainHead, ShardUnavailable
from models.arrays import Rows
from switch.gateway.gathering import Gathering

CALLS_MAX: Final = 2
CALL_ADDRESSES_MAX: Final = 8_192
QUEUE_ADDRESSES_MAX: Final = 65_536
"""Addresses that wait; beyond it the read fails as if the shard could not be reached."""

Q = TypeVar("Q", bound=np.generic)
T = TypeVar("T", Rows, list[ChainHead])


class Reader(Generic[Q, T]):
    """Questions about wallets to one shard. `ask`: a method of ShardClient that gives one thing for each address or row; `most`: as of
    Gathering."""

    def __init__(self, ask: Callable[[NDArray[Q]], Awaitable[T]], timeout_s: float, most: int = sys.maxsize) -> None:
        self._ask: Callable[[NDArray[Q]], Awaitable[T]] = ask
        self._timeout_s = timeout_s
        self._queue: list[tuple[NDArray[Q], asyncio.Future[T]]] = []
        self._queued = 0
        self._gathering = Gathering(lambda: self._queued, self._start, most)
        self._calls: set[asyncio.Task[None]] = set()

    async def read(self, addresses: NDArray[Q]) -> T:
        """What the shard says of wallets (n,) at some time after this call. Raises ShardUnavailable."""
        if self._queued + len(addresses) > QUEUE_ADDRESSES_MAX:
            raise ShardUnavailable(True)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append((addresses, future))
        self._queued += len(addresses)
        self._wake()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await future
        except TimeoutError:
            raise ShardUnavailable(False) from None

    async def close(self) -> None:
        """Wait for the calls under way."""
        while self._calls:
            await asyncio.wait(self._calls)

    def _wake(self) -> None:
        if len(self._calls) < CALLS_MAX:
            self._gathering.wake()

    def _start(self) -> None:
        waits: list[tuple[NDArray[Q], asyncio.Future[T]]] = []
        count = 0
        while self._queue and (not waits or count + len(self._queue[0][0]) <= CALL_ADDRESSES_MAX):
            waits.append(self._queue.pop(0))
            count += len(waits[-1][0])
        self._queued -= count
        waits = [wait for wait in waits if not wait[1].done()]
        if waits:
            self._calls.add(asyncio.get_running_loop().create_task(self._call(waits)))
        if self._queue:
            self._wake()

    async def _call(self, waits: list[tuple[NDArray[Q], asyncio.Future[T]]]) -> None:
        count = sum(len(addresses) for addresses, _ in waits)
        self._gathering.left(count)
        try:
            async with asyncio.timeout(self._timeout_s):
                rows = await self._ask(joined([addresses for addresses, _ in waits], waits[0][0].dtype))
            start = 0
            for addresses, future in waits:
                if not future.done():
                    future.set_result(rows[start : start + len(addresses)])
                start += len(addresses)
        except Exception as error:
            lost = error if isinstance(error, ShardUnavailable | TimeoutError) else None
            for _, future in waits:
                if not future.done():
                    future.set_exception(ShardUnavailable(False) if lost else error)
        finally:
            self._gathering.returned(count)
            self._calls.discard(asyncio.current_task())
            if self._queue:
                self._wake()

"""The order in which a shard's blocks reach the journal, and what may be answered when.

One append is in flight; blocks sealed meanwhile wait for the next. Of an append whose outcome is unknown the first block is read
back: mine, all of it is stored; absent, the same bytes go again; another's, this writer was superseded and dies. Answers wait for
an operation (append or look at the head) that began after the request arrived and proves that the journal is still ours.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.chains import leaves_at
from actors.records.addresses import address_after, record_address
from actors.records.blocks import GENESIS, Sealed, Writer, seal
from actors.records.layout import RECORD, Records, joined
from actors.shard.messages import Append, BlockIs, Halt, HeadIs, Output, ReadBlock, ReadHead, Stored

APPEND_BLOCKS_MAX: Final = 2_048
"""Blocks in one transaction: some 16 MB, about 30 ms of database time."""
APPEND_BYTES_MAX: Final = 16 << 20
"""Bytes of records and details in one transaction. What was sealed together is stored together, so a larger unit goes alone: a batch is
65,536 records, 10.5 MB, and what `intake` lets a batch have of details."""


class AppendUnit(NamedTuple):
    """What was sealed together: the blocks, their records and the address of the first; `size`: bytes of records and details."""

    blocks: list[Sealed]
    records: Records
    first: int
    last_hash: bytes
    size: int

    @property
    def addresses(self) -> NDArray[np.int64]:
        """Addresses (n,) of the records."""
        addresses: NDArray[np.int64] = address_after(self.first, np.arange(len(self.records), dtype=np.int64))
        return addresses


class _Waiter(NamedTuple):
    block: int
    operation: int
    release: Callable[[], None]


class JournalWriter:
    """Sans-I/O: methods give the outputs to perform."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.durable_block = 0
        self.durable_hash = GENESIS
        self._sealed_block = 0
        self._sealed_hash = GENESIS
        self._waiting: list[AppendUnit] = []
        self._flight: list[AppendUnit] = []
        self._backlog = self._backlog_bytes = 0
        self._operation = self._attempt = 0
        self._busy = False
        self._waiters: list[_Waiter] = []

    @property
    def sealed_block(self) -> int:
        """Number of the newest block sealed, durable or not."""
        return self._sealed_block

    @property
    def sealed_hash(self) -> bytes:
        """Its hash."""
        return self._sealed_hash

    @property
    def next_address(self) -> int:
        """Address of slot 0 of the next block."""
        return record_address(self.writer.shard, self._sealed_block + 1, 0)

    @property
    def backlog(self) -> int:
        """Records that are sealed and not durable."""
        return self._backlog

    @property
    def backlog_bytes(self) -> int:
        """Bytes of records and details that are sealed and not durable."""
        return self._backlog_bytes

    @property
    def flight_bytes(self) -> int:
        """Bytes of them in the append that is on its way."""
        return sum(unit.size for unit in self._flight)

    @property
    def units(self) -> tuple[AppendUnit, ...]:
        """What is sealed and not durable, oldest first."""
        return (*self._flight, *self._waiting)

    def start_at(self, number: int, hash_: bytes) -> None:
        """The journal ends here; nothing sealed since counts."""
        self.durable_block = self._sealed_block = number
        self.durable_hash = self._sealed_hash = hash_
        self._waiting, self._flight, self._busy = [], [], False
        self._backlog = self._backlog_bytes = 0

    def seal(self, records: Records, details: dict[int, bytes], seen: int, controls: int = 0) -> AppendUnit:
        """Cut records into the next blocks, with these values of their headers, and queue them."""
        first = self.next_address
        blocks, last_hash = seal(
            self.writer,
            first=self._sealed_block + 1,
            previous=self._sealed_hash,
            seen=seen,
            records=records,
            details=details,
            controls=controls,
        )
        size = sum(len(block.data) + len(block.details or b"") for block in blocks)
        unit = AppendUnit(blocks, records, first, last_hash, size)
        self._waiting.append(unit)
        self._backlog += len(records)
        self._backlog_bytes += size
        self._sealed_block = blocks[-1].number
        self._sealed_hash = last_hash
        return unit

    def undurable(self, addresses: NDArray[np.int64]) -> tuple[int, Records]:
        """Which of these addresses (n,) of records, ascending, are sealed and not yet durable: those from the index that comes first, and
        their records."""
        kept = int(np.searchsorted(addresses, record_address(self.writer.shard, self.durable_block + 1, 0)))
        parts, start = [np.zeros(0, RECORD)], kept
        for unit in self.units:
            its_own = unit.addresses
            end = int(np.searchsorted(addresses, its_own[-1], "right"))
            parts.append(unit.records[np.searchsorted(its_own, addresses[start:end])])
            start = end
        return kept, joined(parts, RECORD)

    @property
    def begun_block(self) -> int:
        """Number of the newest block of which an append has begun."""
        return self._flight[-1].blocks[-1].number if self._flight else self.durable_block

    @property
    def successors(self) -> list[int]:
        """What follows each block with which an append of ours may have ended."""
        return [self.durable_block + 1, *(unit.blocks[-1].number + 1 for unit in self.units)]

    def places(self, wallet: int, head: int, units: Sequence[AppendUnit]) -> list[int]:
        """Where a wallet's chain begins, newest first: at `head` when all that is sealed is durable, and before each of the `units` that
        are not yet. The last one is durable already, or its chain begins in what is not."""
        places = [head] if head else []
        for unit in reversed(units):
            if head < unit.first:
                continue
            head = int(leaves_at(unit.records, unit.first, wallet, head))
            if head:
                places.append(head)
        return places

    def when_durable(self, release: Callable[[], None]) -> None:
        """Call `release` when all sealed so far is durable and an operation begun from now on has shown the journal to be ours."""
        self._waiters.append(_Waiter(self._sealed_block, self._operation, release))

    def next_operation(self) -> list[Output]:
        """Start an append, or, when only waiters are left, a look at the head."""
        if self._busy:
            return []
        if self._waiting:
            self._flight, blocks = self._take()
            self._begin()
            return [Append(sequence=self._operation, blocks=blocks, attempt=0)]
        if self._waiters:
            self._begin()
            return [ReadHead(sequence=self._operation)]
        return []

    def _begin(self) -> None:
        self._busy = True
        self._attempt = 0
        self._operation += 1

    def _take(self) -> tuple[list[AppendUnit], list[Sealed]]:
        taken: list[AppendUnit] = []
        blocks: list[Sealed] = []
        size = 0
        while self._waiting and (not taken or self._fits(self._waiting[0], len(blocks), size)):
            taken.append(self._waiting.pop(0))
            blocks.extend(taken[-1].blocks)
            size += taken[-1].size
        return taken, blocks

    @staticmethod
    def _fits(unit: AppendUnit, blocks: int, size: int) -> bool:
        return blocks + len(unit.blocks) <= APPEND_BLOCKS_MAX and size + unit.size <= APPEND_BYTES_MAX

    def stored(self, message: Stored) -> tuple[list[AppendUnit], list[Output]]:
        """An append ended. Gives the units now durable."""
        if message.sequence != self._operation or not self._flight:
            return [], []
        if message.outcome == "stored":
            return self._make_durable(), []
        if message.outcome == "unavailable":
            return [], self._again()
        return [], [ReadBlock(sequence=self._operation, number=self._flight[0].blocks[0].number)]

    def block_is(self, message: BlockIs) -> tuple[list[AppendUnit], list[Output]]:
        """What stands where the append in flight belongs."""
        if message.sequence != self._operation or not self._flight:
            return [], []
        first = self._flight[0].blocks[0]
        if message.number != first.number:
            return [], []
        if message.data is None:
            return [], self._again()
        if message.data == first.data:
            return self._make_durable(), []
        return [], [Halt(reason=f"block {first.number} was written by another process")]

    def _again(self) -> list[Output]:
        self._attempt += 1
        blocks = [block for unit in self._flight for block in unit.blocks]
        return [Append(sequence=self._operation, blocks=blocks, attempt=self._attempt)]

    def _make_durable(self) -> list[AppendUnit]:
        units, self._flight = self._flight, []
        self.durable_block = units[-1].blocks[-1].number
        self.durable_hash = units[-1].last_hash
        for unit in units:
            self._backlog -= len(unit.records)
            self._backlog_bytes -= unit.size
        self._finish()
        return units

    def head_is(self, message: HeadIs) -> list[Output]:
        """The newest block in the journal; anything but ours ends this process."""
        if message.sequence != self._operation or not self._busy or self._flight:
            return []
        if message.number != self.durable_block or message.hash != self.durable_hash:
            return [Halt(reason=f"the journal's head is block {message.number}, written by another process")]
        self._finish()
        return []

    def _finish(self) -> None:
        self._busy = False
        done: list[_Waiter] = []
        left: list[_Waiter] = []
        for waiter in self._waiters:
            is_done = waiter.operation < self._operation and waiter.block <= self.durable_block
            (done if is_done else left).append(waiter)
        self._waiters = left
        for waiter in done:
            waiter.release()

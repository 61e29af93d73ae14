"""The journal and the table of segments as PostgreSQL keeps them: appends are atomic, and the primary key (shard, block) is the fence.

It can be slow or out of reach, and the outcome of an append can be unknown: then it was stored, or was not, or will be later.
"""

import copy
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from actors.records.addresses import block_of, shard_of, slot_of
from actors.records.blocks import CreditEntry, Sealed, block_hash, header_of, records_of
from actors.shard import messages as m
from tests.sim.scheduler import Scheduler

SKIPPED: Final = 2
"""Segments that are left out where a timeline is new."""


class DatabaseFaults(NamedTuple):
    """How likely what goes wrong is, for one seed."""

    unavailable: float
    unknown: float
    slow: float


class Image(NamedTuple):
    """A backup: the journals, the hashes of their blocks, and the tables beside them."""

    journals: list[list[Sealed]]
    hashes: list[list[bytes]]
    references: dict[int, list[int]]
    anchors: dict[tuple[int, int], list[tuple[int, int]]]
    late: dict[tuple[int, int], list[tuple[int, ...]]]
    reviews: dict[int, tuple[int, int]]
    credit: list[CreditEntry]
    segments: dict[int, int]
    claimed_on: dict[int, int]


class Database:
    """One database for all shards; journals of blocks numbered from 1. `references`: by target, the records that refer to it; `anchors`:
    by shard and wallet, (chain time, record); `late`: the same, (effective time, record, previous, amount); `reviews`: by record, (time,
    status); `credit`: what finds credit records, as it was stored."""

    def __init__(self, scheduler: Scheduler, shards: int, faults: DatabaseFaults) -> None:
        self.scheduler = scheduler
        self.faults = faults
        self.journals: list[list[Sealed]] = [[] for _ in range(shards)]
        self.hashes: list[list[bytes]] = [[] for _ in range(shards)]
        self.references: dict[int, list[int]] = {}
        self.anchors: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self.late: dict[tuple[int, int], list[tuple[int, ...]]] = {}
        self.reviews: dict[int, tuple[int, int]] = {}
        self.credit: list[CreditEntry] = []
        self.segments: dict[int, int] = {}
        self.claimed_on: dict[int, int] = {}
        """The timeline by segment; -1: the segment was in a backup that was restored."""
        self.fresh: list[tuple[int, Sealed]] = []
        self.down_until = 0
        self.step_ms = 0
        self.step_max_ms = 0
        self.timeline = 1

    def clock_ms(self) -> int:
        """What its clock says: true time and the step by which it was set."""
        return self.scheduler.now + self.step_ms

    def set_clock(self, step_ms: int) -> None:
        """Set its clock away from true time."""
        self.step_ms = step_ms
        self.step_max_ms = max(self.step_max_ms, step_ms)

    def image(self) -> "Image":
        """All that is stored now, as a backup has it."""
        return Image(
            [list(journal) for journal in self.journals],
            [list(hashes) for hashes in self.hashes],
            {target: list(records) for target, records in self.references.items()},
            {wallet: list(anchors) for wallet, anchors in self.anchors.items()},
            {wallet: list(late) for wallet, late in self.late.items()},
            dict(self.reviews),
            list(self.credit),
            dict(self.segments),
            dict(self.claimed_on),
        )

    def restore(self, image: "Image") -> None:
        """Go back to what was stored then, as a backup is restored."""
        self._go_back(image)
        self.claimed_on.update(dict.fromkeys(self.claimed_on, -1))

    def _go_back(self, image: "Image") -> None:
        for shard, (journal, hashes) in enumerate(zip(image.journals, image.hashes, strict=True)):
            self.journals[shard][:], self.hashes[shard][:] = journal, hashes
        tables: tuple[tuple[dict[Any, Any], dict[Any, Any]], ...] = (
            (self.references, image.references),
            (self.anchors, image.anchors),
            (self.late, image.late),
            (self.reviews, image.reviews),
            (self.segments, image.segments),
            (self.claimed_on, image.claimed_on),
        )
        for kept, then in tables:
            kept.clear()
            kept.update(copy.deepcopy(then))
        self.credit[:] = image.credit
        self.down_until = 0

    def fail_over(self, image: "Image") -> None:
        """A standby takes over that has only what was stored then; what is under way in sessions of the other is lost with them."""
        self.timeline += 1
        self._go_back(image)

    def lacks(self, image: "Image") -> bool:
        """Whether more is stored now than then."""
        return image.hashes != self.hashes

    def holds(self, shard: int, block: Sealed) -> bool:
        """Whether the block before this one is stored, as its writer knows it."""
        before = block.number - 1
        if before > len(self.journals[shard]):
            return False
        return before == 0 or self.hashes[shard][before - 1] == header_of(block.data).previous

    def claim(self, shard: int) -> None:
        """Give one more segment to a shard."""
        last = max(self.segments, default=0)
        number = last + 1 + SKIPPED * abs(self.timeline - self.claimed_on.get(last, self.timeline))
        self.segments[number], self.claimed_on[number] = shard, self.timeline

    def topology(self, stamp: int = 0) -> m.Segments:
        """The table of segments as a shard reads it."""
        closed = frozenset(segment for segment, timeline in self.claimed_on.items() if timeline != self.timeline)
        return m.Segments(owners=dict(self.segments), stamp=stamp, closed=closed)

    def latency(self) -> int:
        """How long a statement takes, what is left of an outage included."""
        s = self.scheduler
        slow = s.delay(50, 800) if s.chance(self.faults.slow) else s.delay(0, 4)
        return max(self.down_until - s.now, 0) + slow

    def read(self, shard: int, first: int, limit: int) -> list[tuple[int, bytes]]:
        """Up to `limit` blocks from number `first` on."""
        return [(block.number, block.data) for block in self.journals[shard][first - 1 : first - 1 + limit]]

    def head(self, shard: int) -> tuple[int, bytes]:
        """Number and hash of the newest block."""
        return len(self.journals[shard]), self.hashes[shard][-1]

    def record(self, address: int) -> Any:
        """The record at an address of any shard's journal, None if there is none."""
        blocks = self.read(shard_of(address), block_of(address), 1)
        records = records_of(blocks[0][1]) if blocks else ()
        return records[slot_of(address)] if slot_of(address) < len(records) else None

    def append(self, shard: int, blocks: list[Sealed], reply: Callable[[str], None]) -> None:
        """Store blocks, all or none, some time from now; `reply` gets the outcome once."""
        s = self.scheduler
        if s.now < self.down_until or s.chance(self.faults.unavailable):
            s.count("appends unavailable")
            s.after(s.delay(1, 100), reply, "unavailable")
        elif s.chance(self.faults.unknown):
            s.count("appends unknown")
            self._append_unknown(shard, blocks, reply)
        else:
            s.after(self.latency(), self._store_and_reply, self.timeline, shard, blocks, reply)

    def _append_unknown(self, shard: int, blocks: list[Sealed], reply: Callable[[str], None]) -> None:
        s = self.scheduler
        answered = s.delay(1, 300)
        s.after(answered, reply, "unknown")
        timeline = self.timeline
        stored = s.random.choice(("never", "before", "late", "very late"))
        s.count(f"unknown stored {stored}")
        if stored != "never":
            late = {"before": 0, "late": s.delay(1, 30), "very late": s.delay(30, 3_000)}[stored]
            s.after(late and answered + late, self._store_late, timeline, shard, blocks)

    def _store_late(self, timeline: int, shard: int, blocks: list[Sealed]) -> None:
        if timeline == self.timeline:
            self._store(shard, blocks)

    def _store_and_reply(self, timeline: int, shard: int, blocks: list[Sealed], reply: Callable[[str], None]) -> None:
        if timeline != self.timeline:
            reply("unknown")
            return
        outcome = "stored" if self._store(shard, blocks) else "taken"
        self.scheduler.after(self.scheduler.delay(0, 3), self._reply, timeline, reply, outcome)

    def _reply(self, timeline: int, reply: Callable[[str], None], outcome: str) -> None:
        reply(outcome if timeline == self.timeline else "unknown")

    def _store(self, shard: int, blocks: list[Sealed]) -> bool:
        journal = self.journals[shard]
        assert blocks[0].number <= len(journal) + 1, "an append leaves a gap"
        if blocks[0].number <= len(journal):
            self.scheduler.count("appends taken")
            return False
        for block in blocks:
            assert block.number == len(journal) + 1
            journal.append(block)
            self.hashes[shard].append(block_hash(block.data))
            self.fresh.append((shard, block))
            for target, address in block.references:
                self.references.setdefault(target, []).append(address)
            for wallet, chain_time, address in block.anchors:
                self.anchors.setdefault((shard, wallet), []).append((chain_time, address))
            for wallet, *row in sorted(block.late, key=lambda late: late.record):
                self.late.setdefault((shard, wallet), []).append(tuple(row))
            for record, time, status in block.reviews:
                self.reviews[record] = (self.reviews.get(record, (time, status))[0], status)
            self.credit.extend(block.credit)
        self.scheduler.note(f"journal {shard}: {len(journal)} blocks", self.hashes[shard][-1])
        return True

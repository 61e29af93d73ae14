"""The newest attempts of all shards are found from the ends of their journals, without reading what is older."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from actors.backtest import newest
from actors.backtest.newest import Newest, newest_attempts
from actors.journal.interface import Block, StoredBlock
from actors.journal.memory import MemoryDatabase, MemoryJournal
from actors.records.addresses import record_address, shard_of
from actors.records.header import HEADER_BYTES
from actors.records.layout import RECORD, Kind

KINDS = (Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.SCORE, Kind.LEG)


class Watched(MemoryJournal):
    """A journal that remembers which blocks were read."""

    seen: set[int]

    async def read(self, shard: int, first: int, limit: int) -> list[StoredBlock]:
        blocks = await super().read(shard, first, limit)
        self.seen.update(block.number for block in blocks)
        return blocks


def filled(database: MemoryDatabase, shard: int, sizes: Sequence[int], seed: int) -> list[tuple[int, int]]:
    """Blocks of so many records, whose times only go on. Gives times and addresses of attempts."""
    draw, time, attempts = random.Random(f"{seed} {shard}"), 0, []
    for number, size in enumerate(sizes, 1):
        records = np.zeros(size, RECORD)
        for slot in range(size):
            time += draw.choice((0, 0, 1, 7))
            records[slot]["kind"], records[slot]["record_time"] = draw.choice(KINDS), time
            if records[slot]["kind"] in (Kind.TRANSFER, Kind.HOLD):
                attempts.append((time, int(record_address(shard, number, slot))))
        block = Block(shard=shard, number=number, records=bytes(HEADER_BYTES) + records.tobytes(), details=None)
        database.blocks[shard][number] = block
        database.numbers[shard].append(number)
    return attempts


async def found(database: MemoryDatabase, shards: int, count: int, seen: dict[int, set[int]]) -> Newest:
    def opened(shard: int) -> Watched:
        journal = Watched(database)
        journal.seen = seen.setdefault(shard, set())
        return journal

    return await newest_attempts(opened, shards, count)


@pytest.mark.parametrize("count", [1, 3, 40, 10_000])
@pytest.mark.parametrize("seed", range(5))
async def test_they_are_those_of_the_latest_record_times(
    count: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "READ_BLOCKS_MAX", 4)
    draw, database = random.Random(seed), MemoryDatabase()
    attempts = [
        each
        for shard in range(3)
        for each in filled(database, shard, [draw.randint(1, 50) for _ in range(draw.choice((0, 1, 30)))], seed)
    ]
    expected = sorted(address for _, address in sorted(attempts)[-count:])
    result = await found(database, 3, count, {})
    assert result.addresses.tolist() == expected
    there = sorted({int(shard_of(address)) for address in expected})
    assert result.ends == {shard: database.numbers[shard][-1] for shard in there}
    for shard in there:
        assert result.first_of(shard) == min(address for address in expected if shard_of(address) == shard)


async def test_of_a_long_journal_only_the_end_is_read() -> None:
    database, seen = MemoryDatabase(), dict[int, set[int]]()
    attempts = filled(database, 0, [1] * 5_000, 1)
    result = await found(database, 1, 100, seen)
    assert result.addresses.tolist() == [address for _, address in attempts[-100:]]
    assert len(seen[0]) < 1_000 and min(seen[0]) > 4_000


async def test_where_nothing_was_ever_paid_there_are_none() -> None:
    result = await found(MemoryDatabase(), 2, 5, {})
    assert (len(result.addresses), result.ends) == (0, {})

"""Records by address: whole blocks where many of one are wanted, single records where they lie far apart, zeros where there is none."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.journal.records import BLOCKS_MAX, WHOLE_FROM, FoundBlocks, records_at
from actors.records.addresses import record_address
from actors.records.header import HEADER_BYTES
from actors.records.layout import RECORD, Records

SHARD = 2


class Blocks:
    """Blocks of so many records by number, each record with its own address in it; keeps what was asked for."""

    def __init__(self, counts: dict[int, int]) -> None:
        self.counts = counts
        self.pages: list[list[int]] = []
        self.single: list[list[int]] = []

    def _records(self, number: int) -> Records:
        records = np.zeros(self.counts.get(number, 0), RECORD)
        records["reference"] = record_address(SHARD, number, 0) + np.arange(len(records))
        return records

    async def whole(self, places: NDArray[np.int64]) -> FoundBlocks:
        self.pages.append(places.tolist())
        numbers = (place & (1 << 44) - 1 for place in places.tolist())
        found = [(number, self._records(number)) for number in numbers if number in self.counts]
        return [((SHARD << 44) + number, bytes(HEADER_BYTES) + records.tobytes()) for number, records in found]

    async def alone(self, addresses: NDArray[np.int64]) -> FoundBlocks:
        self.single.append(addresses.tolist())
        found = []
        for address in addresses.tolist():
            records = self._records(address >> 8 & (1 << 44) - 1)
            if address & 255 < len(records):
                found.append((address, records[address & 255].tobytes()))
        return found


def at(*pairs: tuple[int, int]) -> NDArray[np.int64]:
    return np.array([record_address(SHARD, block, slot) for block, slot in pairs], np.int64)


PLACES: Sequence[tuple[int, int]] = [(1, 0), (1, 4), (2, 0), (3, 2), (3, 3), (5, 1)]
THERE = [True, True, False, True, False, True]


@pytest.mark.parametrize("single", [False, True])
async def test_each_record_is_found_at_its_place_and_what_is_none_is_zeros(single: bool) -> None:
    blocks, addresses = Blocks({1: 5, 3: 3, 5: 2}), at(*PLACES)
    records = await records_at(addresses, blocks.whole, blocks.alone if single else None)
    assert records["reference"].tolist() == np.where(THERE, addresses, 0).tolist()
    assert (len(blocks.pages), len(blocks.single)) == ((0, 1) if single else (1, 0))


async def test_of_blocks_from_which_many_are_wanted_the_whole_is_read() -> None:
    blocks = Blocks({1: 9})
    await records_at(at(*((1, slot) for slot in range(WHOLE_FROM))), blocks.whole, blocks.alone)
    await records_at(at(*((1, slot) for slot in range(WHOLE_FROM - 1))), blocks.whole, blocks.alone)
    assert (len(blocks.pages), len(blocks.single)) == (1, 1)


async def test_blocks_are_read_so_many_at_once() -> None:
    numbers = range(1, BLOCKS_MAX + 3)
    blocks, addresses = Blocks(dict.fromkeys(numbers, 1)), at(*((number, 0) for number in numbers))
    records = await records_at(addresses, blocks.whole)
    assert records["reference"].tolist() == addresses.tolist()
    assert [len(page) for page in blocks.pages] == [BLOCKS_MAX, 2]


async def test_records_are_read_alone_so_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.journal.records.ALONE_MAX", 4)
    blocks, addresses = Blocks({1: 5, 3: 3, 5: 2}), at(*PLACES)
    records = await records_at(addresses, blocks.whole, blocks.alone)
    assert records["reference"].tolist() == np.where(THERE, addresses, 0).tolist()
    assert [len(asked) for asked in blocks.single] == [4, 2]


async def test_of_blocks_that_are_not_there_all_is_zeros() -> None:
    assert not (await records_at(at((1, 0), (2, 0)), Blocks({}).whole))["reference"].any()

"""Where a wallet's chain begins, whatever becomes of the appends under way; and where a successor would have begun."""

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.records.addresses import record_address
from actors.records.blocks import GENESIS, Writer, block_hash
from actors.records.layout import BLOCK_RECORDS_MAX, RECORD, Kind
from actors.shard.journal_writer import JournalWriter
from actors.shard.messages import Append, BlockIs, Halt, HeadIs, ReadBlock, ReadHead, Stored

WRITER = Writer(0, 1, 7, bytes(16))
OURS, OTHER = 70_000, 70_001


def _next(writer: JournalWriter) -> Append:
    (append,) = writer.next_operation()
    assert isinstance(append, Append)
    return append


class Chained:
    """Seals payments between two wallets and keeps what a naive walk needs."""

    def __init__(self) -> None:
        self.writer = JournalWriter(WRITER)
        self.writer.start_at(4, GENESIS)
        self.previous = {OURS: record_address(0, 3, 1), OTHER: 0}

    def places(self, wallet: int, head: int) -> list[int]:
        return self.writer.places(wallet, head, self.writer.units)

    def unit(self, count: int, payers: NDArray[np.int64]) -> list[int]:
        """A unit in which each record is paid by OURS, or by a stranger to another stranger."""
        records = np.zeros(count, RECORD)
        first = self.writer.sealed_block + 1
        records["kind"] = Kind.TRANSFER
        made = []
        for i in range(count):
            address = record_address(0, first + i // 50, i % 50)
            if payers[i]:
                records[i]["payer"], records[i]["payee"] = (OURS, OTHER) if payers[i] == 1 else (OTHER, OURS)
                side = "payer" if payers[i] == 1 else "payee"
                other = "payee" if payers[i] == 1 else "payer"
                records[i][f"{side}_prev"], records[i][f"{other}_prev"] = self.previous[OURS], self.previous[OTHER]
                self.previous = {OURS: address, OTHER: address}
                made.append(address)
        self.writer.seal(records, {}, 0)
        return made


@pytest.mark.parametrize("seed", range(5))
def test_there_is_a_place_for_each_unit_that_is_not_durable_and_one_that_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chained = Chained()
    old = chained.previous[OURS]
    newest = []
    for count in (1, 50, 51, 173):
        made = chained.unit(count, rng.integers(0, 3, count))
        newest += made[-1:]
        if count == 50:
            flight = _next(chained.writer)
    places = [*reversed(newest), old]
    assert chained.places(OURS, chained.previous[OURS]) == places
    assert chained.writer.successors == [5, 6, 7, 9, 13]
    chained.writer.stored(Stored(sequence=flight.sequence, outcome="stored"))
    durable = [place for place in places if place < record_address(0, 7, 0)][:1]
    undurable = [place for place in places if place >= record_address(0, 7, 0)]
    assert chained.places(OURS, chained.previous[OURS]) == undurable + durable
    assert chained.writer.successors == [7, 9, 13]


def test_a_wallet_whose_chain_begins_in_what_is_not_durable_has_no_durable_place() -> None:
    chained = Chained()
    made = chained.unit(60, np.ones(60, np.int64))
    assert chained.places(OTHER, made[-1]) == [made[-1]]


def test_a_wallet_without_a_chain_has_no_place() -> None:
    assert Chained().places(OURS, 0) == []


def _appended(writer: JournalWriter) -> list[list[int]]:
    """The numbers of the blocks of each append, until all is stored."""
    appended = []
    while outputs := writer.next_operation():
        (append,) = outputs
        assert isinstance(append, Append)
        appended.append([block.number for block in append.blocks])
        writer.stored(Stored(sequence=append.sequence, outcome="stored"))
    return appended


def test_an_append_is_bounded_in_bytes_and_what_is_larger_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shard.journal_writer.APPEND_BYTES_MAX", 30_000)
    writer = JournalWriter(WRITER)
    for details in (9_000, 9_000, 9_000, 50_000, 9_000):
        writer.seal(np.zeros(1, RECORD), {0: bytes(details)}, 0)
    assert 86_000 < writer.backlog_bytes < 88_000
    assert _appended(writer) == [[1, 2, 3], [4], [5]]
    assert writer.backlog_bytes == 0


def test_an_append_is_bounded_in_blocks_and_what_is_larger_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shard.journal_writer.APPEND_BLOCKS_MAX", 3)
    writer = JournalWriter(WRITER)
    for blocks in (1, 2, 1, 2, 1, 4, 1):
        writer.seal(np.zeros(BLOCK_RECORDS_MAX * blocks, RECORD), {}, 0)
    assert _appended(writer) == [[1, 2, 3], [4, 5, 6], [7], [8, 9, 10, 11], [12]]


@pytest.mark.parametrize("stored", [0, 1, 2, 3])
def test_records_that_are_not_durable_are_found_by_address(stored: int) -> None:
    """And those that are: they are the first of the addresses asked for."""
    chained, chance = Chained(), np.random.default_rng(stored)
    units = []
    for count in (1, 50, 51, 173):
        chained.unit(count, chance.integers(0, 3, count))
        units.append(chained.writer.units[-1])
        if len(units) <= stored:
            append = _next(chained.writer)
            chained.writer.stored(Stored(sequence=append.sequence, outcome="stored"))
    addresses = np.concatenate([unit.addresses for unit in units])
    records = np.concatenate([unit.records for unit in units])
    asked = np.sort(chance.integers(0, len(addresses), 300))
    kept, found = chained.writer.undurable(addresses[asked])
    durable = sum(len(unit.records) for unit in units[:stored])
    assert kept == np.count_nonzero(asked < durable)
    assert (found == records[asked[kept:]]).all() and len(found) == len(asked) - kept


@pytest.mark.parametrize("late", [-1, 1])
def test_only_the_look_at_the_head_that_is_under_way_says_whose_the_journal_is(late: int) -> None:
    writer = JournalWriter(WRITER)
    released: list[int] = []
    writer.when_durable(lambda: released.append(1))
    (look,) = writer.next_operation()
    assert isinstance(look, ReadHead)
    assert writer.head_is(HeadIs(sequence=look.sequence + late, number=9, hash=bytes(32))) == []
    assert writer.next_operation() == [] and not released
    assert writer.head_is(HeadIs(sequence=look.sequence, number=0, hash=GENESIS)) == []
    assert released == [1]
    assert writer.head_is(HeadIs(sequence=look.sequence, number=9, hash=GENESIS)) == [], "it has been answered"


@pytest.mark.parametrize(("number", "hash_"), [(9, GENESIS), (0, bytes(31) + b"1")])
def test_a_head_that_is_not_ours_is_the_end(number: int, hash_: bytes) -> None:
    writer = JournalWriter(WRITER)
    released: list[int] = []
    writer.when_durable(lambda: released.append(1))
    (look,) = writer.next_operation()
    assert isinstance(look, ReadHead)
    (halt,) = writer.head_is(HeadIs(sequence=look.sequence, number=number, hash=hash_))
    assert isinstance(halt, Halt) and not released


def test_an_append_that_may_not_be_stored_is_sent_again_with_the_same_bytes_until_it_is() -> None:
    writer = JournalWriter(WRITER)
    writer.seal(np.zeros(BLOCK_RECORDS_MAX + 1, RECORD), {0: b"\x01"}, 0)
    writer.seal(np.zeros(1, RECORD), {}, 0)
    first = _next(writer)
    assert first.attempt == 0 and [block.number for block in first.blocks] == [1, 2, 3]
    for attempt in (1, 2):
        units, (again,) = writer.stored(Stored(sequence=first.sequence, outcome="unavailable"))
        assert not units and isinstance(again, Append)
        assert (again.sequence, again.attempt, again.blocks) == (first.sequence, attempt, first.blocks)
    units, (read,) = writer.stored(Stored(sequence=first.sequence, outcome="unknown"))
    assert not units and isinstance(read, ReadBlock) and read.number == 1
    assert writer.block_is(BlockIs(sequence=first.sequence + 1, number=1, data=None)) == ([], []), (
        "of another operation"
    )
    for other in (0, 2, 3):
        assert writer.block_is(BlockIs(sequence=first.sequence, number=other, data=None)) == ([], [])
    units, (again,) = writer.block_is(BlockIs(sequence=first.sequence, number=1, data=None))
    assert not units and isinstance(again, Append) and again.attempt == 3
    units, outputs = writer.block_is(BlockIs(sequence=first.sequence, number=1, data=first.blocks[0].data))
    assert [block for unit in units for block in unit.blocks] == first.blocks and outputs == []
    assert (writer.durable_block, writer.backlog) == (3, 0)
    assert writer.durable_hash == block_hash(first.blocks[-1].data) == writer.sealed_hash
    writer.seal(np.zeros(1, RECORD), {}, 0)
    assert _next(writer).attempt == 0


def test_an_answer_about_an_append_that_is_over_says_nothing_of_the_next() -> None:
    writer = JournalWriter(WRITER)
    writer.seal(np.zeros(1, RECORD), {}, 0)
    first = _next(writer)
    writer.stored(Stored(sequence=first.sequence, outcome="stored"))
    for outcome in ("stored", "unavailable", "taken"):
        assert writer.stored(Stored(sequence=first.sequence, outcome=outcome)) == ([], [])
    writer.seal(np.zeros(1, RECORD), {}, 0)
    second = _next(writer)
    assert writer.stored(Stored(sequence=first.sequence, outcome="stored")) == ([], [])
    assert writer.block_is(BlockIs(sequence=first.sequence, number=2, data=b"")) == ([], [])
    assert writer.durable_block == 1
    units, _ = writer.stored(Stored(sequence=second.sequence, outcome="stored"))
    assert len(units) == 1 and writer.durable_block == 2

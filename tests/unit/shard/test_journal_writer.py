"""Where a wallet's chain begins, whatever becomes of the appends under way; and where a successor would have begun."""

import numpy as np
import pytest

from actors.ledger.blocks import GENESIS, Writer
from actors.ledger.ids import record_address
from actors.ledger.layout import RECORD, Kind
from actors.shard.journal_writer import JournalWriter
from actors.shard.messages import Append, Stored

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

    def unit(self, count: int, payers: np.ndarray) -> list[int]:
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

"""What each decision saw is rebuilt from the journal, however it is cut; a journal that was changed is refused with the address."""

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.ledger.rebuilding import Contradiction, Rebuilder
from actors.records.layout import Kind, Records
from tests.unit.actors.ledger.both import DAY, EUR, SMALL, START, Both
from tests.unit.actors.ledger.small_world import EXTERNAL, act, opening, pay

PAYER, PAYEE, REMOTE = 1 << 16, (1 << 16) + 1, 2 << 16
Journal = tuple[Records, NDArray[np.int64], NDArray[np.int64]]


@pytest.fixture(scope="module")
def world() -> Both:
    """Batches, several at one record time too, a leg between them, and what is no attempt."""
    both = Both(scored=True)
    act(both, opening(3, EXTERNAL, EUR, 0, 0), *[opening(1, 0, EUR, 0, 0)] * 2)
    act(both, pay(EXTERNAL, PAYER, 90_000))
    both.learn(address=REMOTE, opened=START - DAY, currency=EUR, status=1, kind=2, tier=0)
    for step in range(6):
        both.advance(START + 1_000 * (step // 2))
        act(both, *(pay(PAYER, (PAYEE, REMOTE)[i % 2], 1 + i) for i in range(1 + 2 * step)))
        leg = {
            "payer": REMOTE,
            "payee": PAYER,
            "amount": 5,
            "currency": EUR,
            "effective_time": 5,
            "reference": step + 1,
        }
        both.apply_legs([leg])
        act(both, {**pay(PAYER, PAYEE, 7), "op": int(Kind.HOLD), "expires_in_s": 60}, opening(1, 0, EUR, 0, 0))
    return both


def journal_of(world: Both) -> Journal:
    records = np.concatenate([records for records, _ in world.journal])
    addresses = np.concatenate([addresses for _, addresses in world.journal])
    seen = np.concatenate([np.full(len(r), s) for (r, _), s in zip(world.journal, world.seen, strict=True)])
    return records, addresses, seen


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50, 10_000])
def test_columns_are_those_of_the_decisions_wherever_the_journal_is_cut(world: Both, step: int) -> None:
    records, addresses, seen = journal_of(world)
    rebuilder, columns, kinds, found = Rebuilder(1, SMALL), [], [], []
    for start in range(0, len(records), step):
        part = slice(start, start + step)
        rebuilt = rebuilder.feed(records[part].copy(), addresses[part], seen[part])
        columns.append(rebuilt.columns.copy())
        kinds += rebuilt.records["kind"].tolist()
        found += rebuilt.addresses.tolist()
    rebuilt = rebuilder.end()
    columns.append(rebuilt.columns.copy())
    kinds += rebuilt.records["kind"].tolist()
    found += rebuilt.addresses.tolist()
    np.testing.assert_array_equal(np.concatenate(columns), np.concatenate(world.features))
    attempts = np.isin(records["kind"], (Kind.TRANSFER, Kind.HOLD))
    assert kinds == records["kind"][attempts].tolist() and found == addresses[attempts].tolist()


def test_the_last_record_time_waits_for_more(world: Both) -> None:
    records, addresses, seen = journal_of(world)
    last = int(np.searchsorted(records["record_time"], records["record_time"][-1]))
    rebuilder = Rebuilder(1, SMALL)
    given = rebuilder.feed(records.copy(), addresses, seen)
    assert len(given.records) == np.isin(records["kind"][:last], (Kind.TRANSFER, Kind.HOLD)).sum()
    assert len(rebuilder.end().records) == np.isin(records["kind"][last:], (Kind.TRANSFER, Kind.HOLD)).sum() > 0
    assert len(rebuilder.end().records) == 0
    empty = rebuilder.feed(records[:0].copy(), addresses[:0], seen[:0])
    assert len(empty.records) == len(empty.columns) == 0


@pytest.mark.parametrize("field", ["payer_posted", "payee_posted", "payer_prev", "amount"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_changed_record_is_refused_with_its_address(world: Both, field: str, whole: bool) -> None:
    records, addresses, seen = journal_of(world)
    changed = int(np.flatnonzero((records["payer"] == PAYER) & (records["kind"] == Kind.TRANSFER))[9])
    records = records.copy()
    records[field][changed] += 1
    rebuilder = Rebuilder(1, SMALL, whole=whole)
    if field == "payer_prev" and not whole:
        rebuilder.feed(records, addresses, seen)  # links are not compared
        rebuilder.end()
        return
    with pytest.raises(Contradiction, match=rf"shard 1: record {addresses[changed]} contradicts"):
        rebuilder.feed(records, addresses, seen)
        rebuilder.end()


def test_a_journal_without_its_beginning_is_refused(world: Both) -> None:
    records, addresses, seen = journal_of(world)
    start = int(np.flatnonzero(records["kind"] == Kind.TRANSFER)[0])
    with pytest.raises(Contradiction, match=str(addresses[start])):
        Rebuilder(1, SMALL).feed(records[start:].copy(), addresses[start:], seen[start:])

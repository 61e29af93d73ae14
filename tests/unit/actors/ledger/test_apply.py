"""Admitted rows become records: of one batch each sees what those before it did, and what fails leaves nothing of itself."""

import pytest

from actors.ledger.book import READ_AHEAD
from actors.ledger.bounds import Capacity
from actors.records.addresses import record_address
from actors.records.codes import Code
from actors.records.layout import FLAG_FALLBACK, FLAG_LINKED, FLAG_REMOTE, FLAG_SCORED, REQUEST, WalletStatus
from tests.unit.actors.ledger.both import EUR, Both, array_of, crowd
from tests.unit.actors.ledger.small_world import (
    EXTERNAL,
    POOR,
    REMOTE,
    RICH,
    a_world,
    act,
    opening,
    pay,
    status,
)


@pytest.fixture
def both() -> Both:
    """A small world; see the names of `small_world`."""
    return a_world()


def test_one_key_for_a_change_and_a_transfer_of_one_batch_makes_one_of_them(both: Both) -> None:
    key = both.fresh_key()
    rows = [{**status(RICH, WalletStatus.FROZEN), **key}, {**pay(RICH, POOR, 1), **key}]
    assert act(both, *rows) == [Code.IDEMPOTENCY_MISMATCH, Code.OK]
    key = both.fresh_key()
    rows = [{**pay(RICH, POOR, 1), **key}, {**status(RICH, WalletStatus.FROZEN), **key}]
    assert [o["duplicate"] for o in both.batch(rows)] == [0, -1]
    assert both.oracle.wallets[RICH].status == WalletStatus.OPEN


def test_each_row_of_a_batch_sees_what_those_before_it_did(both: Both) -> None:
    first = both.oracle.wallets[RICH].posted
    rows = [pay(RICH, POOR, first), pay(RICH, POOR, 1), pay(POOR, RICH, first), pay(RICH, POOR, 1)]
    assert act(both, *rows) == [Code.OK, Code.INSUFFICIENT_FUNDS, Code.OK, Code.OK]
    assert (both.oracle.wallets[RICH].posted, both.oracle.wallets[POOR].posted) == (first - 1, 1)
    both.check_all()


def test_a_wallet_opened_by_a_batch_can_be_paid_by_the_next_and_each_result_names_what_its_row_made(
    both: Both,
) -> None:
    rows = [{**opening(1, 0, EUR, 0, 0), **both.fresh_key()} for _ in range(2)]
    rows.insert(1, {**pay(RICH, POOR, 5), **both.fresh_key()})
    block = both.block
    outcomes = both.batch(rows)
    wallets = [outcomes[0]["address"], outcomes[2]["address"]]
    assert wallets[1] == wallets[0] + 1 and outcomes[1]["address"] == record_address(1, block, 1)
    assert act(both, *(pay(RICH, wallet, 5) for wallet in wallets)) == [Code.OK] * 2
    both.check_all()


@pytest.mark.parametrize("done", [0, 1, 2])
def test_of_a_declined_group_the_effects_before_the_one_that_fails_are_undone(both: Both, done: int) -> None:
    chain = list(both.oracle.wallets[RICH].chain)
    rows = [pay(RICH, POOR, 1)] * done + [pay(RICH, POOR, 10**9)] + [pay(RICH, POOR, 1)] * (2 - done)
    linked = [{**row, "flags": FLAG_LINKED * (i < 2)} for i, row in enumerate(rows)]
    expected = [Code.LINKED_DECLINED] * 3
    expected[done] = Code.INSUFFICIENT_FUNDS
    before = both.oracle.wallets[RICH].posted
    assert act(both, *linked) == expected
    assert both.oracle.wallets[RICH].posted == before and list(both.oracle.wallets[RICH].chain) == chain
    assert act(both, pay(RICH, POOR, 1)) == [Code.OK]
    both.check_all()


def test_a_record_says_what_the_scorer_said_and_who_stood_in_for_it() -> None:
    world = Both(scored=True)
    act(world, opening(3, EXTERNAL, EUR, 0, 0), *[opening(1, 0, EUR, 0, 0)] * 2)
    act(world, pay(EXTERNAL, RICH, 500))
    for fallback in (False, True):
        world.batch([{**pay(RICH, POOR, 5), **world.fresh_key()}], fallback=fallback)
        record = world.journal[-1][0][0]
        assert bool(record["flags"] & FLAG_SCORED) and bool(record["flags"] & FLAG_FALLBACK) == fallback
    world.check_all()


def test_a_batch_of_more_rows_than_are_read_ahead_is_applied_in_order(both: Both) -> None:
    rows = [pay(RICH, (POOR, REMOTE)[i % 2], 1 + i % 3, label=i % 7) for i in range(3 * READ_AHEAD + 5)]
    assert act(both, *rows) == [Code.OK] * len(rows)
    records, addresses = both.journal[-1]
    assert records["label"].tolist() == [row["label"] for row in rows]
    assert (records["flags"] & FLAG_REMOTE != 0).tolist() == [row["payee"] == REMOTE for row in rows]
    assert records["payer_prev"][1:].tolist() == addresses[:-1].tolist()
    both.check_all()


def test_when_keys_are_full_a_change_makes_nothing() -> None:
    world = Both(
        scored=False, capacity=Capacity(segments=5, segment_map=16, keys=5, payers=10, attempts=100, profiles=4)
    )
    act(world, opening(3, EXTERNAL, EUR, 0, 0), *[opening(1, 0, EUR, 0, 0)] * 2)
    crowd(world.ledger, 8)
    statuses = [WalletStatus.FROZEN, WalletStatus.OPEN] * 20
    rows = array_of([{**status(RICH, each), **world.fresh_key()} for each in statuses], REQUEST)
    admitted = world.ledger.going_on(rows, world.ledger.admit(rows, world.channels, 0))
    applied = world.ledger.apply(admitted, None, record_address(1, 99, 0))
    done = len(applied.records)
    assert 0 < done < len(rows), "some find room"
    assert applied.results["code"].tolist() == [Code.OK] * done + [Code.KEYS_FULL] * (len(rows) - done)
    wallet = world.ledger.wallet(RICH)
    assert wallet is not None and wallet["status"][0] == statuses[done - 1]

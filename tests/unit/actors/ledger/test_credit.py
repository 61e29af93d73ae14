"""The tables of payment credit: what fits into them, what a checkpoint keeps of them, and that they end loudly."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from actors.ledger import credit as tables
from actors.ledger.credit import CONSENTS_OF_HOLDER_MAX, CreditBook, local_rows, place
from actors.ledger.ledger import Ledger
from actors.ledger.orders import ends_at
from actors.ledger.table import table_count
from actors.records.addresses import SEGMENT_SLOTS, record_address, wallet_address
from actors.records.codes import Code
from actors.records.credit_layout import SCORE_ROW, OrderState
from actors.records.layout import CREDIT_PREVIOUS, ORDER_STATE, Kind
from actors.shard import messages as m
from tests.unit.actors.shard.one_shard import DAY_MS, MERCHANT, SCENARIO, SMALL, OneShard


@pytest.fixture
def shard() -> OneShard:
    return OneShard()


def from_a_checkpoint(shard: OneShard) -> Ledger:
    ledger = Ledger(shard.core.ledger.config, shard.capacity)
    ledger.restore(shard.core.ledger.snapshot(), 0)
    return ledger


def kept(shard: OneShard) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in shard.core.ledger.snapshot().arrays.items()}


def granted(shard: OneShard, holder: int, **columns: int) -> int:
    return int(shard.credit(Kind.CONSENT_GRANTED, holder, **{"expiry": shard.now + DAY_MS, **columns})["code"])


def scored(shard: OneShard, holders: list[int], run: int = 1) -> None:
    rows = np.zeros(len(holders), SCORE_ROW)
    rows["holder"], rows["run"], rows["score"], rows["card"] = holders, run, 640, 1
    results = shard.ask(lambda ref: m.Publish(ref=ref, rows=rows, details={}))
    assert not results["code"].any()


def test_wallets_are_found_alike_one_by_one_and_many_at_a_time(shard: OneShard) -> None:
    holder, book = shard.wallet(balance=5), shard.core.ledger.book
    slot = holder & (SEGMENT_SLOTS - 1)
    rows = {
        1024: 1024,
        1025: -1,
        holder: SEGMENT_SLOTS + slot,
        holder + 1: -1,
        wallet_address(3, slot): -1,
        wallet_address(SMALL.segment_map, slot): -1,
        -1: -1,
    }
    assert [place(book, address) for address in rows] == [*rows.values()]
    assert local_rows(book, np.array([*rows])).tolist() == [*rows.values()]


def confirmed(shard: OneShard, order: int) -> Any:
    """The record that follows, if an order is confirmed now."""
    credit = shard.core.ledger.credit
    record = shard.core._credit._step(credit.order(order), Kind.ORDER_CONFIRMED)
    record[CREDIT_PREVIOUS] = credit.row(shard.core.ledger.book, int(record["payer"]))["head"]
    return record


NOBODY = {"payer": 0}
UNFIT: dict[str, dict[str, int]] = {
    "behind another record": {CREDIT_PREVIOUS: 9},
    "of a wallet that is not here": {"payer": 12_345_678},
    "of nobody": NOBODY,
    "of another holder": {"payer": -1, CREDIT_PREVIOUS: 0},
    "of an order that is not there": {"reference": 9},
    "no record of credit": {"kind": Kind.TRANSFER},
    "no record of credit, of nobody": {"kind": Kind.TRANSFER, **NOBODY},
    "of a dispute that is not open": {"kind": Kind.DISPUTE_RESOLVED},
    "of a review that is not open": {"kind": Kind.CREDIT_REVIEW_RESOLVED},
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_a_record_that_does_not_fit_those_before_changes_nothing(shard: OneShard, unfit: str) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop)
    credit, book = shard.core.ledger.credit, shard.core.ledger.book
    record, address = confirmed(shard, order), order + 256
    wrong = record.copy()
    for name, value in UNFIT[unfit].items():
        wrong[name] = shop if value == -1 else value
    before = kept(shard)
    assert credit.effect(book, wrong, address) is False
    assert kept(shard) == before
    records, addresses = np.array([record, wrong]), np.array([address, address + 1])
    if wrong["kind"] != Kind.TRANSFER:  # That a replay leaves to the ledger.
        records[CREDIT_PREVIOUS][1] = wrong[CREDIT_PREVIOUS] if "behind" in unfit or wrong["payer"] == shop else address
        assert credit.replay(book, records, addresses) == 1
        assert credit.row(book, holder)["head"] == address
        assert credit.order(order)["state"] == OrderState.CONFIRMED


def test_a_default_of_an_old_journal_ends_when_all_do(shard: OneShard) -> None:
    """Their records do not say when."""
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop, expiry=shard.now + DAY_MS, default_after_s=30 * 86_400)
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
    shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
    shard.wait(2 * DAY_MS)
    credit = shard.core.ledger.credit
    assert credit.order(order)["state"] == OrderState.OVERDUE
    record = confirmed(shard, order)
    record["kind"], record[ORDER_STATE], record["expiry"] = Kind.ORDER_DEFAULTED, OrderState.DEFAULTED, 0
    assert credit.effect(shard.core.ledger.book, record, order + 256)
    kept = credit.order(order)
    assert kept["timer"] == ends_at(OrderState.DEFAULTED, int(kept["due"]), 30 * 86_400)


@pytest.mark.parametrize("first", ["consent", "score"])
def test_a_checkpoint_has_all_rows_whichever_record_came_first(shard: OneShard, first: str) -> None:
    holder = shard.wallet()
    if first == "consent":
        assert granted(shard, holder) == 0
    else:
        scored(shard, [holder])
    row = shard.core.ledger.credit.row(shard.core.ledger.book, holder)
    ledger = from_a_checkpoint(shard)
    assert row["head"] > 0 and ledger.credit.row(ledger.book, holder) == row
    before = shard.state(holder)
    assert before["wallet"]["score"] == (640 if first == "score" else 0)
    after = shard.restarted().state(holder)
    assert after["writer"] != before["writer"]
    after["writer"] = before["writer"]
    assert after == before


def test_a_replay_keeps_the_keys_of_requests_and_no_others(shard: OneShard) -> None:
    """What time does has no key."""
    holder = shard.wallet()
    opened = shard.credit(Kind.DISPUTE_OPENED, holder, reference=77, expiry=shard.now + 1_000)
    shard.wait(1_000)
    assert opened["code"] == 0 and shard.kinds() == [Kind.DISPUTE_OPENED, Kind.DISPUTE_RESOLVED]
    before = table_count(shard.core.ledger.book.keys)
    assert table_count(shard.restarted().core.ledger.book.keys) == before


def test_a_consent_without_room_in_a_replay_ends_it(shard: OneShard) -> None:
    """A journal that was written here has room; what has none does not fit, and must not be looked at for ever."""
    holder = shard.wallet()
    for scenario in range(SMALL.consents):
        granted(shard, holder, scenario=scenario)
    credit, book = shard.core.ledger.credit, shard.core.ledger.book
    record = shard.core._credit._record(Kind.CONSENT_GRANTED, holder, 7, 99)
    record[CREDIT_PREVIOUS], record["expiry"] = credit.row(book, holder)["head"], shard.now + DAY_MS
    with pytest.raises(ValueError, match=r"the table of consents is full: raise `capacity.consents`"):
        credit.effect(book, record, int(record_address(0, 99, 0)))


def live(credit: CreditBook) -> list[tuple[int, ...]]:
    rows = credit.consents[credit.consents["holder"] != 0]
    return sorted(tuple(each) for each in rows[["holder", "scenario", "record"]].tolist())


def test_a_withdrawal_takes_the_consent_that_it_names(shard: OneShard) -> None:
    holder = shard.wallet()
    assert granted(shard, holder) == 0
    credit, book = shard.core.ledger.credit, shard.core.ledger.book
    before = live(credit)
    for at, (scenario, reference) in enumerate([(SCENARIO, before[0][2] + 1), (SCENARIO + 1, 0)], 1):
        record = shard.core._credit._record(Kind.CONSENT_WITHDRAWN, holder, MERCHANT, scenario)
        record["reference"], record[CREDIT_PREVIOUS] = reference, credit.row(book, holder)["head"]
        assert credit.effect(book, record, int(record_address(0, 99, at)))
        assert live(credit) == before and credit.row(book, holder)["consents"] == 1


def test_a_replay_makes_room_where_calls_that_were_refused_looked_before(
    shard: OneShard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_SWEEP_ROWS", 3)
    holder, other = shard.wallet(), shard.wallet()
    for scenario in range(SMALL.consents):
        granted(shard, holder, scenario=scenario, expiry=shard.now + (1_000 if scenario in (6, 7) else DAY_MS))
    shard.wait(1_000)
    assert [granted(shard, other) for _ in range(3)] == [Code.CONSENTS_FULL, Code.CONSENTS_FULL, 0]
    credit = shard.core.ledger.credit
    held = {int(each["scenario"]) for each in credit.consents if each["holder"] == holder}
    assert held == {*range(6)} and credit.row(shard.core.ledger.book, holder)["consents"] == 6
    assert granted(shard, other, scenario=8) == 0 and granted(shard, other, scenario=9) == Code.CONSENTS_FULL
    before = live(credit)
    assert live(shard.restarted().core.ledger.credit) == before


def listed(credit: CreditBook, holder: int) -> list[int]:
    return sorted(int(credit.orders[at]["address"]) for at in credit._orders_of(holder))


def test_orders_are_found_by_holder_and_by_payee_as_they_come_and_go(shard: OneShard) -> None:
    rng = random.Random(5)
    holders, shops = [shard.wallet() for _ in range(3)], [shard.wallet() for _ in range(2)]
    made: list[tuple[int, int, int]] = []
    for _ in range(120):
        if made and (len(made) == SMALL.orders or rng.random() < 0.4):
            order, holder, _ = made.pop(rng.randrange(len(made)))
            assert shard.credit(Kind.ORDER_CANCELLED, holder, reference=order)["code"] == 0
        else:
            holder, shop = rng.choice(holders), rng.choice(shops)
            made.append((shard.order(holder, shop, open_max=SMALL.orders), holder, shop))
        for credit in (shard.core.ledger.credit, from_a_checkpoint(shard).credit):
            for each in holders:
                assert listed(credit, each) == sorted(order for order, holder, _ in made if holder == each)
            assert [credit.paying(each) for each in shops] == [sum(shop == each for *_, shop in made) for each in shops]
            held = len(made) + len({holder for _, holder, _ in made}) + len({shop for *_, shop in made})
            assert table_count(credit.order_table) == held, "of a holder or payee that has none left nothing stays"


def test_consents_that_have_ended_make_room_in_one_walk_along_their_holders(monkeypatch: pytest.MonkeyPatch) -> None:
    shard = OneShard(msgspec.structs.replace(SMALL, consents=2 * CONSENTS_OF_HOLDER_MAX))
    holders, walked = [shard.wallet() for _ in range(2)], [0]
    for holder in holders:
        for scenario in range(CONSENTS_OF_HOLDER_MAX):
            assert (
                granted(shard, holder, scenario=scenario, expiry=shard.now + (DAY_MS if scenario % 4 else 1_000)) == 0
            )
    walk = CreditBook._consents_of

    def counted(self: CreditBook, row: Any) -> Iterator[int]:
        for at in walk(self, row):
            walked[0] += 1
            yield at

    shard.wait(1_000)
    monkeypatch.setattr(CreditBook, "_consents_of", counted)
    assert granted(shard, holders[0], scenario=999) == 0, "its own make room"
    other = shard.wallet()
    for scenario in range(CONSENTS_OF_HOLDER_MAX // 4):
        assert granted(shard, other, scenario=scenario) == 0, "and those of others, for the last one"
    assert walked[0] <= 2 * CONSENTS_OF_HOLDER_MAX
    credit, book = shard.core.ledger.credit, shard.core.ledger.book
    later = {at for at in range(CONSENTS_OF_HOLDER_MAX) if at % 4}
    for holder, held in zip(holders, (later | {999}, later), strict=True):
        row = credit.row(book, holder)
        assert {int(credit.consents[at]["scenario"]) for at in walk(credit, row)} == held
        assert row["consents"] == len(held)

"""Disputes of entries and reviews of decisions: clocks, answers, and what comes back only with notice."""

from typing import Any

import msgspec
import numpy as np
import pytest

from actors.audit.credit import CreditCheck
from actors.ledger.rebuilding import Rebuilder
from actors.records.blocks import addresses_of, records_of
from actors.records.codes import Code
from actors.records.credit_layout import SCORE_ROW, InquiryResult, OrderState, Resolution
from actors.records.layout import RESOLUTION, Kind
from actors.shard import messages as m
from actors.shard.disputes import REVIEWS_MAX
from rules.vocabulary.columns import INDEX, NULL
from tests.unit.actors.shard.one_shard import DAY_MS, SMALL, OneShard


@pytest.fixture
def shard() -> OneShard:
    return OneShard()


def opened(shard: OneShard, holder: int, kind: Kind = Kind.DISPUTE_OPENED, reference: int = 77) -> int:
    stated: dict[str, Any] = {"reference": reference, "expiry": shard.now + 30 * DAY_MS}
    made = shard.credit(kind, holder, **stated)
    assert made["code"] == 0
    return int(made["address"])


def published(shard: OneShard, holder: int, score: int, run: int) -> int:
    """Address of a score."""
    scores = np.zeros(1, SCORE_ROW)
    scores["holder"], scores["score"], scores["run"], scores["as_of"] = holder, score, run, 1
    (made,) = shard.ask(lambda ref: m.Publish(ref=ref, rows=scores, details={}))
    assert made["code"] == 0
    return int(made["address"])


def audited(shard: OneShard) -> list[tuple[int, str]]:
    check = CreditCheck()
    wrong: list[tuple[int, str]] = []
    for block in shard.blocks:
        records = records_of(block.data)
        wrong += check.wrong(records, addresses_of(0, block.number, len(records)))
    return wrong


def test_a_dispute_is_forwarded_and_resolved(shard: OneShard) -> None:
    holder = shard.wallet()
    dispute = opened(shard, holder)
    assert shard.state(holder)["credit"]["disputed"] == 1
    forwarded = {"reference": dispute, "expiry": shard.now + 20 * DAY_MS}
    assert shard.credit(Kind.DISPUTE_FORWARDED, holder, **forwarded)["code"] == 0
    assert shard.credit(Kind.DISPUTE_FORWARDED, holder, **forwarded)["code"] == Code.CASE_NOT_OPEN
    resolved = {"reference": dispute, "kind": Resolution.KEPT}
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder + 1, **resolved)["code"] == Code.CASE_NOT_OPEN
    assert shard.credit(Kind.CREDIT_REVIEW_RESOLVED, holder, **resolved)["code"] == Code.CASE_NOT_OPEN
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, reference=dispute, kind=9)["code"] == Code.INVALID_REQUEST
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, **resolved)["code"] == Code.CASE_UNANSWERED
    assert shard.credit(Kind.DISPUTE_ANSWERED, holder, **resolved, account=8)["code"] == Code.CASE_NOT_OPEN
    assert shard.credit(Kind.DISPUTE_ANSWERED, holder, **resolved)["code"] == 0
    shard.restarted()
    assert shard.credit(Kind.DISPUTE_ANSWERED, holder, **resolved)["code"] == Code.CASE_NOT_OPEN
    assert shard.state(holder)["credit"]["disputed"] == 1, "its source has answered, nobody has decided"
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, **resolved)["code"] == 0
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, **resolved)["code"] == Code.CASE_NOT_OPEN
    assert shard.state(holder)["credit"]["disputed"] == 0
    assert audited(shard) == []


def test_a_dispute_that_nobody_answers_in_time_is_resolved_for_the_holder(shard: OneShard) -> None:
    holder = shard.wallet()
    dispute = opened(shard, holder)
    shard.credit(Kind.DISPUTE_FORWARDED, holder, reference=dispute, expiry=shard.now + 20 * DAY_MS)
    shard.restarted()
    shard.wait(20 * DAY_MS - 1)
    assert shard.state(holder)["credit"]["disputed"] == 1
    shard.wait(1)
    assert shard.state(holder)["credit"]["disputed"] == 0
    record = shard.records()[shard.records()["kind"] == Kind.DISPUTE_RESOLVED][0]
    assert (record[RESOLUTION], record["reference"]) == (Resolution.DELETED, dispute)
    head = int(shard.state(holder)["credit"]["head"])
    assert shard.credit(Kind.DISPUTE_REINSERTED, holder, reference=dispute)["code"] == Code.INVALID_REQUEST
    assert shard.credit(Kind.DISPUTE_REINSERTED, holder, reference=dispute, seen=head)["code"] == 0
    assert audited(shard) == []


@pytest.mark.parametrize("days", [0, 5])
def test_a_dispute_that_nobody_forwards_in_time_is_forwarded(shard: OneShard, days: int) -> None:
    holder = shard.wallet()
    due = shard.now + 30 * DAY_MS
    stated = {"reference": 77, "expiry": due, "confirm_by": shard.now + days * DAY_MS or 1}
    dispute = int(shard.credit(Kind.DISPUTE_OPENED, holder, **stated)["address"])
    if days:
        shard.restarted()
        shard.wait(days * DAY_MS - 1)
        assert Kind.DISPUTE_FORWARDED not in shard.kinds()
        shard.wait(1)
    (forwarded,) = shard.records()[shard.records()["kind"] == Kind.DISPUTE_FORWARDED]
    assert (forwarded["reference"], forwarded["expiry"], forwarded["caller"]) == (dispute, due, 0)
    assert forwarded["record_time"] == forwarded["effective_time"] == shard.now
    shard.restarted()
    shard.wait(due - shard.now)
    assert shard.kinds()[-1] == Kind.DISPUTE_RESOLVED, "the clock to the answer goes on"
    assert audited(shard) == []


def test_a_review_waits_for_an_analyst_however_late(shard: OneShard) -> None:
    holder = shard.wallet()
    review = opened(shard, holder, Kind.CREDIT_REVIEW_OPENED)
    shard.wait(31 * DAY_MS)
    stated = {"reference": review, "kind": Resolution.OVERTURNED}
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, **stated)["code"] == Code.CASE_NOT_OPEN
    assert shard.credit(Kind.CREDIT_REVIEW_RESOLVED, holder, **stated)["code"] == 0
    assert audited(shard) == []


def test_a_merchant_asks_so_often_a_day_whoever_it_asks_about(shard: OneShard) -> None:
    holder = shard.wallet()
    for home, who in ((holder, holder), (12_345_678, 0)):
        for _ in range(3):
            assert shard.credit(Kind.INQUIRY, who, home=home, open_max=3)["code"] == 0
        shard.restarted()
        stated = {"home": home, "open_max": 3, "kind": InquiryResult.NOT_AVAILABLE}
        assert shard.credit(Kind.INQUIRY, who, **stated)["code"] == Code.TOO_MANY_DECISIONS
        assert shard.credit(Kind.INQUIRY, who, **{**stated, "open_max": 4})["code"] == 0
        assert shard.credit(Kind.INQUIRY, who, **stated, account=8)["code"] == 0
    shard.wait(DAY_MS)
    assert shard.credit(Kind.INQUIRY, holder, home=holder, open_max=3)["code"] == 0


@pytest.mark.parametrize("state", [OrderState.OVERDUE, OrderState.DEFAULTED], ids=lambda s: s.name.lower())
def test_what_is_deleted_of_an_order_counts_no_more_until_it_comes_back(shard: OneShard, state: OrderState) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop, expiry=shard.now + 2 * DAY_MS, default_after_s=30 * 86_400)
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
    shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
    for _ in range(40):
        if shard.state(holder, order)["order"]["state"] < state:
            shard.wait(DAY_MS)

    def counts() -> tuple[int, int]:
        row = shard.state(holder)["credit"]
        return int(row["overdue"]), int(row["defaulted"])

    counted = (int(state is OrderState.OVERDUE), int(state is OrderState.DEFAULTED))
    assert counts() == counted
    entry = int(shard.state(holder, order)["order"][f"{state.name.lower()}_at"])
    dispute = opened(shard, holder, reference=entry)
    shard.credit(Kind.DISPUTE_RESOLVED, holder, reference=dispute, kind=Resolution.DELETED)
    assert counts() == (0, 0)
    shard.restarted()
    assert counts() == (0, 0)
    head = int(shard.state(holder)["credit"]["head"])
    assert shard.credit(Kind.DISPUTE_REINSERTED, holder, reference=dispute, seen=head)["code"] == 0
    assert counts() == counted
    again = opened(shard, holder, reference=order)
    shard.credit(Kind.DISPUTE_RESOLVED, holder, reference=again, kind=Resolution.DELETED)
    for _ in range(40):
        shard.wait(DAY_MS)
    assert counts() == (0, 0), "not even when it defaults then"
    shard.pay(op=Kind.TRANSFER, payer=shard.wallet(balance=5_000), payee=holder, amount=700)
    assert shard.credit(Kind.ORDER_PAID, holder, reference=order)["state"] == OrderState.PAID
    assert counts() == (0, 0)


def test_a_score_that_nobody_defends_in_time_is_none(shard: OneShard) -> None:
    holder = shard.wallet()
    address = published(shard, holder, 640, run=1)
    opened(shard, holder, reference=77)
    shard.wait(31 * DAY_MS)
    assert shard.state(holder)["credit"]["score"] == 640, "the other entry is deleted"
    opened(shard, holder, reference=address)
    shard.wait(31 * DAY_MS)
    shard.restarted()
    state = shard.state(holder)
    assert (state["credit"]["score"], state["credit"]["scored"], state["wallet"]["score"]) == (0, 0, 0)
    published(shard, holder, 640, run=2)
    assert shard.state(holder)["credit"]["score"] == 640, "the next run gives another"


def test_a_score_that_is_corrected_stays_until_a_run_gives_another(shard: OneShard) -> None:
    holder = shard.wallet()
    scores = np.zeros(1, SCORE_ROW)
    scores["holder"], scores["score"], scores["run"], scores["as_of"] = holder, 640, 1, 1
    (published,) = shard.ask(lambda ref: m.Publish(ref=ref, rows=scores, details={}))
    dispute = opened(shard, holder, reference=int(published["address"]))
    resolved = {"reference": dispute, "kind": Resolution.CORRECTED}
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, **resolved)["code"] == 0
    state = shard.state(holder)
    assert (state["credit"]["score"], state["wallet"]["score"]) == (640, 640)


def test_one_holder_cannot_fill_the_table_of_cases_with_reviews(shard: OneShard) -> None:
    holder = shard.wallet()
    opened(shard, holder)
    for _ in range(REVIEWS_MAX):
        opened(shard, holder, Kind.CREDIT_REVIEW_OPENED)
    more = shard.credit(Kind.CREDIT_REVIEW_OPENED, holder, reference=77, expiry=shard.now + DAY_MS)
    assert more["code"] == Code.CASES_FULL
    opened(shard, holder)
    opened(shard, shard.wallet(), Kind.CREDIT_REVIEW_OPENED)


def counts(shard: OneShard, holder: int) -> tuple[int, int]:
    row = shard.state(holder)["credit"]
    return int(row["overdue"]), int(row["defaulted"])


def owed(shard: OneShard, holder: int, shop: int) -> int:
    order = shard.order(holder, shop, expiry=shard.now + 2 * DAY_MS, default_after_s=30 * 86_400)
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
    shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
    return order


def deleted(shard: OneShard, holder: int, entry: int, outcome: Resolution = Resolution.DELETED) -> int:
    dispute = opened(shard, holder, reference=entry)
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, reference=dispute, kind=outcome)["code"] == 0
    return dispute


def reinserted(shard: OneShard, holder: int, dispute: int) -> None:
    head = int(shard.state(holder)["credit"]["head"])
    assert shard.credit(Kind.DISPUTE_REINSERTED, holder, reference=dispute, seen=head)["code"] == 0


def test_what_is_deleted_twice_counts_no_less_than_once(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = owed(shard, holder, shop)
    shard.wait(3 * DAY_MS)
    assert counts(shard, holder) == (1, 0)
    first, second = deleted(shard, holder, order), deleted(shard, holder, order)
    assert counts(shard, holder) == (0, 0)
    reinserted(shard, holder, second)
    assert counts(shard, holder) == (0, 0), "that one had deleted nothing"
    reinserted(shard, holder, first)
    reinserted(shard, holder, first)
    assert counts(shard, holder) == (1, 0)


@pytest.mark.parametrize("outcome", [Resolution.DELETED, Resolution.CORRECTED], ids=str)
def test_an_order_whose_dispute_was_won_before_it_is_overdue_counts_neither_as_overdue_nor_as_defaulted(
    shard: OneShard, outcome: Resolution
) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    deleted(shard, holder, owed(shard, holder, shop), outcome)
    shard.wait(3 * DAY_MS)
    assert counts(shard, holder) == (0, 0)
    shard.wait(40 * DAY_MS)
    assert counts(shard.restarted(), holder) == (0, 0)


def test_an_order_that_came_back_before_it_is_overdue_counts_when_it_is(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    dispute = deleted(shard, holder, owed(shard, holder, shop))
    reinserted(shard, holder, dispute)
    assert counts(shard, holder) == (0, 0)
    shard.wait(3 * DAY_MS)
    assert counts(shard, holder) == (1, 0)


def test_an_order_that_was_corrected_since_stays_cleared_when_a_deletion_is_reinserted(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = owed(shard, holder, shop)
    first = deleted(shard, holder, order)
    shard.wait(3 * DAY_MS)
    deleted(shard, holder, order, Resolution.CORRECTED)
    reinserted(shard, holder, first)
    assert counts(shard, holder) == (0, 0)
    shard.wait(40 * DAY_MS)
    assert counts(shard.restarted(), holder) == (0, 0)


@pytest.mark.parametrize(
    ("outcome", "back", "kept"),
    [(Resolution.DELETED, False, 0), (Resolution.DELETED, True, 1), (Resolution.CORRECTED, False, 1)],
    ids=["deleted", "reinserted", "corrected"],
)
def test_an_order_that_is_paid_counts_as_kept_unless_it_stands_deleted(
    shard: OneShard, outcome: Resolution, back: bool, kept: int
) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = owed(shard, holder, shop)
    dispute = deleted(shard, holder, order, outcome)
    if back:
        reinserted(shard, holder, dispute)
    shard.pay(op=Kind.TRANSFER, payer=shard.wallet(balance=5_000), payee=holder, amount=700)
    assert shard.credit(Kind.ORDER_PAID, holder, reference=order)["state"] == OrderState.PAID
    assert shard.state(holder)["credit"]["kept"] == kept
    assert shard.state(holder)["credit"]["open"] == 0
    assert shard.restarted().state(holder)["credit"]["kept"] == kept


def test_an_order_that_was_deleted_and_corrected_counts_as_kept_once_it_comes_back(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    orders = [owed(shard, holder, shop) for _ in range(2)]
    first, _ = [deleted(shard, holder, order) for order in orders]
    for order in orders:
        deleted(shard, holder, order, Resolution.CORRECTED)
    reinserted(shard, holder, first)
    shard.pay(op=Kind.TRANSFER, payer=shard.wallet(balance=5_000), payee=holder, amount=1_400)
    for order in orders:
        assert shard.credit(Kind.ORDER_PAID, holder, reference=order)["state"] == OrderState.PAID
    assert shard.state(holder)["credit"]["kept"] == 1, "the other one still stands deleted"


def test_what_is_deleted_of_one_order_leaves_those_of_others_and_other_orders(shard: OneShard) -> None:
    holder, other, shop = shard.wallet(), shard.wallet(), shard.wallet()
    orders = [owed(shard, holder, shop) for _ in range(2)]
    owed(shard, other, shop)
    shard.wait(3 * DAY_MS)
    assert (counts(shard, holder), counts(shard, other)) == ((2, 0), (1, 0))
    deleted(shard, other, orders[0])
    assert (counts(shard, holder), counts(shard, other)) == ((2, 0), (1, 0))
    deleted(shard, holder, orders[0])
    assert (counts(shard, holder), counts(shard, other)) == ((1, 0), (1, 0))
    shard.restarted()
    assert (counts(shard, holder), counts(shard, other)) == ((1, 0), (1, 0))


@pytest.mark.parametrize("wrong", [{"reference": 0}, {"expiry": 0}], ids=str)
def test_what_begins_about_nothing_or_is_due_already_is_refused(shard: OneShard, wrong: dict[str, int]) -> None:
    holder, before = shard.wallet(), len(shard.blocks)
    stated = {"reference": 77, "expiry": DAY_MS} | wrong
    stated["expiry"] += shard.now
    assert shard.credit(Kind.DISPUTE_OPENED, holder, **stated)["code"] == Code.INVALID_REQUEST
    assert len(shard.blocks) == before
    dispute = opened(shard, holder)
    forwarded = {"reference": dispute, "expiry": shard.now}
    assert shard.credit(Kind.DISPUTE_FORWARDED, holder, **forwarded)["code"] == Code.INVALID_REQUEST


def test_a_full_table_of_cases_is_an_answer_and_what_is_over_makes_room() -> None:
    shard = OneShard(msgspec.structs.replace(SMALL, cases=2))
    holder = shard.wallet()
    cases = [opened(shard, holder), opened(shard, holder, Kind.CREDIT_REVIEW_OPENED)]
    more = {"reference": 77, "expiry": shard.now + DAY_MS}
    assert shard.credit(Kind.DISPUTE_OPENED, holder, **more)["code"] == Code.CASES_FULL
    for _ in range(2):
        shard.credit(Kind.DISPUTE_RESOLVED, holder, reference=cases[0], kind=Resolution.CORRECTED)
        assert len(shard.core.ledger.credit.open_cases()) == 1
        over, cases[0] = cases[0], opened(shard.restarted(), holder)
        again = {"reference": over, "kind": Resolution.DELETED}
        assert shard.credit(Kind.DISPUTE_RESOLVED, holder, **again)["code"] == Code.CASE_NOT_OPEN
        assert shard.credit(Kind.DISPUTE_OPENED, holder, **more)["code"] == Code.CASES_FULL


@pytest.mark.parametrize("later", [False, True])
def test_what_is_rebuilt_of_a_payment_saw_no_score_that_was_deleted(shard: OneShard, later: bool) -> None:
    holder, shop = shard.wallet(balance=100), shard.wallet()
    address = published(shard, holder, 640, run=1)
    dispute = opened(shard, holder, reference=address)
    if later:
        published(shard, holder, 650, run=2)
    shard.wait(1)
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, reference=dispute, kind=Resolution.DELETED)["code"] == 0
    assert shard.pay(op=Kind.TRANSFER, payer=holder, payee=shop, amount=1)["code"] == 0
    rebuilder, seen = Rebuilder(0, shard.capacity), []
    for block in shard.blocks:
        records = records_of(block.data).copy()
        last = np.full(len(records), addresses_of(0, block.number, 1)[0] - 1)
        rebuilt = rebuilder.feed(records, addresses_of(0, block.number, len(records)), last)
        seen += rebuilt.columns[:, INDEX["payer_score"]].tolist()
    seen += rebuilder.end().columns[:, INDEX["payer_score"]].tolist()
    assert seen[-1] == (650 if later else NULL)


def test_reviews_that_nobody_answers_leave_room_for_disputes() -> None:
    shard = OneShard(msgspec.structs.replace(SMALL, cases=4))
    holders = [shard.wallet() for _ in range(3)]
    for holder in holders[:2]:
        opened(shard, holder, Kind.CREDIT_REVIEW_OPENED)
    more = shard.credit(Kind.CREDIT_REVIEW_OPENED, holders[2], reference=77, expiry=shard.now + DAY_MS)
    assert more["code"] == Code.CASES_FULL
    for holder in holders[:2]:
        opened(shard, holder)
    full = shard.credit(Kind.DISPUTE_OPENED, holders[2], reference=77, expiry=shard.now + DAY_MS)
    assert full["code"] == Code.CASES_FULL

"""Consents, inquiries and service orders of one shard: what each call makes, and what it leaves alone."""

import heapq
from typing import Any

import msgspec
import numpy as np
import pytest

from actors.audit.credit import CreditCheck
from actors.ledger import credit as tables
from actors.ledger.orders import ALLOWED, ATTEMPTS_AFTER_MS, COMPLETE_WITHIN_MS
from actors.ledger.table import remove, table_count
from actors.records.blocks import addresses_of, entries_of, header_of, records_of
from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_REQUEST, InquiryResult, OrderKind, OrderState
from actors.records.ids import transfer_id
from actors.records.layout import ACCOUNT, ORDER_KIND, SCENARIO, Kind
from actors.shard import credit as credit_requests
from actors.shard import messages as m
from actors.shard.credit import QUEUE_ROWS_MAX, TURN_ROWS_MAX
from tests.unit.actors.shard.one_shard import DAY_MS, MERCHANT, SMALL, OneShard
from tests.unit.actors.shard.one_shard import SCENARIO as ASKED


@pytest.fixture
def shard() -> OneShard:
    return OneShard()


def granted(shard: OneShard, holder: int, **columns: int) -> int:
    made = shard.credit(Kind.CONSENT_GRANTED, holder, **{"expiry": shard.now + 365 * DAY_MS, **columns})
    assert made["code"] == 0, made
    return int(made["address"])


def snapshot(shard: OneShard) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in shard.core.ledger.snapshot().arrays.items()}


def test_a_consent_lives_until_it_is_withdrawn_or_ends(shard: OneShard) -> None:
    holder = shard.wallet()
    consent = granted(shard, holder, expiry=shard.now + 1_000, version=4)
    live = shard.state(holder)["consent"]
    assert (live["record"], live["version"]) == (consent, 4)
    assert not shard.state(holder, account=8)["consent"]["record"]
    shard.wait(1_000)
    assert not shard.state(holder)["consent"]["record"]
    again = granted(shard, holder)
    assert shard.credit(Kind.CONSENT_WITHDRAWN, holder, reference=consent)["code"] == Code.CONSENT_NOT_FOUND
    assert shard.credit(Kind.CONSENT_WITHDRAWN, holder, reference=again)["code"] == 0
    assert not shard.state(holder)["consent"]["record"]
    assert shard.credit(Kind.CONSENT_WITHDRAWN, holder, reference=again)["code"] == Code.CONSENT_NOT_FOUND


def test_consents_to_several_accounts_stand_beside_each_other(shard: OneShard) -> None:
    """From the first account on, which is number 1."""
    holder = shard.wallet()
    consents = {account: granted(shard, holder, account=account) for account in (1, 2, MERCHANT)}
    for account, consent in consents.items():
        assert shard.state(holder, account=account)["consent"]["record"] == consent
    assert not shard.state(holder, account=0)["consent"]["record"]


def test_a_key_gets_the_first_answer_again_and_nothing_is_recorded_twice(shard: OneShard) -> None:
    holder = shard.wallet()
    first = shard.credit(Kind.CONSENT_GRANTED, holder, expiry=shard.now + DAY_MS, key=77)
    again = shard.restarted().credit(Kind.CONSENT_GRANTED, holder, expiry=shard.now + DAY_MS, key=77)
    assert (again["address"], again["replayed"]) == (first["address"], 1)
    assert shard.kinds() == [Kind.CONSENT_GRANTED]


def test_an_inquiry_that_rests_on_an_older_chain_is_looked_at_again(shard: OneShard) -> None:
    holder = shard.wallet()
    consent = granted(shard, holder)
    asked = {"kind": InquiryResult.YES, "reference": consent, "expiry": shard.now + DAY_MS, "amount": 500}
    deferred = shard.credit(Kind.INQUIRY, holder, seen=0, **asked)
    assert (deferred["code"], deferred["record_time"]) == (Code.DEFERRED, shard.now), "when it is looked at again"
    assert shard.credit(Kind.ORDER_PAID, holder, reference=9)["record_time"] == 0, "that is not"
    head = int(shard.state(holder)["credit"]["head"])
    assert head == consent
    made = shard.credit(Kind.INQUIRY, holder, seen=head, **asked)
    assert made["code"] == 0 and shard.state(holder)["credit"]["head"] == made["address"]
    shard.credit(Kind.CONSENT_WITHDRAWN, holder, reference=consent)
    head = int(shard.state(holder)["credit"]["head"])
    assert shard.credit(Kind.INQUIRY, holder, seen=head, **asked)["code"] == Code.DEFERRED


def test_a_state_to_record_a_decision_on_is_shown_at_once_and_any_other_once_it_is_durable(shard: OneShard) -> None:
    holder = shard.wallet()
    shard.away = True
    with pytest.raises(KeyError):
        granted(shard, holder)
    assert shard.state(holder, to_record=1)["consent"]["holder"] == holder, "not stored yet"
    with pytest.raises(KeyError):
        shard.state(holder)


@pytest.mark.parametrize("result", [InquiryResult.YES, InquiryResult.NOT_AVAILABLE])
def test_a_decision_is_recorded_by_the_writer_that_showed_what_it_rests_on(
    shard: OneShard, result: InquiryResult
) -> None:
    holder = shard.wallet()
    asked = {"kind": result, "reference": granted(shard, holder), "expiry": shard.now + DAY_MS}
    shown = shard.state(holder, to_record=1)
    asked |= {"writer": int(shown["writer"]), "seen": int(shown["credit"]["head"]) if result else -1}
    made = shard.credit(Kind.INQUIRY, holder, **asked, key=901)
    assert made["code"] == 0
    shard.restarted()
    again = shard.credit(Kind.INQUIRY, holder, **asked, key=901)
    assert (again["code"], again["address"], again["replayed"]) == (0, made["address"], 1)
    assert shard.credit(Kind.INQUIRY, holder, **asked, key=902)["code"] == Code.DEFERRED
    shown = shard.state(holder, to_record=1)
    asked |= {"writer": int(shown["writer"]), "seen": int(shown["credit"]["head"])}
    assert shard.credit(Kind.INQUIRY, holder, **asked, key=902)["code"] == 0


def test_an_inquiry_about_nobody_is_recorded_too(shard: OneShard) -> None:
    made = shard.credit(Kind.INQUIRY, 0, home=12_345_678)
    assert made["code"] == 0
    (entry,) = [entry for block in shard.blocks for entry in block.credit]
    assert entry == (0, made["address"], Kind.INQUIRY, 0, MERCHANT)


def test_an_order_is_collected_in_one_unit_with_its_transfer(shard: OneShard) -> None:
    holder, shop = shard.wallet(balance=900), shard.wallet()
    order = shard.order(holder, shop)
    assert shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)["code"] == Code.ORDER_STATE
    assert shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)["code"] == 0
    assert shard.state(holder)["credit"]["open"] == 1
    assert shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=1_001)["code"] == Code.CAP_EXCEEDED
    done = shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
    assert (done["code"], done["state"]) == (0, OrderState.PAID)
    (unit,) = [b for b in shard.blocks if any(e.kind == Kind.ORDER_PAID for e in b.credit)]
    assert done["transfer"] == unit.number << 8 and header_of(unit.data).seen == done["transfer"] - 1
    assert not any(header_of(block.data).seen for block in shard.blocks if block.credit and block is not unit)
    assert [e.kind for e in unit.credit] == [Kind.ORDER_COMPLETED, Kind.ORDER_PAID]
    state = shard.state(holder, order)
    assert state["wallet"]["credits"] - state["wallet"]["debits"] == 200
    assert (state["credit"]["open"], state["credit"]["kept"], state["order"]["address"]) == (0, 1, 0)
    assert shard.credit(Kind.ORDER_PAID, holder, reference=order)["code"] == Code.ORDER_NOT_FOUND


def test_what_is_not_paid_is_tried_again_becomes_overdue_defaults_and_is_cured_by_the_holder(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop, expiry=shard.now + 2 * DAY_MS, default_after_s=3 * 86_400)
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
    done = shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
    assert (done["code"], done["state"]) == (0, OrderState.DUE)
    shard.wait(ATTEMPTS_AFTER_MS[0])
    assert shard.kinds()[-2:] == [Kind.ORDER_ATTEMPT, Kind.ORDER_ATTEMPT]
    assert shard.credit(Kind.ORDER_PAID, holder, reference=order)["code"] == Code.INSUFFICIENT_FUNDS
    shard.restarted()
    shard.wait(2 * DAY_MS)
    shard.wait(2 * DAY_MS)
    assert shard.state(holder, order)["order"]["state"] == OrderState.OVERDUE
    assert shard.state(holder)["credit"]["overdue"] == 1
    for _ in range(4):
        shard.wait(DAY_MS)
    assert shard.state(holder, order)["order"]["state"] == OrderState.DEFAULTED
    assert (shard.state(holder)["credit"]["overdue"], shard.state(holder)["credit"]["defaulted"]) == (0, 1)
    rich = shard.wallet(balance=5_000)
    assert shard.pay(op=Kind.TRANSFER, payer=rich, payee=holder, amount=700)["code"] == 0
    cured = shard.credit(Kind.ORDER_PAID, holder, reference=order)
    assert (cured["code"], cured["state"], shard.kinds()[-1]) == (0, OrderState.PAID, Kind.ORDER_CURED)
    assert shard.state(holder)["credit"]["defaulted"] == 0


def test_an_order_is_recorded_before_its_receipt_ends(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    granted(shard, holder)
    stated = {"amount": 5, "payee": shop, "expiry": shard.now + DAY_MS, "open_max": 3, "valid_until": shard.now + 1_000}
    assert shard.credit(Kind.ORDER_CREATED, holder, **stated)["code"] == 0
    shard.wait(1_000)
    assert shard.credit(Kind.ORDER_CREATED, holder, **stated)["code"] == Code.RECEIPT_EXPIRED


@pytest.mark.parametrize("how", ["never given", "withdrawn", "ended", "to another", "in another scenario"])
def test_an_order_without_a_live_consent_is_not_made_and_takes_no_place(shard: OneShard, how: str) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    stated = {"amount": 5, "payee": shop, "expiry": shard.now + DAY_MS, "open_max": 3, "confirm_by": shard.now + DAY_MS}
    if how in ("withdrawn", "ended"):
        consent = granted(shard, holder, expiry=shard.now + 1_000, standing=1, amount=500)
        before = shard.order(holder, shop, 500)
        if how == "ended":
            shard.wait(1_000)
        else:
            assert shard.credit(Kind.CONSENT_WITHDRAWN, holder, reference=consent)["code"] == 0
        assert shard.credit(Kind.ORDER_COMPLETED, holder, reference=before, amount=7)["code"] == 0, "it goes on"
    elif how != "never given":
        granted(shard, holder, **({"account": MERCHANT + 1} if how == "to another" else {"scenario": ASKED + 1}))
    places, blocks = shard.state(holder)["credit"]["open"], len(shard.blocks)
    assert shard.credit(Kind.ORDER_CREATED, holder, **stated)["code"] == Code.CONSENT_NOT_FOUND
    assert (shard.state(holder)["credit"]["open"], len(shard.blocks)) == (places, blocks)
    granted(shard, holder)
    assert shard.credit(Kind.ORDER_CREATED, holder, **stated)["code"] == 0


def test_what_a_holder_tries_in_vain_plans_nothing_twice(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop)
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
    shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
    planned = len(shard.core._credit._timers)
    for _ in range(20):
        assert shard.credit(Kind.ORDER_PAID, holder, reference=order)["code"] == Code.INSUFFICIENT_FUNDS
    assert len(shard.core._credit._timers) == planned


def test_an_order_that_nobody_confirms_expires(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop)
    shard.wait(DAY_MS)
    assert shard.kinds()[-1] == Kind.ORDER_EXPIRED and not shard.state(holder, order)["order"]["address"]
    assert shard.state(holder)["credit"]["open"] == 0


def test_an_erasure_is_recorded_with_what_it_says_in_the_holders_chain(shard: OneShard) -> None:
    holder = shard.wallet()
    consent = granted(shard, holder)
    assert shard.credit(Kind.DATA_ERASED, holder, seen=consent + 1)["code"] == Code.DEFERRED
    assert shard.credit(Kind.DATA_ERASED, holder + 1)["code"] == Code.WALLET_NOT_FOUND
    rows = np.zeros(1, CREDIT_REQUEST)
    rows["op"], rows["holder"], rows["home"], rows["seen"], rows["key_lo"] = Kind.DATA_ERASED, holder, 1, consent, 77
    (made,) = shard.ask(lambda ref: m.Credit(ref=ref, rows=rows, details={0: b"\xa1e"}))
    assert (made["code"], made["address"]) == (0, shard.state(holder)["credit"]["head"])
    assert bytes(entries_of(shard.blocks[-1].details)[0]) == b"\xa1e" and shard.kinds()[-1] == Kind.DATA_ERASED


def test_a_standing_consent_confirms_up_to_its_cap(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    granted(shard, holder, standing=1, amount=500)
    small, large = shard.order(holder, shop, 500), shard.order(holder, shop, 501)
    assert shard.state(holder, small)["order"]["state"] == OrderState.CONFIRMED
    assert shard.state(holder, large)["order"]["state"] == OrderState.CREATED


def test_each_record_of_an_order_says_what_it_is_about(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    granted(shard, holder)
    stated = {"kind": OrderKind.DEPOSIT_WAIVED, "amount": 1_000, "payee": shop, "expiry": shard.now + DAY_MS}
    made = shard.credit(Kind.ORDER_CREATED, holder, **stated, confirm_by=shard.now + DAY_MS, open_max=3)
    assert (made["code"], made["state"]) == (0, OrderState.CREATED)
    for kind, amount in ((Kind.ORDER_CONFIRMED, 0), (Kind.ORDER_MODIFIED, 800), (Kind.ORDER_COMPLETED, 700)):
        assert shard.credit(kind, holder, reference=made["address"], amount=amount)["code"] == 0
    shard.credit(Kind.ORDER_PAID_ELSEWHERE, holder, reference=made["address"])
    records = [record for record in shard.records() if record["kind"] >= Kind.ORDER_CREATED]
    assert [(Kind(each["kind"]), int(each["amount"])) for each in records] == [
        (Kind.ORDER_CREATED, 1_000),
        (Kind.ORDER_CONFIRMED, 1_000),
        (Kind.ORDER_MODIFIED, 800),
        (Kind.ORDER_COMPLETED, 700),
        (Kind.ORDER_ATTEMPT, 700),
        (Kind.ORDER_PAID_ELSEWHERE, 700),
    ]
    wanted = (holder, shop, MERCHANT, ASKED, OrderKind.DEPOSIT_WAIVED)
    assert {tuple(each[[*OF_AN_ORDER]].tolist()) for each in records} == {wanted}


OF_AN_ORDER = ("payer", "payee", ACCOUNT, SCENARIO, ORDER_KIND)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Kind.CONSENT_GRANTED, {"expiry": 0}),
        (Kind.CONSENT_GRANTED, {"amount": -1}),
        (Kind.ORDER_CREATED, {"expiry": 0}),
        (Kind.ORDER_CREATED, {"amount": 0}),
    ],
)
def test_what_has_ended_or_is_about_nothing_does_not_begin(shard: OneShard, kind: Kind, wrong: dict[str, int]) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    stated = {"expiry": 1, "amount": 5, "payee": shop, "open_max": 3} | wrong
    stated["expiry"] += shard.now
    if kind == Kind.ORDER_CREATED:
        granted(shard, holder)
    before, blocks = snapshot(shard), len(shard.blocks)
    assert shard.credit(kind, holder, **stated)["code"] == Code.INVALID_REQUEST
    assert (snapshot(shard), len(shard.blocks)) == (before, blocks)
    right = {"expiry": shard.now + 1, "amount": 5}
    assert shard.credit(kind, holder, **{**stated, **right})["code"] == 0


def test_details_of_requests_that_share_a_block_stand_beside_their_own_records(shard: OneShard) -> None:
    holders = [shard.wallet() for _ in range(2)]
    rows = np.zeros(4, CREDIT_REQUEST)
    rows["op"], rows["holder"], rows["home"], rows["caller"] = Kind.CONSENT_GRANTED, [*holders, *holders], 1, 1
    rows["key_lo"], rows["seen"], rows["expiry"] = range(101, 105), -1, shard.now + DAY_MS
    rows["account"], rows["scenario"] = MERCHANT, [1, 1, 2, 2]
    details = {0: b"\xa1a", 2: b"\xa1c", 3: b"\xa1d"}
    results = shard.ask(lambda ref: m.Credit(ref=ref, rows=rows, details=details))
    block = shard.blocks[-1]
    assert results["address"].tolist() == addresses_of(0, block.number, 4).tolist()
    assert {slot: bytes(entry) for slot, entry in entries_of(block.details).items()} == details


def test_requests_of_all_sorts_may_share_a_message(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop)
    blocks = len(shard.blocks)
    rows = np.zeros(5, CREDIT_REQUEST)
    consent, inquiry, confirmed = Kind.CONSENT_GRANTED, Kind.INQUIRY, Kind.ORDER_CONFIRMED
    rows["op"] = [consent, inquiry, confirmed, consent, Kind.DATA_ERASED]
    rows["holder"], rows["home"], rows["seen"], rows["expiry"] = holder, holder, -1, shard.now + DAY_MS
    rows["account"], rows["scenario"], rows["reference"], rows["key_lo"] = MERCHANT, 9, order, range(601, 606)
    results = shard.ask(lambda ref: m.Credit(ref=ref, rows=rows, details={}))
    assert not results["code"].any()
    units = [[Kind(each) for each in records_of(block.data)["kind"]] for block in shard.blocks[blocks:]]
    assert units == [[consent, inquiry], [confirmed], [consent], [Kind.DATA_ERASED]]
    before = shard.state(holder)["credit"]
    assert shard.restarted().state(holder)["credit"] == before and before["head"] == results["address"][-1]


def test_details_of_a_collection_stand_beside_what_they_are_about(shard: OneShard) -> None:
    holder, shop = shard.wallet(balance=900), shard.wallet()
    order = shard.order(holder, shop)
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
    rows = np.zeros(1, CREDIT_REQUEST)
    rows["op"], rows["holder"], rows["home"], rows["account"] = Kind.ORDER_COMPLETED, holder, holder, MERCHANT
    rows["key_lo"], rows["caller"], rows["reference"], rows["amount"] = 501, 1, order, 700
    (done,) = shard.ask(lambda ref: m.Credit(ref=ref, rows=rows, details={0: b"\xa4bill"}))
    block = shard.blocks[-1]
    assert records_of(block.data)["kind"].tolist() == [Kind.TRANSFER, Kind.ORDER_COMPLETED, Kind.ORDER_PAID]
    entries = entries_of(block.details)
    assert sorted(entries) == [0, 1] and bytes(entries[1]) == b"\xa4bill"
    stated = msgspec.msgpack.decode(bytes(entries[0]))
    created = next(record for record in shard.records() if record["kind"] == Kind.ORDER_CREATED)
    secret = shard.core.ledger.secret
    assert stated == {"reference": f"order:{transfer_id(secret, int(created['record_time']), order)}"}
    assert done["address"] == addresses_of(0, block.number, 3)[2]


def test_plans_stay_in_order_when_those_that_hold_no_more_are_dropped(shard: OneShard, few_plans: int) -> None:
    credit, times = shard.core._credit, np.random.default_rng(5).permutation(4 * few_plans).tolist()
    for address, time in enumerate(times, 1):
        credit._plan(shard.now + 1 + time, address)
    for address in range(1, 3 * few_plans):
        credit._plan(0, address)
    credit._plan(shard.now + 1, 4 * few_plans)
    left = [heapq.heappop(credit._timers) for _ in range(len(credit._timers))]
    assert len(left) < 2 * few_plans and {address for *_, address in left} >= {*credit._planned}
    assert left == sorted(left)


def test_a_cap_is_lowered_once(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop)
    for amount in (-1, 0, 1_000):
        refused = shard.credit(Kind.ORDER_MODIFIED, holder, reference=order, amount=amount)
        assert refused["code"] == Code.CAP_EXCEEDED
    assert shard.credit(Kind.ORDER_MODIFIED, holder, reference=order, amount=400)["code"] == 0
    assert shard.credit(Kind.ORDER_MODIFIED, holder, reference=order, amount=300)["code"] == Code.ORDER_CHANGED
    assert shard.state(holder, order)["order"]["cap"] == 400


def test_limits_and_full_tables_are_answers(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    for _ in range(3):
        shard.order(holder, shop)
    stated = {"amount": 5, "payee": shop, "expiry": shard.now + DAY_MS, "open_max": 3}
    assert shard.credit(Kind.ORDER_CREATED, holder, **stated)["code"] == Code.TOO_MANY_ORDERS
    for _ in range(5):
        shard.order(holder, shop, open_max=99)
    assert shard.credit(Kind.ORDER_CREATED, holder, **{**stated, "open_max": 99})["code"] == Code.ORDERS_FULL
    for scenario in range(8):
        granted(shard, holder, scenario=scenario, expiry=shard.now + 1_000 + scenario)
    ninth = {"expiry": shard.now + DAY_MS, "scenario": 9}
    assert shard.credit(Kind.CONSENT_GRANTED, holder, **ninth)["code"] == Code.CONSENTS_FULL
    shard.wait(1_000)
    granted(shard, holder, **ninth)
    shard.restarted()
    assert shard.state(holder, scenario=9)["consent"]["record"] and shard.state(holder, scenario=7)["consent"]["record"]


CALLS = (*ALLOWED,)


@pytest.mark.parametrize("state", [s for s in OrderState if s <= OrderState.DEFAULTED], ids=lambda s: s.name.lower())
def test_a_call_that_the_state_does_not_allow_changes_nothing(shard: OneShard, state: OrderState) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop, expiry=shard.now + 2 * DAY_MS, default_after_s=3 * 86_400)
    if state >= OrderState.CONFIRMED:
        shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
    if state >= OrderState.DUE:
        shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
    for _ in range(12):
        if shard.state(holder, order)["order"]["state"] < state:
            shard.wait(DAY_MS // 2)
    assert shard.state(holder, order)["order"]["state"] == state
    refused: list[Kind] = [kind for kind in CALLS if state not in ALLOWED[kind]]
    before, blocks = snapshot(shard), len(shard.blocks)
    for kind in refused:
        assert shard.credit(kind, holder, reference=order, amount=10)["code"] == Code.ORDER_STATE
    strangers: dict[str, Any] = {"account": MERCHANT + 1}
    for kind in CALLS:
        assert shard.credit(kind, holder + 1, reference=order, amount=10, **strangers)["code"] == Code.ORDER_NOT_FOUND
    assert (snapshot(shard), len(shard.blocks)) == (before, blocks)


@pytest.mark.parametrize("kind", CALLS)
def test_a_merchants_call_for_the_order_of_another_holder_changes_nothing(shard: OneShard, kind: Kind) -> None:
    """The merchant may have seen an order at this place whose commit a failover lost; another one is there now."""
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop)
    other = shard.wallet()
    before, blocks = snapshot(shard), len(shard.blocks)
    assert shard.credit(kind, other, reference=order, amount=10)["code"] == Code.ORDER_NOT_FOUND
    assert (snapshot(shard), len(shard.blocks)) == (before, blocks)


def test_a_replay_and_a_checkpoint_give_the_same_tables(shard: OneShard) -> None:
    holder, shop = shard.wallet(balance=800), shard.wallet()
    granted(shard, holder)
    orders = [shard.order(holder, shop) for _ in range(3)]
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=orders[0])
    shard.credit(Kind.ORDER_COMPLETED, holder, reference=orders[0], amount=700)
    shard.credit(Kind.ORDER_CANCELLED, holder, reference=orders[1])
    kept = shard.core.ledger.snapshot()
    before = {name: array for name, array in snapshot(shard).items() if name.startswith("credit.")}
    shard.restarted()
    assert {name: array for name, array in snapshot(shard).items() if name.startswith("credit.")} == before
    shard.core.ledger.restore(kept, 0)
    assert {name: array for name, array in snapshot(shard).items() if name.startswith("credit.")} == before
    assert shard.core.ledger.credit.order(orders[2])["state"] == OrderState.CREATED


def test_more_is_taken_than_one_turn_and_too_much_is_turned_away(shard: OneShard) -> None:
    rows = np.zeros(QUEUE_ROWS_MAX + 1, CREDIT_REQUEST)
    rows["op"], rows["key_lo"], rows["digest"] = Kind.INQUIRY, np.arange(1, len(rows) + 1), 1
    results = shard.ask(lambda ref: m.Credit(ref=ref, rows=rows, details={}))
    assert (results["code"] == Code.BUSY).all()
    results = shard.ask(lambda ref: m.Credit(ref=ref, rows=rows[:600], details={}))
    assert not results["code"].any() and len(np.unique(results["address"])) == 600
    assert shard.core._credit.queued_rows == 0, "there is as much room as before"


@pytest.mark.parametrize("op", [0, Kind.TRANSFER, Kind.SCORE, Kind.ORDER_EXPIRED, 255])
def test_what_is_no_call_is_refused_and_the_shard_lives_on(shard: OneShard, op: int) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop)
    assert shard.credit(op, holder, reference=order)["code"] == Code.INVALID_REQUEST
    assert shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)["code"] == 0


def test_the_audit_agrees_with_all_that_a_shard_does(shard: OneShard) -> None:
    holder, shop = shard.wallet(balance=900), shard.wallet()
    consent = granted(shard, holder)
    asked = {"kind": InquiryResult.YES, "reference": consent, "expiry": shard.now + DAY_MS, "granted": 1_000}
    receipts = [int(shard.credit(Kind.INQUIRY, holder, **asked)["address"]) for _ in range(3)]
    stated = {"expiry": shard.now + 2 * DAY_MS, "default_after_s": 3 * 86_400}
    orders = [shard.order(holder, shop, reference=receipt, **stated) for receipt in receipts]
    for order in orders[:2]:
        shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
        shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
    for _ in range(14):
        shard.wait(DAY_MS // 2)
    shard.pay(op=Kind.TRANSFER, payer=shard.wallet(balance=5_000), payee=holder, amount=700)
    assert shard.credit(Kind.ORDER_PAID, holder, reference=orders[1])["state"] == OrderState.PAID
    assert {*shard.kinds()} >= {Kind.ORDER_EXPIRED, Kind.ORDER_OVERDUE, Kind.ORDER_DEFAULTED, Kind.ORDER_CURED}
    check = CreditCheck()
    for block in shard.blocks:
        records = records_of(block.data)
        assert list(check.wrong(records, addresses_of(0, block.number, len(records)))) == []
    assert check.entries == [entry for block in shard.blocks for entry in block.credit]


def test_a_confirmed_order_that_nobody_completes_expires_after_a_stated_time(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    granted(shard, holder, standing=1, amount=500)
    orders = [shard.order(holder, shop, 1_000), shard.order(holder, shop, 500)]
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=orders[0])
    shard.restarted().wait(30 * DAY_MS + COMPLETE_WITHIN_MS - 1)
    assert shard.state(holder)["credit"]["open"] == 2
    shard.wait(1)
    assert shard.kinds()[-2:] == [Kind.ORDER_EXPIRED] * 2 and shard.state(holder)["credit"]["open"] == 0
    assert shard.credit(Kind.ORDER_COMPLETED, holder, reference=orders[0], amount=7)["code"] == Code.ORDER_NOT_FOUND


def test_what_a_holder_tries_in_vain_does_not_put_off_the_next_attempt(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = shard.order(holder, shop)
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
    shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
    for _ in range(5):
        assert shard.credit(Kind.ORDER_PAID, holder, reference=order)["code"] == Code.INSUFFICIENT_FUNDS
    shard.wait(ATTEMPTS_AFTER_MS[0])
    kept = shard.state(holder, order)["order"]
    assert (kept["attempts"], kept["timer"]) == (2, shard.now + ATTEMPTS_AFTER_MS[1])
    shard.restarted()
    assert shard.state(holder, order)["order"] == kept


@pytest.fixture
def few_plans(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many stale plans are kept, fewer than in truth."""
    monkeypatch.setattr(credit_requests, "STALE_PLANS_MAX", 64)
    return 64


def test_plans_of_orders_that_are_over_are_not_kept(shard: OneShard, few_plans: int) -> None:
    """They lie as far ahead as an order may wait to be confirmed: a shop that sells all day must not fill the memory with them."""
    holder, shop = shard.wallet(), shard.wallet()
    credit = shard.core._credit
    for _ in range(few_plans + 20):
        order = shard.order(holder, shop)
        assert shard.credit(Kind.ORDER_CANCELLED, holder, reference=order)["code"] == 0
    assert len(credit._planned) == 0 and len(credit._timers) <= few_plans


def test_clocks_run_while_requests_always_wait(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    shard.order(holder, shop)
    shard.now += DAY_MS
    rows = np.zeros(4 * TURN_ROWS_MAX, CREDIT_REQUEST)
    rows["op"], rows["key_lo"], rows["digest"] = Kind.INQUIRY, np.arange(1, len(rows) + 1) << 32, 1
    shard.ask(lambda ref: m.Credit(ref=ref, rows=rows, details={}))
    kinds = shard.kinds()
    assert kinds.index(Kind.ORDER_EXPIRED) < kinds.index(Kind.INQUIRY) + 2 * TURN_ROWS_MAX, "not after all that waited"


def test_a_collection_that_takes_the_last_key_is_answered() -> None:
    """Two keys, that of the request and that of its transfer: with room for one neither is taken, and the shard lives."""
    shard = OneShard(msgspec.structs.replace(SMALL, keys=1))
    holder, shop = shard.wallet(balance=5_000), shard.wallet()
    order = shard.order(holder, shop)
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
    ledger, rng = shard.core.ledger, np.random.default_rng(1)
    keys, missed = [], 0
    while missed < 50:  # until no part of the table takes one more
        key = (int(rng.integers(1, 2**63)) << 1, int(rng.integers(1, 2**63)))
        taken = ledger.remember_key(*key, 1)
        keys += [key] if taken else []
        missed = 0 if taken else missed + 1
    full = table_count(ledger.book.keys)
    for _ in range(40):
        if table_count(ledger.book.keys) == full:
            remove(ledger.book.keys, *(np.uint64(word) for word in keys.pop()))
        done = shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
        assert done["code"] == Code.KEYS_FULL
    assert shard.state(holder, order)["order"]["state"] == OrderState.CONFIRMED


def test_a_count_that_is_full_lets_nobody_probe() -> None:
    shard = OneShard(msgspec.structs.replace(SMALL, inquirers=8))
    holder = shard.wallet()
    stated = {"open_max": 2}

    def asked(home: int, account: int = MERCHANT) -> int:
        return int(shard.credit(Kind.INQUIRY, 0, home=home, account=account, **stated)["code"])

    assert [asked(home) for home in (1, 2, 3)] == [0, 0, Code.TOO_MANY_DECISIONS], (
        "a quarter of the count is one account's"
    )
    assert asked(holder) == Code.TOO_MANY_DECISIONS and asked(1) == 0 and asked(1) == Code.TOO_MANY_DECISIONS
    assert asked(holder, account=8) == 0, "others still ask"
    assert [asked(home, 9) for home in (1, 1, 2)] == [0, 0, 0], "a wallet counts once"
    shard.restarted()
    assert asked(3) == Code.TOO_MANY_DECISIONS
    shard.wait(DAY_MS)
    assert asked(3) == 0


def test_a_full_table_of_consents_still_takes_a_newer_one_of_the_same(shard: OneShard) -> None:
    holder = shard.wallet()
    for scenario in range(8):
        granted(shard, holder, scenario=scenario)
    for scenario in (0, 3):
        assert granted(shard, holder, scenario=scenario) == shard.state(holder, scenario=scenario)["consent"]["record"]
    assert shard.state(holder)["credit"]["consents"] == 8


def test_one_holder_does_not_fill_the_table_of_consents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CONSENTS_OF_HOLDER_MAX", 3)
    shard = OneShard(msgspec.structs.replace(SMALL, consents=20))
    holder, other = shard.wallet(), shard.wallet()
    consents = [granted(shard, holder, scenario=each, expiry=shard.now + 1_000 * (1 + each)) for each in range(3)]
    fourth = {"expiry": shard.now + DAY_MS, "scenario": 3}
    before, blocks = snapshot(shard), len(shard.blocks)
    assert shard.credit(Kind.CONSENT_GRANTED, holder, **fourth)["code"] == Code.TOO_MANY_CONSENTS
    assert (snapshot(shard), len(shard.blocks)) == (before, blocks)
    assert granted(shard, holder, scenario=1, expiry=shard.now + 1_500) and granted(shard, other, scenario=3)
    shard.credit(Kind.CONSENT_WITHDRAWN, holder, reference=consents[0], scenario=0)
    granted(shard.restarted(), holder, **fourth)
    assert shard.credit(Kind.CONSENT_GRANTED, holder, **{**fourth, "scenario": 4})["code"] == Code.TOO_MANY_CONSENTS
    shard.wait(1_500)
    granted(shard, holder, **{**fourth, "scenario": 4})
    assert [int(shard.state(holder, scenario=each)["consent"]["record"] > 0) for each in range(5)] == [0, 0, 1, 1, 1]
    assert shard.state(holder)["credit"]["consents"] == 3 and shard.state(other)["credit"]["consents"] == 1
    row = shard.core.ledger.credit.row(shard.core.ledger.book, holder)
    assert len([*shard.core.ledger.credit._consents_of(row)]) == 3


def test_room_is_asked_for_where_the_key_belongs(shard: OneShard, monkeypatch: pytest.MonkeyPatch) -> None:
    holder, ledger = shard.wallet(), shard.core.ledger
    asked: list[int] = []
    put: list[int] = []
    room, remember = ledger.has_key_room, ledger.remember_key

    def asks(hi: int) -> bool:
        asked.append(hi)
        return room(hi)

    def puts(hi: int, lo: int, address: int) -> bool:
        put.append(hi)
        return remember(hi, lo, address)

    monkeypatch.setattr(ledger, "has_key_room", asks)
    monkeypatch.setattr(ledger, "remember_key", puts)
    granted(shard, holder)
    assert asked == put and len(put) == 1


def test_of_a_holder_that_there_is_not_nothing_is_shown(shard: OneShard) -> None:
    shard.wallet()
    ledger = shard.core.ledger
    ledger.book.wallets[-1]["held"], ledger.credit.rows[-1]["score"] = 5, 700
    state = shard.state(900 << 16)
    assert not state["wallet"]["held"] and not state["credit"]["score"]

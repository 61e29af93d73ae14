"""Orders that something else than the holder's money keeps from being paid: nothing of it counts against the holder."""

from typing import Any

import numpy as np
import pytest

from actors.audit.credit import CreditCheck
from actors.ledger.orders import ATTEMPTS_AFTER_MS, GRACE_MS, STOPPED_MS_MAX, WRITE_OFF_AFTER_MS
from actors.records.addresses import wallet_address
from actors.records.blocks import addresses_of, records_of
from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_QUESTION, InquiryResult, OrderState, Stopped
from actors.records.layout import AMOUNT_MAX, DUE_AT, STOPPED_BY, TRANSFER_AT, Kind, WalletStatus
from actors.shard import messages as m
from actors.shard.attempts import LOOK_FOR_MS
from tests.unit.actors.shard.one_shard import DAY_MS, OneShard

BILL = 700
COUNTED = ("overdue", "defaulted")


@pytest.fixture
def shard() -> OneShard:
    return OneShard()


def status(shard: OneShard, wallet: int, to: WalletStatus) -> Code:
    return Code(int(shard.pay(op=Kind.WALLET_STATUS, kind=to, payee=wallet)["code"]))


def completed(shard: OneShard, holder: int, shop: int, **stated: int) -> int:
    """An order on a receipt, completed with a bill that is not paid."""
    consent = shard.credit(Kind.CONSENT_GRANTED, holder, expiry=shard.now + 365 * DAY_MS)["address"]
    asked = {"kind": InquiryResult.YES, "reference": consent, "expiry": shard.now + DAY_MS, "granted": 1_000}
    receipt = int(shard.credit(Kind.INQUIRY, holder, **asked)["address"])
    terms = {"reference": receipt, "expiry": shard.now + 2 * DAY_MS, "default_after_s": 3 * 86_400, **stated}
    order = shard.order(holder, shop, **terms)
    shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
    shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=BILL)
    return order


def passes(shard: OneShard, ms: int) -> None:
    """Time goes by as a shard sees it: looked at each half a day."""
    while ms > 0:
        shard.wait(min(ms, DAY_MS // 2))
        ms -= DAY_MS // 2


def order_of(shard: OneShard, holder: int, order: int) -> Any:
    return shard.state(holder, order)["order"]


def counted(shard: OneShard, holder: int) -> list[int]:
    return [int(shard.state(holder)["credit"][name]) for name in COUNTED]


def last(shard: OneShard, kind: Kind) -> Any:
    return next(record for record in reversed(shard.records()) if record["kind"] == kind)


def assert_audited(shard: OneShard) -> None:
    check = CreditCheck()
    for block in shard.blocks:
        records = records_of(block.data)
        assert list(check.wrong(records, addresses_of(0, block.number, len(records)))) == []


def closed_shop(shard: OneShard) -> tuple[int, int]:
    holder, shop = shard.wallet(), shard.wallet()
    order = completed(shard, holder, shop)
    assert status(shard, shop, WalletStatus.CLOSED) == 0
    return holder, order


def unknown_shop(shard: OneShard) -> tuple[int, int]:
    holder = shard.wallet(balance=1)
    assert status(shard, holder, WalletStatus.FROZEN) == 0
    order = completed(shard, holder, shard.wallet())
    assert status(shard, holder, WalletStatus.OPEN) == 0
    shard.core.ledger.credit.order(order)["payee"] = wallet_address(1, 60_000)
    return holder, order


def shop_away(shard: OneShard) -> tuple[int, int]:
    holder = shard.wallet(balance=BILL)
    shard.feed(m.Segments(owners={1: 0, 2: 1}))
    assert status(shard, holder, WalletStatus.FROZEN) == 0
    order = completed(shard, holder, shard.wallet())
    assert status(shard, holder, WalletStatus.OPEN) == 0
    shard.core.ledger.credit.order(order)["payee"] = wallet_address(2, 5)
    return holder, order


def frozen_holder(shard: OneShard) -> tuple[int, int]:
    holder, shop = shard.wallet(balance=1), shard.wallet()
    order = completed(shard, holder, shop)
    assert status(shard, holder, WalletStatus.FROZEN) == 0
    return holder, order


def small_limit(shard: OneShard) -> tuple[int, int]:
    holder, shop = shard.wallet(balance=BILL), shard.wallet()
    shard.core.ledger.limits[0] = BILL - 1
    return holder, completed(shard, holder, shop)


SCENES = [
    (closed_shop, Stopped.PAYEE),
    (unknown_shop, Stopped.PAYEE),
    (shop_away, Stopped.PAYEE),
    (frozen_holder, Stopped.FROZEN),
    (small_limit, Stopped.LIMIT),
]


def named(each: Any) -> str:
    return getattr(each, "__name__", str(each))


@pytest.mark.parametrize(("scene", "by"), SCENES, ids=named)
def test_what_a_holder_cannot_pay_never_becomes_overdue(shard: OneShard, scene: Any, by: Stopped) -> None:
    holder, order = scene(shard)
    passes(shard, 30 * DAY_MS)
    kept = order_of(shard, holder, order)
    assert (kept["state"], kept["stopped"], counted(shard, holder)) == (OrderState.DUE, by, [0, 0])
    if scene not in (unknown_shop, shop_away, small_limit):  # There memory was changed, which a new process has not.
        shard.restarted()
        assert order_of(shard, holder, order) == kept


@pytest.mark.parametrize(("scene", "by"), SCENES, ids=named)
def test_who_cannot_pay_owes_it_for_years_but_nobody_waits_for_a_shop_that_is_gone(
    shard: OneShard, scene: Any, by: Stopped
) -> None:
    holder, order = scene(shard)
    passes(shard, 3 * DAY_MS)
    ends = int(order_of(shard, holder, order)["stopped_at"])
    ends += STOPPED_MS_MAX if by == Stopped.PAYEE else WRITE_OFF_AFTER_MS
    while shard.now < ends - 1:
        shard.wait(min(7 * DAY_MS, ends - 1 - shard.now))
    assert order_of(shard, holder, order)["state"] == OrderState.DUE
    passes(shard, DAY_MS)
    assert not order_of(shard, holder, order)["address"] and counted(shard, holder) == [0, 0]
    assert shard.state(holder)["credit"]["open"] == 0
    end = shard.records()[-1]
    assert (end["kind"], end[STOPPED_BY], end["reference"]) == (Kind.ORDER_WRITTEN_OFF, by, order)
    assert end["expiry"] == 0, "nothing follows"
    assert Kind.ORDER_OVERDUE not in shard.kinds() and Kind.ORDER_DEFAULTED not in shard.kinds()
    if scene not in (unknown_shop, shop_away):
        assert_audited(shard)


def test_what_a_frozen_holder_owes_is_collected_when_it_may_pay_again(shard: OneShard) -> None:
    holder, shop = shard.wallet(balance=BILL), shard.wallet()
    assert status(shard, holder, WalletStatus.FROZEN) == 0
    order = completed(shard, holder, shop)
    passes(shard, 200 * DAY_MS)
    assert order_of(shard, holder, order)["state"] == OrderState.DUE
    assert status(shard, holder, WalletStatus.OPEN) == 0
    passes(shard, 8 * DAY_MS)
    assert last(shard, Kind.ORDER_PAID)["reference"] == order and counted(shard, holder) == [0, 0]
    assert_audited(shard)


def test_a_payee_that_is_gone_for_a_moment_does_not_end_what_was_stopped_long_before(shard: OneShard) -> None:
    holder, shop = shard.wallet(balance=BILL), shard.wallet()
    assert status(shard, holder, WalletStatus.FROZEN) == 0
    order = completed(shard, holder, shop)
    passes(shard, 200 * DAY_MS)
    assert status(shard, holder, WalletStatus.OPEN) == 0
    shard.core.ledger.credit.order(order)["payee"] = wallet_address(1, 60_000)
    shard.wait(int(order_of(shard, holder, order)["timer"]) - shard.now)
    kept = order_of(shard, holder, order)
    assert (kept["state"], kept["stopped"]) == (OrderState.DUE, Stopped.PAYEE)
    assert kept["timer"] >= shard.now + DAY_MS, "the next attempt is a week away"
    shard.core.ledger.credit.order(order)["payee"] = shop
    passes(shard, 8 * DAY_MS)
    assert last(shard, Kind.ORDER_PAID)["reference"] == order


def test_a_payee_at_the_end_of_its_range_stops_the_clock_too(shard: OneShard) -> None:
    holder, shop = shard.wallet(balance=BILL), shard.wallet()
    assert status(shard, holder, WalletStatus.FROZEN) == 0
    order = completed(shard, holder, shop)
    assert status(shard, holder, WalletStatus.OPEN) == 0
    shard.core.ledger.book.wallets["credits"][65_536 + (shop & 65_535)] = AMOUNT_MAX
    assert shard.credit(Kind.ORDER_PAID, holder, reference=order)["code"] == Code.BALANCE_OUT_OF_RANGE
    passes(shard, 10 * DAY_MS)
    assert (order_of(shard, holder, order)["stopped"], counted(shard, holder)) == (Stopped.PAYEE, [0, 0])


def test_the_clock_goes_on_where_it_stood(shard: OneShard) -> None:
    holder, order = frozen_holder(shard)
    due = int(order_of(shard, holder, order)["due"])
    passes(shard, 20 * DAY_MS)
    since = int(order_of(shard, holder, order)["stopped_at"])
    assert status(shard, holder, WalletStatus.OPEN) == 0
    assert shard.credit(Kind.ORDER_PAID, holder, reference=order)["code"] == Code.INSUFFICIENT_FUNDS
    kept = order_of(shard, holder, order)
    assert (kept["stopped"], kept["due"]) == (Stopped.NOTHING, due + shard.now - since)
    assert kept["due"] >= shard.now + GRACE_MS and last(shard, Kind.ORDER_ATTEMPT)[DUE_AT] == kept["due"]
    shard.restarted()
    assert order_of(shard, holder, order) == kept
    passes(shard, int(kept["due"]) - shard.now - 1)
    assert order_of(shard, holder, order)["state"] == OrderState.DUE
    passes(shard, 1)
    assert order_of(shard, holder, order)["state"] == OrderState.OVERDUE
    unit = records_of(shard.blocks[-1].data)["kind"].tolist()
    assert unit == [Kind.TRANSFER, Kind.ORDER_ATTEMPT, Kind.ORDER_OVERDUE]
    assert_audited(shard)


def test_an_overdue_order_does_not_default_while_it_cannot_be_paid(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = completed(shard, holder, shop)
    passes(shard, 2 * DAY_MS + ATTEMPTS_AFTER_MS[0])
    assert order_of(shard, holder, order)["state"] == OrderState.OVERDUE
    assert status(shard, shop, WalletStatus.CLOSED) == 0
    passes(shard, 30 * DAY_MS)
    assert (order_of(shard, holder, order)["state"], counted(shard, holder)) == (OrderState.OVERDUE, [1, 0])
    passes(shard, STOPPED_MS_MAX)
    assert counted(shard, holder) == [0, 0] and shard.kinds()[-1] == Kind.ORDER_WRITTEN_OFF
    assert_audited(shard)


def test_a_default_that_is_never_paid_is_written_off_and_gives_its_row_back(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = completed(shard, holder, shop)
    passes(shard, 6 * DAY_MS)
    defaulted = order_of(shard, holder, order)
    assert (defaulted["state"], counted(shard, holder)) == (OrderState.DEFAULTED, [0, 1])
    shard.restarted()
    shard.wait(int(defaulted["timer"]) - shard.now - 1)
    assert order_of(shard, holder, order)["state"] == OrderState.DEFAULTED
    assert shard.now + 1 - int(defaulted["due"]) == 3 * DAY_MS + WRITE_OFF_AFTER_MS
    shard.wait(1)
    assert records_of(shard.blocks[-1].data)["kind"].tolist() == [Kind.ORDER_WRITTEN_OFF], "no attempt any more"
    assert counted(shard, holder) == [0, 0]
    assert last(shard, Kind.ORDER_WRITTEN_OFF)[STOPPED_BY] == Stopped.NOTHING
    assert shard.core.ledger.fills()["orders"][0] == 0
    assert_audited(shard)


def test_a_default_that_the_payee_keeps_from_being_cured_is_written_off_too(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    order = completed(shard, holder, shop)
    passes(shard, 6 * DAY_MS)
    assert status(shard, shop, WalletStatus.CLOSED) == 0
    assert shard.credit(Kind.ORDER_PAID, holder, reference=order)["code"] == Code.PAYEE_CLOSED
    shard.restarted()
    passes(shard, STOPPED_MS_MAX)
    end = last(shard, Kind.ORDER_WRITTEN_OFF)
    assert (end["reference"], end[STOPPED_BY], counted(shard, holder)) == (order, Stopped.PAYEE, [0, 0])
    assert_audited(shard)


def test_a_payee_that_is_away_for_a_moment_is_only_looked_for(shard: OneShard) -> None:
    holder, order = shop_away(shard)
    shard.wait(int(order_of(shard, holder, order)["timer"]) - shard.now)
    assert shard.asked_for == [wallet_address(2, 5)]
    attempts = shard.kinds().count(Kind.ORDER_ATTEMPT)
    for _ in range(3):
        shard.wait(LOOK_FOR_MS // 4)
    assert shard.kinds().count(Kind.ORDER_ATTEMPT) == attempts
    shard.wait(LOOK_FOR_MS // 4)
    assert shard.kinds().count(Kind.ORDER_ATTEMPT) == attempts + 1
    assert last(shard, Kind.ORDER_ATTEMPT)[TRANSFER_AT] == 0
    shard.core.ledger.credit.order(order)["payee"] = shard.wallet()  # It is there again.
    shard.wait(int(order_of(shard, holder, order)["timer"]) - shard.now)
    assert shard.kinds()[-1] == Kind.ORDER_PAID


def test_a_payee_is_looked_for_as_long_when_the_attempt_comes_late(shard: OneShard) -> None:
    holder, order = shop_away(shard)
    attempts = shard.kinds().count(Kind.ORDER_ATTEMPT)
    shard.wait(int(order_of(shard, holder, order)["timer"]) - shard.now + LOOK_FOR_MS)
    assert shard.asked_for == [wallet_address(2, 5)]
    shard.wait(LOOK_FOR_MS - 1)
    assert shard.kinds().count(Kind.ORDER_ATTEMPT) == attempts, "its shard was asked less than a minute ago"
    shard.wait(1_000)
    assert shard.kinds().count(Kind.ORDER_ATTEMPT) == attempts + 1 and not shard.core._credit._looking
    shard.wait(int(order_of(shard, holder, order)["timer"]) - shard.now + LOOK_FOR_MS)
    assert shard.kinds().count(Kind.ORDER_ATTEMPT) == attempts + 1, "each attempt has a minute of its own"


def test_a_holder_does_not_close_its_wallet_before_its_orders_are_over(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    orders = [completed(shard, holder, shop), shard.order(holder, shop)]
    blocks = len(shard.blocks)
    assert status(shard, holder, WalletStatus.CLOSED) == Code.WALLET_HAS_ORDERS and len(shard.blocks) == blocks
    assert status(shard.restarted(), holder, WalletStatus.CLOSED) == Code.WALLET_HAS_ORDERS
    shard.credit(Kind.ORDER_CANCELLED, holder, reference=orders[1])
    assert status(shard, holder, WalletStatus.CLOSED) == Code.WALLET_HAS_ORDERS
    shard.credit(Kind.ORDER_PAID_ELSEWHERE, holder, reference=orders[0])
    assert status(shard, holder, WalletStatus.CLOSED) == 0
    late = {"amount": 5, "payee": shop, "expiry": shard.now + DAY_MS, "open_max": 3}
    assert shard.credit(Kind.ORDER_CREATED, holder, **late)["code"] == Code.WALLET_CLOSED, "its receipt outlives it"


def test_a_shard_says_how_many_orders_pay_a_wallet(shard: OneShard) -> None:
    holder, shop = shard.wallet(), shard.wallet()
    orders = [shard.order(holder, shop) for _ in range(3)]

    def paying() -> int:
        questions = np.zeros(1, CREDIT_QUESTION)
        questions["payee"] = shop
        return int(shard.ask(lambda ref: m.ReadCredit(ref=ref, questions=questions))[0]["paying"])

    assert paying() == 3
    shard.credit(Kind.ORDER_CANCELLED, holder, reference=orders[1])
    assert paying() == 2

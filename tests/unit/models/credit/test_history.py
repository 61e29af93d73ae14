"""Features of history, worked out by hand: how long a wallet has been used, and what became of what its holder owed."""

import pytest

from actors.records.codes import Code
from actors.records.credit_layout import Resolution
from actors.records.layout import Kind
from models.credit.history import HISTORY, ORDERS
from tests.feature_lake import OUTSIDE, HandMadeLake

K = Kind
Answers = dict[str, dict[str, int | None]]


def order(lake: HandMadeLake, holder: int, amount: int, steps: dict[Kind, float]) -> dict[Kind, int]:
    """An order whose records were so many days ago; their addresses."""
    made = {K.ORDER_CREATED: lake.add(K.ORDER_CREATED, 300, payer=holder, amount=amount)}
    number = made[K.ORDER_CREATED]
    for kind, days in {K.ORDER_COMPLETED: 250.0, **steps}.items():
        made[kind] = lake.add(kind, days, payer=holder, amount=amount, reference=number)
    return made


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    lake = HandMadeLake()
    shop = lake.wallet("shop")
    lake.wallet("unused")
    old = lake.wallet("old")
    lake.pays(old, shop, 10, 100, 31, 30, 29.99)
    lake.pays(old, shop, 10, 5, code=int(Code.INSUFFICIENT_FUNDS))
    lake.pays(OUTSIDE, old, 10, 380)
    refunded = lake.wallet("refunded")
    lake.add(K.REFUND, 90, payer=shop, payee=refunded, amount=5, reference=1)
    kept = lake.wallet("kept")
    order(lake, kept, 700, {K.ORDER_PAID: 200})
    late = lake.wallet("late")
    order(lake, late, 300, {K.ORDER_PAID: 200})
    order(lake, late, 100, {K.ORDER_OVERDUE: 100, K.ORDER_PAID: 97.5})
    broken = lake.wallet("broken")
    order(lake, broken, 100, {K.ORDER_OVERDUE: 20, K.ORDER_DEFAULTED: 10})
    order(lake, broken, 300, {K.ORDER_OVERDUE: 90, K.ORDER_DEFAULTED: 60, K.ORDER_CURED: 50})
    waiting = lake.wallet("waiting")
    order(lake, waiting, 100, {})
    order(lake, waiting, 100, {K.ORDER_OVERDUE: 99, K.ORDER_WRITTEN_OFF: 50})
    cleared = lake.wallet("cleared")
    for resolution in (Resolution.DELETED, Resolution.CORRECTED, Resolution.KEPT):
        made = order(lake, cleared, 100, {K.ORDER_OVERDUE: 20, K.ORDER_PAID: 15})
        case = lake.add(K.DISPUTE_OPENED, 10, payer=cleared, reference=made[K.ORDER_OVERDUE])
        lake.add(K.DISPUTE_RESOLVED, 5, payer=cleared, reference=case, decision=int(resolution))
    return lake.answers(tmp_path_factory.mktemp("history"), (*HISTORY, *ORDERS))


def of(answers: Answers, wallet: str, *names: str) -> list[int | None]:
    return [answers[name][wallet] for name in names]


def test_how_long_a_wallet_has_been_used(answers: Answers) -> None:
    names = ("months_on_book", "active_months_12", "days_since_payment")
    assert of(answers, "old", *names) == [12, 3, 29], "months 0, 1 and 3: of 30 days each, the newest first"
    assert of(answers, "unused", *names) == of(answers, "refunded", *names) == [None, 0, None]
    assert of(answers, "shop", *names) == [3, 0, None], "who is paid has a history, and pays nobody"


def test_orders_that_were_kept(answers: Answers) -> None:
    assert of(answers, "kept", "orders_paid_share", "orders_on_time_share", "orders_defaulted_share") == [
        10_000,
        10_000,
        0,
    ]
    names = ("orders_kept_amount", "orders_largest_kept", "months_with_orders_kept_12", "orders_most_days_late")
    assert of(answers, "kept", *names) == [700, 700, 1, 0]
    assert of(answers, "kept", "orders_cured_share", "days_since_overdue", "days_since_default") == [None] * 3


def test_an_order_that_was_late_counts_by_its_amount_and_begun_days(answers: Answers) -> None:
    names = ("orders_paid_share", "orders_on_time_share", "orders_cured_share", "orders_overdue_amount")
    assert of(answers, "late", *names) == [10_000, 7_500, 10_000, 0]
    assert of(answers, "late", "orders_most_days_late", "orders_mean_days_late", "days_since_overdue") == [3, 0, 97]


def test_orders_that_were_broken_and_cured(answers: Answers) -> None:
    names = ("orders_paid_share", "orders_on_time_share", "orders_defaulted_share", "orders_cured_share")
    assert of(answers, "broken", *names) == [7_500, 0, 10_000, 7_500]
    assert of(answers, "broken", "orders_overdue_amount", "orders_most_days_late") == [100, 41]
    assert of(answers, "broken", "days_since_overdue", "days_since_default") == [0, 10], "one is overdue now"
    assert of(answers, "broken", "orders_mean_days_late") == [(100 * 21 + 300 * 41) // 400]


def test_orders_that_are_not_due_or_were_written_off_say_nothing(answers: Answers) -> None:
    for feature in ORDERS:
        assert answers[feature.name]["waiting"] == feature.unknown == answers[feature.name]["unused"], feature.name


def test_a_deleted_order_is_none_and_a_corrected_one_was_never_late(answers: Answers) -> None:
    assert of(answers, "cleared", "orders_paid_share", "orders_on_time_share", "orders_cured_share") == [
        10_000,
        5_000,
        10_000,
    ]
    assert of(answers, "cleared", "orders_kept_amount", "days_since_overdue") == [100, 15]


def test_what_was_overdue_too_long_ago_counts_no_more(tmp_path_factory: pytest.TempPathFactory) -> None:
    lake = HandMadeLake()
    for name, days in (("just", 40), ("before", 41)):
        order(lake, lake.wallet(name), 100, {K.ORDER_OVERDUE: days, K.ORDER_PAID: 30})
    found = lake.answers(tmp_path_factory.mktemp("negative"), ORDERS, negative_days=40)
    assert found["orders_cured_share"] == {"just": 10_000, "before": None}

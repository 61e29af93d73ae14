"""Values of features from what was kept of a wallet: each formula by hand, and nothing known of nobody."""

from typing import Any

import numpy as np
import pytest

from actors.credit_features.accounts import ACCOUNT, INCOME, MONTH_COLUMNS
from actors.credit_features.orders import ORDER_EVENT, orders_of
from actors.credit_features.relations import RELATION
from actors.credit_features.values import BUFFER_DAYS_MAX, VALUES, Kept
from actors.records.layout import WalletStatus
from models.credit.catalogue import FEATURES
from models.credit.feature import DAY_MS, MONTH_MS

AS_OF = 1_000 * DAY_MS
NO_ORDERS = orders_of(np.empty(0, ORDER_EVENT), np.zeros(0, np.int64), 1, AS_OF, DAY_MS)


def value(
    feature: str,
    account: dict[str, int] | None = None,
    relation: dict[str, int] | None = None,
    paid: dict[int, tuple[int, int]] | None = None,
    income: dict[int, tuple[int, int]] | None = None,
) -> int | None:
    """Of one wallet. `paid`, `income`: (amount, number) by month."""
    accounts, relations = np.zeros(1, ACCOUNT), np.zeros(1, RELATION)
    for row, fields in ((accounts, account), (relations, relation)):
        for name, number in (fields or {}).items():
            row[name] = number
    amounts, counts = np.zeros((1, MONTH_COLUMNS), np.int64), np.zeros((1, MONTH_COLUMNS), np.int32)
    for first, months in ((0, paid), (INCOME, income)):
        for month, (amount, number) in (months or {}).items():
            amounts[0, first + month], counts[0, first + month] = amount, number
    values, known = VALUES[feature](Kept(accounts, relations, NO_ORDERS, amounts, counts, AS_OF))
    assert values.dtype == np.int64 and values.shape == known.shape == (1,)
    return int(values[0]) if known[0] else None


def test_every_feature_of_the_catalogue_has_its_value_and_no_other() -> None:
    assert set(VALUES) == {feature.name for feature in FEATURES}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_of_a_wallet_that_did_nothing_shares_are_not_known_and_counts_are_what_the_catalogue_says(feature: Any) -> None:
    found = value(feature.name)
    if feature.name in ("tier_age_days", "wallet_age_days"):
        assert found == 1_000, "it was opened at the beginning of time"
    elif feature.name == "is_open":
        assert found == 0, "it was never opened"
    elif feature.unit == "basis points":
        assert found is None
    else:
        assert found in (feature.unknown, None, 0)


@pytest.mark.parametrize(
    ("days", "pause", "count"),
    [([0], 89, 1), ([89], 89, 1), ([0, 89], 88, 2), ([63, 64], 63, 2), (list(range(90)), 0, 90), ([10, 20, 60], 39, 3)],
)
def test_the_longest_pause_is_between_payments_or_at_either_end(days: list[int], pause: int, count: int) -> None:
    bits = sum(1 << day for day in days)
    fields = {"days_low": bits & (1 << 64) - 1, "days_high": bits >> 64}
    assert value("longest_pause_90d", fields) == pause and value("payment_days_90d", fields) == count


@pytest.mark.parametrize(
    ("feature", "fields", "expected"),
    [
        ("payments_90d", {"paid": {0: (5, 1), 2: (5, 2), 3: (9, 9)}}, 3),
        ("payments_360d", {"paid": {0: (5, 1), 11: (5, 2)}}, 3),
        ("active_months_12", {"paid": {0: (5, 1), 11: (5, 2)}}, 2),
        ("mean_payment_180d", {"paid": {0: (10, 3), 5: (1, 1), 6: (99, 1)}}, 2),
        ("payments_recent_share", {"paid": {0: (5, 1), 4: (5, 3)}}, 2_500),
        (
            "income_lowest_share_6m",
            {"income": {month: (100 + month, 1) for month in range(6)}},
            6 * 100 * 10_000 // 615,
        ),
        ("income_lowest_share_6m", {"income": {0: (100, 1)}}, 0),
        ("income_variation_6m", {"income": {0: (600, 1)}}, (500 + 5 * 100) * 10_000 // 600),
        ("pauses_variation_6m", {"paid": {0: (1, 6)}}, (30 + 5 * 6) * 10_000 // 36),
        ("paid_of_income_90d", {"paid": {0: (50, 1)}, "income": {0: (200, 1)}}, 2_500),
        ("paid_of_income_90d", {"paid": {0: (50, 1)}}, None),
        ("paid_of_income_180d", {"paid": {0: (10**6, 1)}, "income": {5: (1, 1)}}, 1_000_000),
        ("outside_income_share_180d", {"income": {0: (200, 1)}, "relation": {"received": 50}}, 7_500),
        ("mean_balance_90d", {"account": {"nights": 3, "night_sum": -10}}, -3),
        ("mean_balance_90d", {"account": {"nights": 3, "night_sum": 11}}, 3),
        ("buffer_days", {"account": {"nights": 2, "night_sum": 40}, "paid": {0: (90, 1)}}, 20),
        ("buffer_days", {"account": {"nights": 2, "night_sum": -40}, "paid": {0: (90, 1)}}, 0),
        ("buffer_days", {"account": {"nights": 1, "night_sum": 10**12}, "paid": {0: (1, 1)}}, BUFFER_DAYS_MAX),
        ("buffer_days", {"account": {"nights": 1, "night_sum": 5}}, None),
        ("covered_share_180d", {"account": {"asked": 80, "uncovered": 20}}, 7_500),
        ("months_on_book", {"account": {"first": AS_OF - 2 * MONTH_MS}}, 2),
        ("months_on_book", {"account": {"first": AS_OF - 2 * MONTH_MS + 1}}, 1),
        ("days_since_payment", {"account": {"last_payment": AS_OF - DAY_MS + 1}}, 0),
        ("kinds_180d", {"account": {"kinds": 0b1011}}, 3),
        ("is_open", {"account": {"status": int(WalletStatus.OPEN)}}, 1),
        ("is_open", {"account": {"status": int(WalletStatus.FROZEN)}}, 0),
        ("devices_180d", {"relation": {"devices": 2}}, 2),
        ("main_device_share_180d", {"relation": {"main_device": 2, "told_device": 3}}, 6_666),
        ("concentration_180d", {"relation": {"squares": 25_000_000, "counterparties": 4}}, 2_500),
        ("counterparties_mean_score_180d", {"relation": {"scores": 1_299, "scored": 2}}, 649),
        ("counterparties_low_score_share_180d", {"relation": {"low_scores": 1, "scored": 3}}, 3_333),
        ("wallets_share_180d", {"relation": {"amount": 40}, "paid": {0: (60, 1)}, "income": {0: (40, 1)}}, 4_000),
        ("night_share_180d", {"account": {"at_night": 1, "attempts": 8}}, 1_250),
        ("lowest_balance_90d", {"account": {"night_min": -7, "nights": 1}}, -7),
    ],
)
def test_a_feature_is_its_formula(feature: str, fields: dict[str, Any], expected: int | None) -> None:
    assert value(feature, **fields) == expected


def test_amounts_that_a_ledger_can_hold_are_exact() -> None:
    most = 2**53 - 1
    assert value("paid_of_income_90d", paid={0: (most, 1)}, income={0: (most, 1)}) == 10_000
    assert value("paid_of_income_90d", paid={0: (most - 1, 1)}, income={0: (most, 1)}) == 9_999

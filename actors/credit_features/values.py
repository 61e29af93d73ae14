"""Values of the catalogue's features from what the pass has kept of each wallet."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.credit_features.accounts import INCOME, AccountRows
from actors.credit_features.orders import HolderRows
from actors.credit_features.relations import RelationRows
from actors.credit_features.shares import shares
from actors.records.layout import WalletStatus
from models.arrays import Integers
from models.credit.feature import CALENDAR_DAYS, DAY_MS, HALF_YEAR, MONTH_MS, MONTHS, QUARTER, WHOLE

Values = tuple[NDArray[np.int64], NDArray[np.bool_]]
"""Of a feature: values (n,), and which of them are known."""

BUFFER_DAYS_MAX: Final = 3_650
_LOW_DAYS: Final = 64


class Kept(NamedTuple):
    """What was kept of wallets (n,): ACCOUNT, RELATION and ORDERS rows, months (n, MONTH_COLUMNS)."""

    account: AccountRows
    relation: RelationRows
    orders: HolderRows
    amounts: NDArray[np.int64]
    counts: NDArray[np.int32]
    as_of: int

    def paid(self, months: int) -> NDArray[np.int64]:
        """Amount paid in the newest months."""
        return _sums(self.amounts[:, :months])

    def payments(self, months: int) -> NDArray[np.int64]:
        """Payments made in the newest months."""
        return _sums(self.counts[:, :months])

    def income(self, months: int) -> NDArray[np.int64]:
        """Amount received in the newest months."""
        return _sums(self.amounts[:, INCOME : INCOME + months])

    def credits(self, months: int) -> NDArray[np.int64]:
        """Credits in the newest months."""
        return _sums(self.counts[:, INCOME : INCOME + months])

    def since(self, times: NDArray[np.int64], unit_ms: int) -> NDArray[np.int64]:
        """Whole units of time from these times until now."""
        return (self.as_of - times) // unit_ms


def _sums(columns: Integers) -> NDArray[np.int64]:
    """Sums (n,) over columns (n, k)."""
    sums: NDArray[np.int64] = columns.sum(axis=1, dtype=np.int64)
    return sums


def _always(values: Integers) -> Values:
    return values.astype(np.int64), np.ones(len(values), np.bool_)


def _if_any(values: Integers) -> Values:
    return values.astype(np.int64), values > 0


def _quotient(parts: Integers, wholes: Integers) -> Values:
    """Rounded towards 0, as SQL does."""
    parts, known = parts.astype(np.int64), wholes > 0
    quotients = np.abs(parts) // np.where(known, wholes, 1)
    return np.where(parts < 0, -quotients, quotients), known


def _of_account(name: str) -> Callable[[Kept], Values]:
    return lambda kept: _always(kept.account[name])


def _of_attempts(name: str) -> Callable[[Kept], Values]:
    return lambda kept: shares(kept.account[name], kept.account["attempts"])


def _of_paid(name: str) -> Callable[[Kept], Values]:
    return lambda kept: shares(kept.account[name], kept.paid(HALF_YEAR))


def _of_nights(name: str) -> Callable[[Kept], Values]:
    return lambda kept: shares(kept.account[name], kept.account["nights"])


def _of_counterparties(name: str) -> Callable[[Kept], Values]:
    return lambda kept: shares(kept.relation[name], kept.relation["counterparties"])


def _of_due(name: str) -> Callable[[Kept], Values]:
    return lambda kept: shares(kept.orders[name], kept.orders["due"])


def _of_orders(name: str) -> Callable[[Kept], Values]:
    return lambda kept: _always(kept.orders[name])


def _since_order(name: str) -> Callable[[Kept], Values]:
    return lambda kept: (kept.since(kept.orders[name], DAY_MS), kept.orders[name] > 0)


def _of_relation(name: str) -> Callable[[Kept], Values]:
    return lambda kept: _always(kept.relation[name])


def _bits(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.bitwise_count(words).astype(np.int64)
    return counts


def _payment_days(kept: Kept) -> Values:
    return _always(_bits(kept.account["days_low"]) + _bits(kept.account["days_high"]))


def _longest_pause(kept: Kept) -> Values:
    low, high = kept.account["days_low"], kept.account["days_high"]
    run = longest = np.zeros(len(low), np.int64)
    for day in range(CALENDAR_DAYS):
        word, bit = (low, day) if day < _LOW_DAYS else (high, day - _LOW_DAYS)
        run = np.where(word >> np.uint64(bit) & np.uint64(1) != 0, 0, run + 1)
        longest = np.maximum(longest, run)
    return longest, (low | high) != 0


def _pauses_variation(kept: Kept) -> Values:
    total = kept.payments(HALF_YEAR)
    apart = np.abs(HALF_YEAR * kept.counts[:, :HALF_YEAR].astype(np.int64) - total[:, None]).sum(axis=1)
    return shares(apart, HALF_YEAR * total)


def _income_variation(kept: Kept) -> Values:
    total = kept.income(HALF_YEAR)
    apart = np.abs(kept.amounts[:, INCOME : INCOME + HALF_YEAR] - (total // HALF_YEAR)[:, None]).sum(axis=1)
    return shares(apart, total)


def _income_lowest(kept: Kept) -> Values:
    lowest = kept.amounts[:, INCOME : INCOME + HALF_YEAR].min(axis=1)
    return shares(HALF_YEAR * lowest, kept.income(HALF_YEAR))


def _outside_income(kept: Kept) -> Values:
    income = kept.income(HALF_YEAR)
    return shares(income - kept.relation["received"], income)


def _mean_balance(kept: Kept) -> Values:
    return _quotient(kept.account["night_sum"], kept.account["nights"])


def _buffer_days(kept: Kept) -> Values:
    level, known = _mean_balance(kept)
    days, spent = _quotient(np.maximum(level, 0) * CALENDAR_DAYS, kept.paid(QUARTER))
    return np.minimum(days, BUFFER_DAYS_MAX), known & spent


def _covered(kept: Kept) -> Values:
    asked = kept.account["asked"]
    return shares(asked - kept.account["uncovered"], asked)


def _months_on_book(kept: Kept) -> Values:
    first = kept.account["first"]
    return kept.since(first, MONTH_MS), first > 0


def _wallets_share(kept: Kept) -> Values:
    return shares(kept.relation["amount"], kept.paid(HALF_YEAR) + kept.income(HALF_YEAR))


VALUES: Final[dict[str, Callable[[Kept], Values]]] = {
    "months_on_book": _months_on_book,
    "active_months_12": lambda kept: _always((kept.counts[:, :MONTHS] > 0).sum(axis=1)),
    "days_since_payment": lambda kept: (
        kept.since(kept.account["last_payment"], DAY_MS),
        kept.account["last_payment"] > 0,
    ),
    "orders_paid_share": _of_due("paid"),
    "orders_on_time_share": _of_due("kept"),
    "orders_defaulted_share": _of_due("defaulted"),
    "orders_cured_share": lambda kept: shares(kept.orders["cured"], kept.orders["late"]),
    "orders_overdue_amount": lambda kept: _always(kept.orders["late"] - kept.orders["cured"]),
    "orders_kept_amount": _of_orders("kept"),
    "orders_largest_kept": _of_orders("largest_kept"),
    "orders_mean_days_late": lambda kept: (kept.orders["mean_days_late"].astype(np.int64), kept.orders["due"] > 0),
    "orders_most_days_late": lambda kept: (kept.orders["most_days_late"].astype(np.int64), kept.orders["number"] > 0),
    "months_with_orders_kept_12": lambda kept: _always(_bits(kept.orders["kept_months"])),
    "days_since_overdue": _since_order("last_overdue"),
    "days_since_default": _since_order("last_default"),
    "payments_90d": lambda kept: _always(kept.payments(QUARTER)),
    "payments_360d": lambda kept: _always(kept.payments(MONTHS)),
    "payment_days_90d": _payment_days,
    "longest_pause_90d": _longest_pause,
    "pauses_variation_6m": _pauses_variation,
    "payments_recent_share": lambda kept: shares(kept.payments(QUARTER), kept.payments(HALF_YEAR)),
    "mean_payment_180d": lambda kept: _quotient(kept.paid(HALF_YEAR), kept.payments(HALF_YEAR)),
    "largest_payment_share_180d": _of_paid("largest"),
    "kinds_180d": lambda kept: _always(_bits(kept.account["kinds"])),
    "purchase_share_180d": _of_paid("purchases"),
    "transfer_share_180d": _of_paid("transfers"),
    "cash_share_180d": _of_paid("cash"),
    "night_share_180d": _of_attempts("at_night"),
    "weekend_share_180d": _of_attempts("at_weekend"),
    "declined_share_180d": _of_attempts("declined"),
    "refused_by_rules_180d": _of_account("by_rules"),
    "reviewed_180d": _of_account("reviewed"),
    "refund_share_180d": _of_paid("refunds"),
    "merchants_180d": _of_relation("merchants"),
    "main_merchant_share_180d": lambda kept: shares(kept.relation["main_merchant"], kept.relation["to_merchants"]),
    "income_90d": lambda kept: _always(kept.income(QUARTER)),
    "income_months_6": lambda kept: _always((kept.counts[:, INCOME : INCOME + HALF_YEAR] > 0).sum(axis=1)),
    "income_lowest_share_6m": _income_lowest,
    "income_variation_6m": _income_variation,
    "income_recent_share": lambda kept: shares(kept.income(QUARTER), kept.income(HALF_YEAR)),
    "mean_credit_180d": lambda kept: _quotient(kept.income(HALF_YEAR), kept.credits(HALF_YEAR)),
    "outside_income_share_180d": _outside_income,
    "paid_of_income_90d": lambda kept: shares(kept.paid(QUARTER), kept.income(QUARTER)),
    "paid_of_income_180d": lambda kept: shares(kept.paid(HALF_YEAR), kept.income(HALF_YEAR)),
    "balance": _of_account("balance"),
    "mean_balance_90d": _mean_balance,
    "lowest_balance_90d": lambda kept: (kept.account["night_min"].astype(np.int64), kept.account["nights"] > 0),
    "empty_nights_share_90d": _of_nights("empty_nights"),
    "overdrawn_nights_share_90d": _of_nights("overdrawn_nights"),
    "buffer_days": _buffer_days,
    "covered_share_180d": _covered,
    "tier": _of_account("tier"),
    "tier_age_days": lambda kept: _always(kept.since(kept.account["tier_time"], DAY_MS)),
    "wallet_age_days": lambda kept: _always(kept.since(kept.account["opened"], DAY_MS)),
    "tier_changes_360d": _of_account("tier_changes"),
    "freezes": _of_account("freezes"),
    "is_open": lambda kept: _always(kept.account["status"] == WalletStatus.OPEN),
    "devices_180d": lambda kept: _if_any(kept.relation["devices"]),
    "main_device_share_180d": lambda kept: shares(kept.relation["main_device"], kept.relation["told_device"]),
    "countries_180d": lambda kept: _if_any(kept.relation["countries"]),
    "channels_180d": lambda kept: _if_any(_bits(kept.account["channels"])),
    "counterparties_180d": _of_relation("counterparties"),
    "payees_180d": _of_relation("payees"),
    "payers_180d": _of_relation("payers"),
    "mutual_share_180d": _of_counterparties("mutual"),
    "repeated_share_180d": _of_counterparties("repeated"),
    "main_counterparty_share_180d": lambda kept: shares(kept.relation["main"], kept.relation["amount"]),
    "concentration_180d": lambda kept: (
        kept.relation["squares"] // WHOLE,
        kept.relation["counterparties"] > 0,
    ),
    "wallets_share_180d": _wallets_share,
    "counterparties_scored_share_180d": _of_counterparties("scored"),
    "counterparties_low_score_share_180d": lambda kept: shares(kept.relation["low_scores"], kept.relation["scored"]),
    "counterparties_mean_score_180d": lambda kept: _quotient(kept.relation["scores"], kept.relation["scored"]),
}
"""By name, as the catalogue has them."""

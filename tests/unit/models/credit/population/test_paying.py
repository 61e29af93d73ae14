"""Wishes are paid in order, compared with the plainest rules."""

import numpy as np
import pytest

from models.credit.population.paying import DECLINED, DROPPED, NO_ORDER, POSTED, pay_in_order

WALLETS, ORDERS, ROWS = 6, 4, 300


def _plainly(rows: list[tuple[int, int, int, int]], bottomless: list[int]) -> tuple[list[int], list[int], list[int]]:
    """Outcomes, balances, and the row that paid each order."""
    balances, paid, outcomes = [0] * WALLETS, [NO_ORDER] * ORDERS, []
    for row, (payer, payee, amount, order) in enumerate(rows):
        if order != NO_ORDER and paid[order] != NO_ORDER:
            outcomes.append(DROPPED)
            continue
        if not bottomless[payer] and balances[payer] < amount:
            outcomes.append(DECLINED)
            continue
        outcomes.append(POSTED)
        balances[payer] -= amount
        balances[payee] += amount
        if order != NO_ORDER:
            paid[order] = row
    return outcomes, balances, paid


@pytest.mark.parametrize("seed", range(4))
def test_a_year_is_paid_as_the_plain_rules_say(seed: int) -> None:
    draws = np.random.default_rng(seed)
    payer, payee = draws.integers(0, WALLETS, (2, ROWS))
    amount, order = draws.integers(1, 50, ROWS), draws.integers(NO_ORDER, ORDERS, ROWS)
    bottomless = np.array([1, 0, 0, 0, 0, 0])
    balances, paid, outcome = np.zeros(WALLETS, np.int64), np.full(ORDERS, NO_ORDER), np.empty(ROWS, np.int64)
    pay_in_order(payer, payee, amount, order, bottomless, balances, paid, outcome)
    rows = list(zip(payer.tolist(), payee.tolist(), amount.tolist(), order.tolist(), strict=True))
    assert (outcome.tolist(), balances.tolist(), paid.tolist()) == _plainly(rows, bottomless.tolist())
    assert set(outcome.tolist()) == {POSTED, DECLINED, DROPPED} and balances.sum() == 0


def test_nobody_pays_what_they_do_not_have() -> None:
    balances, paid, outcome = np.array([0, 10, 0]), np.full(1, NO_ORDER), np.empty(3, np.int64)
    columns = np.array([1, 1, 1]), np.array([2, 2, 2]), np.array([11, 10, 1]), np.array([0, 0, 0])
    pay_in_order(*columns, np.zeros(3, np.int64), balances, paid, outcome)
    assert outcome.tolist() == [DECLINED, POSTED, DROPPED], (
        "declined, tried again and paid, then not asked for any more"
    )
    assert balances.tolist() == [0, 0, 10] and paid.tolist() == [1]

"""A scenario that is right, and what is wrong with it once something in it is replaced."""

import pytest

from rules.language.problems import PackError, Problem
from rules.scenarios.document import read_scenario

GOOD = """\
name: bikes
title: Bicycles
kind: deposit_waived
purpose: A lender asks whether you may ride.
data: [score, orders]
condition:
  - if: score >= 600
    reason: SCORE_BELOW
    text: Your score is below 600.
  - if: overdue_orders == 0
    reason: OVERDUE_ORDERS
    text: An order of yours is late.
grant: "amount == null ? cap : amount"
limits: {open_orders: 3, decisions: 10, cap: {EUR: 50000}}
terms: {consent_days: 365, receipt_hours: 24, confirm_days: 30, default_days: 30}
refusal: Please pay the deposit.
"""


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(PackError) as caught:
        read_scenario(text)
    return caught.value.problems


def only(old: str, new: str) -> Problem:
    """The one problem of the good document with something else in it."""
    assert old in GOOD
    (found,) = problems(GOOD.replace(old, new))
    return found

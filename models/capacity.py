"""What a score is worth to a team that can look at so many payments and no more.

The riskiest payments are reviewed: those with the lowest scores, the earliest first among equal ones, up to the capacity. Nothing is taken
from rows that share the last score but come later, so the figures are those of a rule that could have been followed at the time.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

REVIEW_SHARE_DEFAULT: Final = 0.005
"""Of all payments: 1 in 200."""


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """At a review capacity. `precision`: frauds among the reviewed; `recall`: frauds reviewed among all; `amount_recall`: the same of their
    amounts, in minor units. None where there is nothing to divide by. `score_max`: highest score that was reviewed."""

    payments: int
    frauds: int
    reviewed: int
    caught: int
    fraud_amount: int
    caught_amount: int
    precision: float | None
    recall: float | None
    amount_recall: float | None
    score_max: int | None


def split_by_time(time: NDArray[np.int64], share: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows before and rows from the time before which at least `share` of the rows lie. No time is on both sides, so nothing of
    the later rows is known in the earlier ones."""
    if not 0 < share < 1:
        raise ValueError("the share of earlier rows lies between 0 and 1")
    if not len(time):
        raise ValueError("there are no rows to split")
    border = np.sort(time)[min(len(time) - 1, int(np.ceil(len(time) * share)))]
    return np.flatnonzero(time < border), np.flatnonzero(time >= border)


def at_capacity(
    time: NDArray[np.int64],
    score: NDArray[np.int64],
    is_fraud: NDArray[np.bool_],
    amount: NDArray[np.int64],
    share: float = REVIEW_SHARE_DEFAULT,
) -> Capacity:
    """Figures of reviewing `share` of the payments, rounded down. Columns (n,): a higher score is safer, amounts in minor units.
    Raises ValueError for columns of different lengths and shares outside 0 to 1."""
    if not len(time) == len(score) == len(is_fraud) == len(amount):
        raise ValueError("the columns have different lengths")
    if not 0 <= share <= 1:
        raise ValueError("the share of reviewed payments lies between 0 and 1")
    reviewed = np.lexsort((np.arange(len(time)), time, score))[: int(len(time) * share)]
    fraud = is_fraud.astype(bool)
    frauds, caught = int(fraud.sum()), int(fraud[reviewed].sum())
    fraud_amount = int(amount[fraud].sum())
    caught_amount = int(amount[reviewed][fraud[reviewed]].sum())
    return Capacity(
        payments=len(time),
        frauds=frauds,
        reviewed=len(reviewed),
        caught=caught,
        fraud_amount=fraud_amount,
        caught_amount=caught_amount,
        precision=caught / len(reviewed) if len(reviewed) else None,
        recall=caught / frauds if frauds else None,
        amount_recall=caught_amount / fraud_amount if fraud_amount else None,
        score_max=int(score[reviewed[-1]]) if len(reviewed) else None,
    )

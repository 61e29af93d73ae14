"""What a pack would have decided of attempts that were decided before, added up.

Counting only: who reads history and decides is elsewhere.

Counts of parts add up to the counts of the whole, in any order. Amounts are kept by currency, exactly, in two parts, for a sum of amounts
does not fit 64 bits.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.jit import inlined, kernel
from rules.decisions.counting import count_bits
from rules.decisions.decision import FALLBACK, Action, Decisions
from rules.decisions.pack import RuleHits
from rules.vocabulary.columns import INDEX

ACTIONS: Final = len(Action)
UNDECIDED: Final = ACTIONS
"""Recorded without a scorer's decision: unscored, or by the fallback."""
CURRENCIES: Final = 1024
"""ISO 4217 numbers have three digits."""
UNLABELLED: Final = -1

_AMOUNT: Final = INDEX["amount"]
_CURRENCY: Final = INDEX["currency"]
_LOW_BITS: Final = 26
_LOW: Final = (1 << _LOW_BITS) - 1


class Tally(NamedTuple):
    """`actions` (recorded, new): attempts, UNDECIDED for those that no scorer decided; `amounts` (currency, recorded, new, 2) of them.
    `labels` (recorded, new, 2): those labelled false and true, `labelled_amounts` (currency, recorded, new, 2 labels, 2). By rule: `hits`,
    `alone` (no other fired), `not_evaluated`, `hit_labels` (rules, 2), `hit_amounts` (currency, rules, 2); `overlap` (rules, rules): both
    fired. `compared`: decisions recorded under a pack of this number, and those of them that differ in anything."""

    actions: NDArray[np.int64]
    amounts: NDArray[np.int64]
    labels: NDArray[np.int64]
    labelled_amounts: NDArray[np.int64]
    hits: NDArray[np.int64]
    alone: NDArray[np.int64]
    not_evaluated: NDArray[np.int64]
    hit_labels: NDArray[np.int64]
    hit_amounts: NDArray[np.int64]
    overlap: NDArray[np.int64]
    compared: NDArray[np.int64]

    def plus(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(*(mine + others for mine, others in zip(self, other, strict=True)))


def new_tally(rules: int) -> Tally:
    """Nothing counted yet."""
    pairs = (ACTIONS + 1, ACTIONS)
    return Tally(
        actions=np.zeros(pairs, np.int64),
        amounts=np.zeros((CURRENCIES, *pairs, 2), np.int64),
        labels=np.zeros((*pairs, 2), np.int64),
        labelled_amounts=np.zeros((CURRENCIES, *pairs, 2, 2), np.int64),
        hits=np.zeros(rules, np.int64),
        alone=np.zeros(rules, np.int64),
        not_evaluated=np.zeros(rules, np.int64),
        hit_labels=np.zeros((rules, 2), np.int64),
        hit_amounts=np.zeros((CURRENCIES, rules, 2), np.int64),
        overlap=np.zeros((rules, rules), np.int64),
        compared=np.zeros(2, np.int64),
    )


def add(
    tally: Tally,
    columns: NDArray[np.int64],
    fired: RuleHits,
    recorded: Decisions,
    scored: NDArray[np.bool_],
    labels: NDArray[np.int8],
) -> None:
    """Count attempts (n,): their columns, new decisions with the rules that fired, and recorded decisions of dtype DECISION, which count
    where `scored`; labels are 1, 0 or UNLABELLED."""
    _count(tally, columns, *fired, recorded, scored, labels)


def whole(parts: NDArray[np.int64]) -> int:
    """A sum of amounts from its two parts."""
    return (int(parts[1]) << _LOW_BITS) + int(parts[0])


@inlined
def _add_amount(parts, amount):
    parts[0] += amount & _LOW
    parts[1] += amount >> _LOW_BITS


@inlined
def _count_hits(tally, hits, row, amount, currency, label):
    """The rules that fired on one attempt."""
    fired = 0
    last = 0
    for place in range(hits.shape[1]):
        word = hits[row, place]
        rule = 64 * place
        while word:
            if word & np.uint64(1):
                fired += 1
                last = rule
                tally.hits[rule] += 1
                _add_amount(tally.hit_amounts[currency, rule], amount)
                if label >= 0:
                    tally.hit_labels[rule, label] += 1
                count_bits(hits, row, tally.overlap[rule])
            word >>= np.uint64(1)
            rule += 1
    if fired == 1:
        tally.alone[last] += 1


@inlined
def _compare(tally, before, now):
    """A decision recorded by a scorer with the one that the same pack makes now."""
    if before["pack"] == now["pack"]:
        tally.compared[0] += 1
        same = before["action"] == now["action"] and before["points"] == now["points"]
        tally.compared[1] += not (same and before["reasons"] == now["reasons"])


@kernel
def _count(tally, columns, decisions, hits, unknown, recorded, scored, labels):
    for row in range(len(decisions)):
        before = UNDECIDED
        if scored[row] and recorded[row]["flags"] & FALLBACK == 0:
            before = int(recorded[row]["action"])
            _compare(tally, recorded[row], decisions[row])
        now = decisions[row]["action"]
        amount = columns[row, _AMOUNT]
        currency = columns[row, _CURRENCY]
        label = labels[row]
        tally.actions[before, now] += 1
        _add_amount(tally.amounts[currency, before, now], amount)
        if label >= 0:
            tally.labels[before, now, label] += 1
            _add_amount(tally.labelled_amounts[currency, before, now, label], amount)
        _count_hits(tally, hits, row, amount, currency, label)
        count_bits(unknown, row, tally.not_evaluated)

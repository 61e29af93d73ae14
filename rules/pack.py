"""A rule pack: rules that look at columns, a scorecard, and the thresholds that turn both into one decision.

The verdict is the strictest action of the rules that fire; when no rule is strict, the card's points decide. Reasons
come from the part that decided: the rules that fired with the verdict, or the card's largest shortfalls.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.jit import kernel
from models.scorecard import REASONS_MAX, CardTables, Scorecard, flatten, score_rows
from rules.columns import COLUMN_COUNT, INDEX, NULL
from rules.decision import DECISION, Action

REASONS_PER_PACK_MAX = 32
"""A decision keeps its reasons as a 32-bit mask."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: what it is called, what it does when it fires, and the reason it gives."""

    id: str
    action: Action
    reason: str


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack ready to decide. `fires(columns, hits)` sets bit i of hits[row] when rule i fires on that row."""

    number: int
    name: str
    version: int
    rules: tuple[Rule, ...]
    card: Scorecard
    decline_below: int
    fallback: Action
    fires: Callable[[NDArray[np.int64], NDArray[np.uint64]], None]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reason codes by bit: the rules', then the card's."""
        return (*(rule.reason for rule in self.rules), *(item.reason for item in self.card.characteristics))


class Decider:
    """A pack with its tables laid out and its kernels compiled. Stateless between calls; make one per pack and keep it."""

    def __init__(self, pack: Pack) -> None:
        if len(pack.reasons) > REASONS_PER_PACK_MAX:
            raise ValueError(f"{pack.name}: at most {REASONS_PER_PACK_MAX} reasons fit a decision")
        self.pack = pack
        self._card: CardTables = flatten(pack.card, INDEX)
        self._actions = np.array([rule.action for rule in pack.rules], np.uint8)
        self.decide(np.zeros((1, COLUMN_COUNT), np.int64))

    def decide(self, columns: NDArray[np.int64]) -> NDArray[Any]:
        """Decisions (n,) of dtype DECISION for columns of shape (n, COLUMN_COUNT)."""
        count = len(columns)
        hits = np.zeros(count, np.uint64)
        self.pack.fires(columns, hits)
        totals = np.empty(count, np.int64)
        shortfalls = np.empty((count, len(self._card.column)), np.int64)
        score_rows(self._card, NULL, columns, totals, shortfalls)
        decisions = np.zeros(count, DECISION)
        _combine(hits, self._actions, totals, shortfalls, self.pack.decline_below, self.pack.number, decisions)
        return decisions

    def fallback(self, count: int) -> NDArray[Any]:
        """What stands in for `count` decisions when no scorer answers."""
        return fallback_decisions(count, action=self.pack.fallback, number=self.pack.number)


def fallback_decisions(count: int, *, action: Action, number: int) -> NDArray[Any]:
    """`count` decisions flagged as fallback."""
    decisions = np.zeros(count, DECISION)
    decisions["action"] = action
    decisions["flags"] = 1
    decisions["pack"] = number
    return decisions


@kernel
def _combine(hits, actions, totals, shortfalls, decline_below, number, decisions):
    for row in range(len(hits)):
        verdict = 0
        for rule in range(len(actions)):
            if hits[row] >> np.uint64(rule) & np.uint64(1) and actions[rule] > verdict:
                verdict = actions[rule]
        mask = np.uint64(0)
        given = 0
        if verdict > 0:
            for rule in range(len(actions)):
                if hits[row] >> np.uint64(rule) & np.uint64(1) and actions[rule] == verdict and given < REASONS_MAX:
                    mask |= np.uint64(1) << np.uint64(rule)
                    given += 1
        elif totals[row] < decline_below:
            verdict = 2
            while given < REASONS_MAX:
                worst = -1
                for c in range(shortfalls.shape[1]):
                    taken = mask >> np.uint64(len(actions) + c) & np.uint64(1)
                    if shortfalls[row, c] > 0 and not taken:
                        if worst < 0 or shortfalls[row, c] > shortfalls[row, worst]:
                            worst = c
                if worst < 0:
                    break
                mask |= np.uint64(1) << np.uint64(len(actions) + worst)
                given += 1
        decisions[row]["action"] = verdict
        decisions[row]["points"] = totals[row]
        decisions[row]["reasons"] = mask
        decisions[row]["pack"] = number

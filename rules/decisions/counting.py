"""Count what packs decided and which rules fired, while payments are decided.

Loops over flat arrays, no text, no keys.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.jit import inlined, kernel
from rules.decisions.decision import Action, Decisions
from rules.decisions.pack import Decider, RuleHits
from rules.vocabulary.columns import COLUMN_COUNT

ACTIONS = len(Action)


class PackCounts(NamedTuple):
    """Of one pack. `decided` (actions,): payments by what it decided. `shadow` (actions * actions,): by what another decided, then by what
    this one would have. `hits`, `no_value` (rules,): how often a rule fired, and how often it had no value."""

    decided: NDArray[np.int64]
    shadow: NDArray[np.int64]
    hits: NDArray[np.int64]
    no_value: NDArray[np.int64]


def new_counts(rules: int) -> PackCounts:
    """Nothing counted yet."""
    return PackCounts(*(np.zeros(size, np.int64) for size in (ACTIONS, ACTIONS * ACTIONS, rules, rules)))


def count_decided(counts: PackCounts, fired: RuleHits) -> None:
    """Add payments that the pack decided."""
    _count_actions(fired.decisions, counts.decided)
    _count_rules(fired.hits, fired.unknown, counts.hits, counts.no_value)


def count_shadow(counts: PackCounts, decided: Decisions, fired: RuleHits) -> None:
    """Add payments that others decided, with what the pack would have."""
    _count_pairs(decided, fired.decisions, counts.shadow)
    _count_rules(fired.hits, fired.unknown, counts.hits, counts.no_value)


def warm(decider: Decider) -> None:
    """Have the loops that count compiled, or loaded, before the first payment."""
    fired = decider.fired(np.zeros((1, COLUMN_COUNT), np.int64))
    counts = new_counts(len(decider.pack.rules))
    count_decided(counts, fired)
    count_shadow(counts, fired.decisions, fired)
    decider.warm_rows()


@kernel
def _count_actions(decisions, counts):
    for row in range(len(decisions)):
        counts[decisions[row]["action"]] += 1


@kernel
def _count_pairs(decided, would, counts):
    for row in range(len(decided)):
        counts[decided[row]["action"] * ACTIONS + would[row]["action"]] += 1


@inlined
def count_bits(words, row, counts):
    """Add the bits of one row of words to the counts of their rules. Most words are empty."""
    for place in range(words.shape[1]):
        word = words[row, place]
        rule = 64 * place
        while word:
            counts[rule] += np.int64(word & np.uint64(1))
            word >>= np.uint64(1)
            rule += 1


@kernel
def _count_rules(hits, unknown, hit_counts, unknown_counts):
    for row in range(len(hits)):
        count_bits(hits, row, hit_counts)
        count_bits(unknown, row, unknown_counts)

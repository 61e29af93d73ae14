"""What became of payments is counted by decision and by rule as a pencil counts it, and parts add up to the whole."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from rules.backtest.became import BECAME, BecameTally, became_of, count_became, new_became
from rules.backtest.counts import UNDECIDED
from rules.decisions.decision import DECISION, FALLBACK, Decisions
from rules.decisions.pack import RuleHits

Attempts = tuple[RuleHits, Decisions, NDArray[np.bool_], NDArray[np.int64]]
RULES = 70
"""More than a word of bits has."""


def test_a_payment_counts_as_the_last_that_holds_of_it() -> None:
    declined = np.array([False, True, False, False, True, False])
    refunded = np.array([False, False, True, False, False, True])
    labels = np.array([-1, -1, -1, 0, 1, 1], np.int8)
    found = [BECAME[at] for at in became_of(declined, refunded, labels)]
    assert found == ["kept", "declined", "refunded", "kept", "fraud", "fraud"]


def attempts(seed: int, rows: int) -> Attempts:
    draw = np.random.default_rng(seed)
    now, recorded = np.zeros(rows, DECISION), np.zeros(rows, DECISION)
    now["action"], recorded["action"] = draw.integers(0, 3, rows), draw.integers(0, 3, rows)
    recorded["flags"] = draw.choice([0, FALLBACK], rows)
    hits = draw.integers(0, 2**63, (rows, 2), np.int64).astype(np.uint64)
    hits[:, 1] &= np.uint64((1 << (RULES - 64)) - 1)
    return (
        RuleHits(now, hits, np.zeros_like(hits)),
        recorded,
        draw.random(rows) < 0.8,
        draw.integers(0, len(BECAME), rows),
    )


def counted(tally: BecameTally, *made: Attempts) -> BecameTally:
    for fired, recorded, scored, became in made:
        count_became(tally, fired, recorded, scored, became)
    return tally


def test_counts_are_those_of_a_pencil() -> None:
    made = attempts(7, 300)
    tally = counted(new_became(RULES), made)
    pairs: Counter[tuple[int, int, int]] = Counter()
    rules: Counter[tuple[int, int]] = Counter()
    fired, recorded, scored, became = made
    for row in range(300):
        known = scored[row] and not recorded["flags"][row] & FALLBACK
        before = int(recorded["action"][row]) if known else UNDECIDED
        pairs[before, int(fired.decisions["action"][row]), int(became[row])] += 1
        for rule in range(RULES):
            if int(fired.hits[row, rule >> 6]) >> (rule & 63) & 1:
                rules[rule, int(became[row])] += 1
    assert {
        (*map(int, at),): int(tally.decisions[at]) for at in zip(*np.nonzero(tally.decisions), strict=True)
    } == pairs
    assert {(*map(int, at),): int(tally.hits[at]) for at in zip(*np.nonzero(tally.hits), strict=True)} == rules


def test_parts_add_up_to_the_whole_and_a_pack_without_rules_counts_decisions() -> None:
    one, other = attempts(1, 40), attempts(2, 60)
    apart = [counted(new_became(RULES), each) for each in (one, other)]
    together = counted(new_became(RULES), one, other)
    for name in BecameTally._fields:
        assert (getattr(together, name) == sum(getattr(each, name) for each in apart)).all()
    fired, recorded, scored, became = attempts(3, 5)
    bare = counted(new_became(0), (fired, recorded, scored, became))
    assert bare.hits.shape == (0, len(BECAME)) and bare.decisions.sum() == 5

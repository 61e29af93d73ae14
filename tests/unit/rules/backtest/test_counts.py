"""Counts against a brute-force count; parts add up to the whole; what an analyst reads of them."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rules.backtest.counts import UNDECIDED, UNLABELLED, Tally, add, new_tally, whole
from rules.decisions.decision import DECISION, FALLBACK
from rules.decisions.pack import RuleHits
from rules.vocabulary.columns import COLUMN_COUNT, INDEX

RULES = 70
EUR, USD = 978, 840


class Attempts:
    """Random attempts with what was recorded, what is decided now, which rules fire, and labels."""

    def __init__(self, count: int, seed: int = 1) -> None:
        chance = np.random.default_rng(seed)
        self.columns = np.zeros((count, COLUMN_COUNT), np.int64)
        self.columns[:, INDEX["amount"]] = chance.integers(1, 2**53, count)
        self.columns[:, INDEX["currency"]] = chance.choice([EUR, USD], count)
        self.recorded, self.now = np.zeros((2, count), DECISION)
        for decisions in (self.recorded, self.now):
            for name, most in (("action", 3), ("points", 3), ("reasons", 2), ("pack", 2)):
                decisions[name] = chance.integers(0, most, count)
        self.now["pack"] = 1
        self.recorded["flags"] = np.where(chance.random(count) < 0.1, FALLBACK, 0)
        self.scored = chance.random(count) < 0.9
        self.hits = chance.random((count, RULES)) < 0.3
        self.unknown = chance.random((count, RULES)) < 0.1
        self.labels = chance.choice([UNLABELLED, 0, 1], count).astype(np.int8)

    def tally(self, start: int = 0, end: int | None = None) -> Tally:
        part = slice(start, end)
        arrays = (self.columns, self.recorded, self.scored, self.labels)
        columns, recorded, scored, labels = (array[part] for array in arrays)
        tally = new_tally(RULES)
        fired = RuleHits(self.now[part], _words(self.hits[part]), _words(self.unknown[part]))
        add(tally, columns, fired, recorded, scored, labels)  # type: ignore[arg-type]
        return tally

    def rows(self) -> list[tuple[int, int, int, int, int, list[int]]]:
        """(recorded action, new action, amount, currency, label, rules that fire) of each."""
        found = []
        for i in range(len(self.columns)):
            decided = self.scored[i] and not self.recorded["flags"][i]
            before = int(self.recorded["action"][i]) if decided else UNDECIDED
            amount, currency = (int(self.columns[i, INDEX[name]]) for name in ("amount", "currency"))
            fired = np.flatnonzero(self.hits[i]).tolist()
            found.append((before, int(self.now["action"][i]), amount, currency, int(self.labels[i]), fired))
        return found


def _words(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """A bit a rule, 64 to a word."""
    words = np.zeros((len(bits), -(-RULES // 64)), np.uint64)
    for rule in range(RULES):
        words[:, rule // 64] |= bits[:, rule].astype(np.uint64) << np.uint64(rule % 64)
    return words


def test_counts_are_those_of_a_brute_force_count() -> None:
    attempts = Attempts(2_000)
    tally = attempts.tally()
    pairs: Counter[Any] = Counter()
    amounts: Counter[Any] = Counter()
    for before, now, amount, currency, label, fired in attempts.rows():
        pairs["actions", before, now] += 1
        amounts["amounts", currency, before, now] += amount
        if label >= 0:
            pairs["labels", before, now, label] += 1
            amounts["labelled_amounts", currency, before, now, label] += amount
        pairs["alone", *fired] += len(fired) == 1
        for rule in fired:
            pairs["hits", rule] += 1
            amounts["hit_amounts", currency, rule] += amount
            if label >= 0:
                pairs["hit_labels", rule, label] += 1
            for other in fired:
                pairs["overlap", rule, other] += 1
    for (name, *place), count in pairs.items():
        assert (name == "alone" and len(place) != 1) or getattr(tally, name)[tuple(place)] == count
    for (name, *place), amount in amounts.items():
        assert whole(getattr(tally, name)[tuple(place)]) == amount
    assert tally.actions.sum() == 2_000 and tally.hits.sum() == attempts.hits.sum()
    assert tally.not_evaluated.tolist() == attempts.unknown.sum(axis=0).tolist()


def test_decisions_of_the_same_pack_are_compared_bit_for_bit() -> None:
    attempts = Attempts(500)
    same = [
        all(attempts.recorded[name][i] == attempts.now[name][i] for name in ("action", "points", "reasons"))
        for i in range(500)
        if attempts.scored[i] and not attempts.recorded["flags"][i] and attempts.recorded["pack"][i] == 1
    ]
    assert attempts.tally().compared.tolist() == [len(same), same.count(False)]


@pytest.mark.parametrize("cut", [0, 1, 250, 500])
def test_parts_add_up_to_the_whole(cut: int) -> None:
    attempts = Attempts(500)
    both = attempts.tally(0, cut).plus(attempts.tally(cut))
    for mine, wanted in zip(both, attempts.tally(), strict=True):
        np.testing.assert_array_equal(mine, wanted)

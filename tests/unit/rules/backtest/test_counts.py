"""Counts against a brute-force count; parts add up to the whole; what an analyst reads of them."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rules.backtest.counts import UNDECIDED, UNLABELLED, Tally, add, new_tally, whole
from rules.backtest.report import BacktestReport, render, report
from rules.decisions.decision import DECISION, FALLBACK, Action
from rules.decisions.pack import Pack, Rule, RuleHits
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


def no_rules(columns: NDArray[np.int64], hits: NDArray[np.uint64], unknown: NDArray[np.uint64]) -> None:
    """Never asked."""


PACK = Pack(
    number=1, name="try", version=1, card=None, fallback=Action.APPROVE, fires=no_rules,
    rules=(
        Rule(id="a", action=Action.REVIEW), Rule(id="b", action=Action.DECLINE), Rule(id="c", action=Action.REVIEW, live=False)
    ),
)  # fmt: skip


def reported_of(*rows: tuple[int, int, int, list[int]]) -> BacktestReport:
    """(recorded, new, label, rules) of 100 EUR each."""
    attempts = Attempts(len(rows))
    attempts.columns[:, INDEX["amount"]], attempts.columns[:, INDEX["currency"]] = 100, EUR
    attempts.scored[:], attempts.recorded["flags"], attempts.hits[:] = True, 0, False
    for i, (recorded, now, label, rules) in enumerate(rows):
        attempts.recorded["action"][i], attempts.now["action"][i], attempts.labels[i] = recorded, now, label
        attempts.hits[i, rules] = True
    return report(PACK, attempts.tally())


def test_an_analyst_is_told_what_changes_and_which_rule_did_it() -> None:
    shown = reported_of((0, 0, -1, []), (0, 1, -1, [0]), (0, 2, -1, [0, 1]), (2, 2, -1, [1, 2]))
    assert (shown.pack, shown.attempts, shown.amounts, shown.changed, shown.labels) == ("try", 4, {"EUR": 400}, 2, None)
    changes = [(change.recorded, change.now, change.attempts) for change in shown.decisions]
    assert changes == [
        ("approve", "approve", 1),
        ("approve", "review", 1),
        ("approve", "decline", 1),
        ("decline",) * 2 + (1,),
    ]
    assert [(rule.id, rule.live, rule.hits, rule.share, rule.alone) for rule in shown.rules] == [
        ("a", True, 2, 0.5, 1), ("b", True, 2, 0.5, 0), ("c", False, 1, 0.25, 0)
    ]  # fmt: skip
    assert [(overlap.rules, overlap.attempts) for overlap in shown.overlaps] == [(("a", "b"), 1), (("b", "c"), 1)]
    assert "2 decided otherwise than recorded" in render(shown, 1.0)


def test_labels_give_precision_and_recall_of_the_pack_and_of_what_was_live() -> None:
    shown = reported_of((0, 1, 1, [0]), (0, 2, 1, [1]), (0, 0, 1, []), (2, 1, 0, [0]), (0, 0, 0, []), (0, 1, -1, [0]))
    assert shown.labels is not None
    now, recorded = shown.labels.now, shown.labels.recorded
    assert (shown.labels.attempts, now.flagged, now.true, now.found) == (5, 3, 3, 2)
    assert (now.precision, now.recall) == (0.666667, 0.666667)
    assert (now.amounts_true, now.amounts_found) == ({"EUR": 300}, {"EUR": 200})
    assert (recorded.flagged, recorded.found, recorded.precision, recorded.recall) == (1, 0, 0.0, 0.0)
    assert [rule.precision for rule in shown.rules] == [0.5, 1.0, None]
    assert "recall 66.67%" in render(shown, 1.0)

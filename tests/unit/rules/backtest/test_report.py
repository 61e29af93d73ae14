"""A report says what an analyst asks: what changes, which rule did it, and how well it agrees with labels."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from rules.backtest.report import OVERLAPS_MAX, BacktestReport, render, report
from rules.decisions.decision import Action
from rules.decisions.pack import Pack, Rule
from rules.vocabulary.columns import INDEX
from tests.unit.rules.backtest.test_counts import EUR, RULES, Attempts


def no_rules(columns: NDArray[np.int64], hits: NDArray[np.uint64], unknown: NDArray[np.uint64]) -> None:
    """Never asked."""


PACK = Pack(
    number=1, name="try", version=1, card=None, fallback=Action.APPROVE, fires=no_rules,
    rules=(
        Rule(id="a", action=Action.REVIEW), Rule(id="b", action=Action.DECLINE), Rule(id="c", action=Action.REVIEW, live=False)
    ),
)  # fmt: skip
WIDE = msgspec.structs.replace(PACK, rules=tuple(Rule(id=f"r{at}", action=Action.REVIEW) for at in range(RULES)))


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


def test_of_many_pairs_of_rules_the_most_frequent_are_named() -> None:
    attempts = Attempts(400)
    shown = report(WIDE, attempts.tally())
    together = attempts.hits.astype(np.int64).T @ attempts.hits
    pairs = sorted((together[one, other] for one in range(RULES) for other in range(one + 1, RULES)), reverse=True)
    assert [each.attempts for each in shown.overlaps] == pairs[:OVERLAPS_MAX]
    for each in shown.overlaps:
        one, other = (int(name[1:]) for name in each.rules)
        assert one < other and each.attempts == together[one, other]


def test_a_report_of_no_attempts_divides_by_nothing() -> None:
    shown = report(PACK, Attempts(0).tally())
    assert (shown.attempts, shown.changed, shown.decisions, shown.overlaps, shown.labels) == (0, 0, [], [], None)
    assert [(rule.share, rule.precision) for rule in shown.rules] == [(0.0, None)] * 3
    assert render(shown, 1.0).startswith("try: 0 attempts, 0 decided otherwise")


def test_amounts_are_exact_beyond_what_one_word_holds_and_by_currency() -> None:
    attempts = Attempts(3_000)
    attempts.columns[:, INDEX["amount"]] = 2**53 - 1
    shown = report(WIDE, attempts.tally())
    currencies = attempts.columns[:, INDEX["currency"]]
    assert shown.amounts == {
        name: int((currencies == number).sum()) * (2**53 - 1) for name, number in (("EUR", 978), ("USD", 840))
    }
    assert sum(sum(change.amounts.values()) for change in shown.decisions) == 3_000 * (2**53 - 1)


def test_what_was_recorded_without_a_scorer_is_no_change() -> None:
    attempts = Attempts(200)
    attempts.scored[:] = False
    shown = report(WIDE, attempts.tally())
    assert shown.changed == 0 and {change.recorded for change in shown.decisions} == {"undecided"}
    text = render(shown, 2.0)
    assert "100/s" in text and "undecided ->" in text

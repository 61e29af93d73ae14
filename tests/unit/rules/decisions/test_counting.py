"""What packs decided and which rules fired, counted: each payment once, each rule by its own bit."""

import numpy as np

from rules.decisions.counting import ACTIONS, count_decided, count_shadow, new_counts
from rules.decisions.decision import DECISION, Action, Decisions
from rules.decisions.pack import RuleHits

RULES = 70
"""Their bits fill more than one word."""


def decisions(*actions: Action) -> Decisions:
    rows = np.zeros(len(actions), DECISION)
    rows["action"] = actions
    return rows


def fired(*rows: tuple[Action, set[int], set[int]]) -> RuleHits:
    words = np.zeros((2, len(rows), 2), np.uint64)
    for at, (_, *both) in enumerate(rows):
        for table, rules in zip(words, both, strict=True):
            for rule in rules:
                table[at, rule // 64] |= np.uint64(1) << np.uint64(rule % 64)
    return RuleHits(decisions(*(action for action, *_ in rows)), *words)


def by_rule(**counts: int) -> list[int]:
    return [counts.get(f"r{rule}", 0) for rule in range(RULES)]


def test_payments_are_counted_by_what_was_decided_and_rules_by_how_often_they_fired() -> None:
    counts = new_counts(RULES)
    count_decided(
        counts,
        fired((Action.APPROVE, set(), {1}), (Action.DECLINE, {0, 63, 64}, set()), (Action.DECLINE, {64, 69}, {1, 65})),
    )
    wanted = [0] * ACTIONS
    wanted[Action.APPROVE], wanted[Action.DECLINE] = 1, 2
    assert counts.decided.tolist() == wanted and not counts.shadow.any()
    assert counts.hits.tolist() == by_rule(r0=1, r63=1, r64=2, r69=1)
    assert counts.no_value.tolist() == by_rule(r1=2, r65=1)


def test_a_pack_in_shadow_is_counted_by_what_another_decided_and_it_would_have() -> None:
    counts = new_counts(RULES)
    would = fired((Action.DECLINE, {2}, set()), (Action.APPROVE, set(), set()), (Action.DECLINE, set(), {3}))
    count_shadow(counts, decisions(Action.APPROVE, Action.APPROVE, Action.REVIEW), would)
    pairs = counts.shadow.reshape(ACTIONS, ACTIONS)
    assert pairs[Action.APPROVE, Action.DECLINE] == pairs[Action.APPROVE, Action.APPROVE] == 1
    assert pairs[Action.REVIEW, Action.DECLINE] == 1 and pairs.sum() == 3 and not counts.decided.any()
    assert counts.hits.tolist() == by_rule(r2=1) and counts.no_value.tolist() == by_rule(r3=1)

"""Who decides a payment, what packs in shadow would have decided, and what is counted of both."""

import numpy as np
from numpy.typing import NDArray

from actors.scoring.counting import DECIDED, HIT, NO_VALUE, SHADOW, Counting, Counts
from actors.scoring.scoring_set import Decided, ScoringSet
from actors.stores.deployment import Deployment
from rules.decisions.decision import Action
from rules.decisions.split import challenged
from rules.vocabulary.columns import INDEX, NULL
from tests.unit.actors.scoring.deciders import decider, packs, payments


def observed(scoring: ScoringSet, columns: NDArray[np.int64], decided: Decided) -> Counts:
    counting = Counting()
    scoring.observe(columns, decided, counting)
    counts = counting.take()
    assert not counting.take(), "nothing is told twice"
    return counts


def test_packs_in_shadow_change_no_decision_and_are_counted_beside_it() -> None:
    payers, columns = payments(1, 10, 50, 100, 500)
    alone = ScoringSet(Deployment(revision=1, live=1), packs())
    shadowed = ScoringSet(Deployment(revision=2, live=1, shadows=(2, 3)), packs())
    decided = shadowed.decide(payers, columns)
    assert decided.decisions.tobytes() == alone.decide(payers, columns).decisions.tobytes()
    before = decided.decisions.copy()
    approve, review, decline = Action.APPROVE, Action.REVIEW, Action.DECLINE
    assert observed(shadowed, columns, decided) == {
        (1, DECIDED, approve): 3,
        (1, DECIDED, decline): 2,
        (1, HIT, 0): 2,
        (2, SHADOW, 3 * approve + approve): 1,
        (2, SHADOW, 3 * approve + decline): 2,
        (2, SHADOW, 3 * decline + decline): 2,
        (2, HIT, 0): 4,
        (2, HIT, 1): 5,
        (3, SHADOW, 3 * approve + approve): 1,
        (3, SHADOW, 3 * approve + review): 2,
        (3, SHADOW, 3 * decline + review): 2,
        (3, HIT, 0): 4,
    }
    assert (decided.decisions == before).all()


def test_the_challenger_decides_for_its_wallets_whatever_the_batch() -> None:
    payers, columns = payments(*range(5, 205))
    scoring = ScoringSet(Deployment(revision=1, live=1, challenger=2, share=300), packs())
    decided = scoring.decide(payers, columns)
    decisions = decided.decisions
    theirs = challenged(payers, 2, 300)
    assert 20 < np.count_nonzero(theirs) < 120
    assert (decisions["pack"] == np.where(theirs, 2, 1)).all()
    assert (decisions[theirs] == packs()[2].decide(columns[theirs])).all()
    assert (decisions[~theirs] == packs()[1].decide(columns[~theirs])).all()
    one_by_one = [scoring.decide(payers[i : i + 1], columns[i : i + 1]).decisions for i in range(len(payers))]
    assert np.concatenate(one_by_one).tobytes() == decisions.tobytes()
    counts = observed(scoring, columns, decided)
    shares = {pack: sum(counts[pack, DECIDED, action] for action in Action) for pack in (1, 2)}
    assert shares == {1: np.count_nonzero(~theirs), 2: np.count_nonzero(theirs)}
    amounts = columns[:, INDEX["amount"]]
    assert counts[1, HIT, 0] == np.count_nonzero(amounts[~theirs] >= 100), "a rule counts where its pack decided"
    assert counts[2, HIT, 0] == np.count_nonzero(amounts[theirs] >= 10)


def test_a_rule_without_a_value_is_counted() -> None:
    asking = decider(4, "{id: known, when: payer_available > 5, action: decline, reason: R}")
    payers, columns = payments(1, 2, 3)
    columns[1:, INDEX["payer_available"]] = NULL
    scoring = ScoringSet(Deployment(revision=1, live=4), {4: asking})
    assert observed(scoring, columns, scoring.decide(payers, columns))[4, NO_VALUE, 0] == 2


def test_what_stands_in_is_the_fallback_of_the_live_pack() -> None:
    scoring = ScoringSet(Deployment(revision=7, live=1, challenger=2, share=999, shadows=(3,)), packs())
    assert scoring.fallback == (Action.DECLINE, 1, 7)

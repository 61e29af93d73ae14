"""What is decided is counted once, by pack, whoever counts and when it is taken."""

import numpy as np

from actors.scoring.counting import DECIDED, HIT, NO_VALUE, SHADOW, Counting
from rules.decisions.decision import DECISION, Action
from rules.decisions.pack import Decider
from rules.vocabulary.columns import INDEX, NULL
from tests.unit.actors.scoring.deciders import decider, payments, rule

BIG = decider(1, rule("big", 100, "decline"))
TWO = decider(2, ", ".join((rule("some", 10, "review"), "{id: b, when: payer_score > 1, action: decline, reason: R}")))


def counted(counting: Counting, pack: Decider, *amounts: int) -> None:
    _, columns = payments(*amounts)
    columns[:, INDEX["payer_score"]] = NULL
    counting.decided(pack, pack.fired(columns))


def test_decisions_and_hits_are_counted_by_pack() -> None:
    counting = Counting()
    counted(counting, BIG, 5, 50, 500)
    counted(counting, TWO, 5, 50)
    counted(counting, BIG, 700)
    assert counting.take() == {
        (1, DECIDED, Action.APPROVE): 2,
        (1, DECIDED, Action.DECLINE): 2,
        (1, HIT, 0): 2,
        (2, DECIDED, Action.APPROVE): 1,
        (2, DECIDED, Action.REVIEW): 1,
        (2, HIT, 0): 1,
        (2, NO_VALUE, 1): 2,
    }


def test_what_was_taken_is_not_counted_again_and_nothing_is_lost_between() -> None:
    counting = Counting()
    assert counting.take() == {}
    counted(counting, BIG, 5)
    first = counting.take()
    counted(counting, BIG, 5)
    counted(counting, BIG, 5)
    assert counting.take()[1, DECIDED, Action.APPROVE] == 2 and first[1, DECIDED, Action.APPROVE] == 1
    assert counting.take() == {}


def test_a_pack_in_shadow_is_counted_by_what_another_decided_and_what_it_would_have() -> None:
    counting = Counting()
    _, columns = payments(5, 500, 500)
    decided = np.zeros(3, DECISION)
    decided["action"] = [Action.REVIEW, Action.APPROVE, Action.DECLINE]
    counting.shadow(BIG, decided, BIG.fired(columns))
    actions = len(Action)
    assert counting.take() == {
        (1, SHADOW, actions * Action.REVIEW + Action.APPROVE): 1,
        (1, SHADOW, actions * Action.APPROVE + Action.DECLINE): 1,
        (1, SHADOW, actions * Action.DECLINE + Action.DECLINE): 1,
        (1, HIT, 0): 2,
    }


def test_another_version_under_the_same_number_counts_on() -> None:
    counting = Counting()
    counted(counting, decider(1, rule("big", 100, "decline")), 500)
    counted(counting, BIG, 500)
    assert counting.take()[1, HIT, 0] == 2

"""Decisions of packs against the oracle, and what a decision says of itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.jit import kernel
from models.scorecard import Characteristic, Scorecard
from rules.decisions.decision import DECISION, FALLBACK, Action
from rules.decisions.pack import Decider, Pack, Rule, fallback_decisions
from rules.vocabulary.columns import COLUMN_COUNT, INDEX, NULL
from tests.oracle import oracle_score
from tests.small_pack import PACK

Columns = dict[str, int | None]


def array_of(rows: list[Columns]) -> NDArray[np.int64]:
    """Rows of columns by name; what is not given is 0, None is not known."""
    array = np.zeros((len(rows), COLUMN_COUNT), np.int64)
    for i, row in enumerate(rows):
        for name, value in row.items():
            array[i, INDEX[name]] = NULL if value is None else value
    return array


def as_dict(pack: Pack, decision: np.void) -> dict[str, object]:
    """A decision as the oracle gives it."""
    reasons = {reason for bit, reason in enumerate(pack.reasons) if int(decision["reasons"]) >> bit & 1}
    return {"action": int(decision["action"]), "points": int(decision["points"]), "reasons": reasons}


SMALL = Decider(PACK)
near = st.sampled_from([-1, 0, 1])
amounts = st.one_of(
    st.integers(1, 2**53 - 1),
    st.builds(lambda edge, by: edge + by, st.sampled_from([100_000, 1_000_000, 10_000_000]), near),
)
payments = st.fixed_dictionaries(
    {
        "amount": amounts,
        "payer_available": st.one_of(st.none(), st.integers(-(2**54), 2**54), st.integers(900_000, 1_200_000)),
        "payee_seen": st.one_of(st.none(), st.integers(0, 3)),
        "payer_age_days": st.one_of(st.none(), st.integers(0, 40)),
        "payees_24h": st.one_of(st.none(), st.integers(0, 64)),
        "count_1h": st.one_of(st.none(), st.integers(0, 64), st.integers(38, 42)),
        "sum_1h": st.one_of(st.none(), st.integers(0, 2**58), st.integers(4_999_999, 5_000_001)),
    }
)


@given(st.lists(payments, min_size=1, max_size=8))
def test_a_small_pack_decides_as_the_oracle(rows: list[Columns]) -> None:
    decisions = SMALL.decide(array_of(rows))
    assert [as_dict(PACK, d) for d in decisions] == [oracle_score.decide(row) for row in rows]
    assert (decisions["pack"] == PACK.number).all()
    assert not decisions["flags"].any()


def test_draining_a_wallet_to_a_new_payee_is_declined_from_95_percent_on() -> None:
    rows: list[Columns] = [
        {"amount": amount, "payer_available": 2_000_000, "payee_seen": seen, "payer_age_days": 100}
        for amount, seen in ((1_899_999, 0), (1_900_000, 0), (1_900_000, 1))
    ]
    decisions = SMALL.decide(array_of(rows))
    assert decisions["action"].tolist() == [Action.APPROVE, Action.DECLINE, Action.APPROVE]
    assert as_dict(PACK, decisions[1])["reasons"] == {"DRAINS_TO_NEW_PAYEE"}


# A pack whose rules fire by the bits of the amount.


@kernel
def _by_bits(columns, hits, unknown):  # type: ignore[no-untyped-def]
    for row in range(len(columns)):
        hits[row, 0] = np.uint64(columns[row, 0])


ACTIONS = [Action.APPROVE, Action.REVIEW, Action.DECLINE]


def pack_of(
    actions: list[Action],
    points: list[tuple[int, int, int]],
    decline_below: int | None,
    rules: tuple[Rule, ...] | None = None,
    review_below: int | None = None,
) -> Pack:
    """Rules with these actions, or these rules; characteristics over `device` with (below 1, else, missing) points."""
    items = [
        Characteristic(feature="device", reason=f"C{i}", edges=(1,), points=(low, high), missing=missing)
        for i, (low, high, missing) in enumerate(points)
    ]
    plain = tuple(Rule(id=f"r{i}", action=action, reason=f"R{i}") for i, action in enumerate(actions))
    return Pack(
        number=9,
        name="bits",
        version=1,
        rules=plain if rules is None else rules,
        card=Scorecard(name="card", version=1, characteristics=tuple(items)),
        review_below=review_below,
        decline_below=decline_below,
        fallback=Action.REVIEW,
        fires=_by_bits,
    )


rules_of_any_kind = st.builds(
    Rule,
    id=st.just("r"),
    action=st.sampled_from(ACTIONS),
    reason=st.sampled_from(["", "R0", "R1", "R2", "R3", "R4", "R5", "C0"]),
    points=st.integers(-30, 30),
    live=st.sampled_from([True, True, False]),
)


@settings(deadline=None)  # The first example waits for a compiler.
@given(
    st.lists(rules_of_any_kind, max_size=10),
    st.lists(st.tuples(*[st.integers(-20, 20)] * 3), max_size=8),
    st.tuples(st.none() | st.integers(-60, 60), st.none() | st.integers(-60, 60)),
    st.lists(st.tuples(st.integers(0, 1023), st.sampled_from([None, 0, 1])), min_size=1, max_size=4),
)
def test_any_pack_decides_as_the_oracle(
    rules: list[Rule],
    points: list[tuple[int, int, int]],
    below: tuple[int | None, int | None],
    rows: list[tuple[int, int | None]],
) -> None:
    pack = pack_of([], points, below[1], tuple(rules), below[0])
    trace = Decider(pack).trace(array_of([{"amount": bits, "device": device} for bits, device in rows]))
    assert pack.card is not None
    card = [
        (item.feature, item.reason, list(item.edges or ()), list(item.points), item.missing)
        for item in pack.card.characteristics
    ]
    for (bits, device), decision, hits in zip(rows, trace.decisions, trace.hits, strict=True):
        live = [
            (each.action.name.lower(), each.reason, bool(bits >> i & 1), each.points)
            for i, each in enumerate(rules)
            if each.live
        ]
        assert as_dict(pack, decision) == oracle_score.combine(live, card, below, {"device": device})
        assert int(decision["reasons"]).bit_count() <= 4
        assert hits.tolist() == [bool(bits >> i & 1) for i in range(len(rules))]


@pytest.mark.parametrize(
    ("bits", "action", "reasons"),
    [
        (0b00000, Action.APPROVE, set()),
        (0b00001, Action.APPROVE, set()),
        (0b00011, Action.REVIEW, {"R1"}),
        (0b00110, Action.DECLINE, {"R2"}),
        (0b11111, Action.DECLINE, {"R2", "R4"}),
        (0b01010, Action.REVIEW, {"R1", "R3"}),
    ],
)
def test_the_strictest_rule_wins_and_only_its_equals_give_reasons(bits: int, action: Action, reasons: set[str]) -> None:
    actions = [Action.APPROVE, Action.REVIEW, Action.DECLINE, Action.REVIEW, Action.DECLINE]
    pack = pack_of(actions, [(5, 5, 5)], 0)
    decision = Decider(pack).decide(array_of([{"amount": bits}]))[0]
    assert as_dict(pack, decision) == {"action": action, "points": 5, "reasons": reasons}


def test_a_card_that_declines_names_its_largest_shortfalls() -> None:
    pack = pack_of([Action.DECLINE], [(0, 9, 0), (0, 3, 0), (0, 5, 0), (0, 5, 0), (0, 8, 0), (7, 7, 7)], 10)
    decision = Decider(pack).decide(array_of([{"device": 0}]))[0]
    assert as_dict(pack, decision) == {"action": 2, "points": 7, "reasons": {"C0", "C4", "C2", "C3"}}


def test_points_at_the_threshold_are_enough() -> None:
    for threshold, action in ((7, Action.APPROVE), (8, Action.DECLINE)):
        decision = Decider(pack_of([], [(7, 9, 0)], threshold)).decide(array_of([{"device": 0}]))[0]
        assert decision["action"] == action


def test_fallback_is_the_packs_and_says_so() -> None:
    decisions = Decider(pack_of([], [(1, 1, 1)], 0)).fallback(3)
    assert decisions.dtype == DECISION
    for name, value in (("action", Action.REVIEW), ("flags", FALLBACK), ("pack", 9), ("points", 0), ("reasons", 0)):
        assert (decisions[name] == value).all()
    assert fallback_decisions(1, action=Action.DECLINE, number=4)[["action", "pack"]].tolist() == [(2, 4)]


def test_more_reasons_than_a_decision_holds_are_refused() -> None:
    Decider(pack_of([Action.DECLINE] * 32, [], 0))
    with pytest.raises(ValueError, match="at most 32 reasons"):
        Decider(pack_of([Action.DECLINE] * 32, [(1, 1, 1)], 0))


def test_no_payments_no_decisions() -> None:
    assert len(SMALL.decide(array_of([]))) == 0

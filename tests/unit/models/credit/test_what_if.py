"""What-if tells what doing it gives: the change is applied and the wallet scored anew. Who one is and whom one knows is not answered."""

from typing import Any

import pytest
from hypothesis import given, settings

from models.credit.score import Minimum, WalletScorer
from models.credit.what_if import INFLUENCED, CannotChange, WhatIf
from models.scorecard import Scorecard
from tests.unit.models.credit.wallets import RECORD, small_card, wallet_cards, wallets


@settings(deadline=None)
@given(wallet_cards(), wallets())
def test_every_lift_gives_what_it_says_and_none_is_larger(card: Scorecard, row: dict[str, Any]) -> None:
    scorer = WalletScorer(card, Minimum(days=0, payments=0))
    what_if = WhatIf(scorer)
    before = scorer.score(row).score
    assert before is not None
    lifts = what_if.lifts(row, most=100)
    for lift in lifts:
        after = scorer.score({**row, lift.feature: lift.value})
        assert after.score is not None
        assert (after.score, after.band) == (lift.score, lift.band) and lift.gain == after.score - before > 0
        assert what_if.score(row, {lift.feature: lift.value}) == after
        assert lift.dimension in INFLUENCED
    assert [lift.gain for lift in lifts] == sorted((lift.gain for lift in lifts), reverse=True)
    gains = {lift.feature: lift.gain for lift in lifts}
    for item in card.characteristics:
        if item.feature not in what_if.possible:
            assert item.feature not in gains
            continue
        values = [*(edge / item.scale for edge in item.edges or ()), *(t for g in item.categories or () for t in g)]
        for value in values:
            after = scorer.score({**row, item.feature: value})
            assert after.score is not None and after.score - before <= gains.get(item.feature, 0)


def test_several_changes_at_once_give_the_score_with_all_of_them() -> None:
    scorer = WalletScorer(small_card())
    changes = {"late": 0, "buffer": 2}
    assert WhatIf(scorer).score(RECORD, changes) == scorer.score({**RECORD, **changes})


def test_the_largest_lift_comes_first_and_names_the_nearest_value() -> None:
    lifts = WhatIf(WalletScorer(small_card())).lifts(RECORD)
    assert [(lift.feature, lift.value, lift.gain) for lift in lifts] == [
        ("night", 1, 100),
        ("buffer", 2, 100),
        ("late", 0, 60),
    ]


@pytest.mark.parametrize("feature", ["tier", "friends"])
def test_identity_and_relations_are_never_answered(feature: str) -> None:
    what_if = WhatIf(WalletScorer(small_card()))
    with pytest.raises(CannotChange, match="not for the holder to change") as error:
        what_if.score(RECORD, {"late": 0, feature: 1})
    assert error.value.feature == feature
    assert error.value.possible == ("late", "night", "buffer")
    assert feature not in {lift.feature for lift in what_if.lifts(RECORD, most=100)}


def test_what_cannot_be_asked_is_said() -> None:
    what_if = WhatIf(WalletScorer(small_card()), fixed=["night"])
    with pytest.raises(CannotChange, match="shoe_size: the card does not look at it; possible are late, buffer"):
        what_if.score(RECORD, {"shoe_size": 1})
    with pytest.raises(CannotChange, match="night"):
        what_if.score(RECORD, {"night": 1})
    with pytest.raises(ValueError, match="late: give the value"):
        what_if.score(RECORD, {"late": None})
    with pytest.raises(ValueError, match="late: the card wants a number"):
        what_if.score(RECORD, {"late": "never"})
    with pytest.raises(ValueError, match="at most 64"):
        what_if.score(RECORD, dict.fromkeys(map(str, range(65)), 1))


def test_a_wallet_without_a_score_gets_no_advice() -> None:
    what_if = WhatIf(WalletScorer(small_card()))
    assert what_if.lifts({**RECORD, "wallet_age_days": 3}) == ()
    assert what_if.score({**RECORD, "wallet_age_days": 3}, {"late": 0}).cause == "few_days"

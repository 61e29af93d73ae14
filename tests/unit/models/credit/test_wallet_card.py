"""A wallet card goes from 350 to 950 whatever it is made of, and a card that is none is refused by its field."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from models.credit.score import WalletScorer
from models.credit.wallet_card import BANDS, RANGE, checked, wallet_card, without
from models.scorecard import CardError, Override, Scorecard, canonical, parse
from tests.unit.models.credit.wallets import characteristic, small_card, wallet_cards


@settings(deadline=None)
@given(wallet_cards())
def test_a_card_without_a_dimension_still_goes_from_350_to_950(card: Scorecard) -> None:
    assert (card.worst, card.best) == RANGE and card.bands == BANDS
    for dimension in card.dimensions:
        left = [item for item in card.characteristics if item.dimension != dimension]
        if not any(len(set(item.all_points)) > 1 for item in left):
            with pytest.raises(CardError):
                without(card, dimension)
            continue
        other = without(card, dimension)
        assert (other.worst, other.best) == RANGE and dimension not in other.dimensions
        assert parse(canonical(other)) == checked(other)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"range": (350, 900)}, "range"),
        ({"bands": BANDS[:-1]}, "bands"),
        ({"base": 10}, "base"),
    ],
)
def test_a_card_that_is_not_one_for_wallets_is_refused(change: dict[str, Any], field: str) -> None:
    card = small_card()
    items = card.characteristics
    if field == "range":
        last = items[-1]
        top = max(last.points)
        items = (*items[:-1], msgspec.structs.replace(last, points=tuple(min(p, top - 50) for p in last.points)))
    if field == "base":
        first = items[0]
        lower = {"points": tuple(p - 10 for p in first.points), "missing": first.missing - 10}
        items = (msgspec.structs.replace(first, **lower), *items[1:])
    with pytest.raises(CardError) as error:
        WalletScorer(msgspec.structs.replace(card, characteristics=items, **change))
    assert error.value.field == field


def test_a_reason_of_two_dimensions_is_refused() -> None:
    items = (characteristic("a", "history", (0, 1), reason="R"), characteristic("b", "ability", (0, 1), reason="R"))
    card = Scorecard(name="two", version=1, characteristics=items)
    with pytest.raises(CardError, match="each reason belongs to one dimension"):
        wallet_card(card, {"a": "history", "b": "ability"})
    with pytest.raises(CardError, match="has no dimension"):
        wallet_card(card, {"a": "history"})


def test_points_keep_their_order_and_their_proportions_between_both_ends() -> None:
    items = (
        characteristic("a", "history", (0, 10, 30)),
        characteristic("b", "ability", (5, 0, 0), missing=2),
    )
    made = wallet_card(
        Scorecard(name="two", version=1, base=70, characteristics=items), {"a": "history", "b": "ability"}
    )
    assert (made.base, made.worst, made.best) == (0, 350, 950)
    a, b = made.characteristics
    spans = [max(each.all_points) - min(each.all_points) for each in (a, b)]
    assert spans[0] + spans[1] == 600 and spans[0] == round(600 * 30 / 35)
    assert [points - a.points[0] for points in a.points] == [0, round(spans[0] / 3), spans[0]]
    assert b.points[1] < b.missing < b.points[0] and b.points[1] == b.points[2]


def test_characteristics_are_in_the_order_of_dimensions() -> None:
    items = (characteristic("a", "x", (0, 1)), characteristic("b", "x", (0, 1)))
    made = wallet_card(Scorecard(name="two", version=1, characteristics=items), {"a": "relations", "b": "history"})
    assert [(each.feature, each.dimension) for each in made.characteristics] == [("b", "history"), ("a", "relations")]


def test_a_card_that_gives_everybody_the_same_is_refused() -> None:
    item = characteristic("a", "history", (5, 5))
    with pytest.raises(CardError, match="the same points"):
        wallet_card(Scorecard(name="one", version=1, characteristics=(item,)), {"a": "history"})


def test_nothing_is_left_of_a_card_of_one_dimension() -> None:
    card = wallet_card(
        Scorecard(name="one", version=1, characteristics=(characteristic("a", "history", (0, 5)),)), {"a": "history"}
    )
    assert without(card, "relations") == card
    with pytest.raises(CardError, match="all are of history"):
        without(card, "history")


def test_what_is_used_in_spite_of_a_prohibition_goes_with_its_characteristic() -> None:
    overrides = (Override(feature="late", because="l"), Override(feature="friends", because="f"))
    card = msgspec.structs.replace(small_card(), overrides=overrides)
    assert [each.feature for each in without(card, "relations").overrides or ()] == ["late"]
    only = msgspec.structs.replace(small_card(), overrides=overrides[1:])
    assert without(only, "relations").overrides is None

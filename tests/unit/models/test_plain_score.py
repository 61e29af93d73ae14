"""The check on the scorer, itself checked by hand: a card of three lines and what each value gets."""

import math
from typing import Any

import pytest

from models.plain_score import PlainScore, plain_score
from models.scorecard import Characteristic, Scorecard

AGE = Characteristic(
    feature="age", reason="young", dimension="who", points=(0, 10, 30), missing=5, edges=(100, 250), scale=10
)
CITY = Characteristic(
    feature="city",
    reason="place",
    dimension="where",
    points=(7, 3),
    missing=1,
    categories=(("A", "B"), ("C",)),
    unknown=2,
)
RENT = Characteristic(feature="rent", reason="young", dimension="who", points=(0, 4), missing=0, edges=(0,))
CARD = Scorecard(name="three", version=1, base=100, characteristics=(AGE, CITY, RENT))


def scored(age: Any = 25, city: Any = "A", rent: Any = 0) -> PlainScore:
    return plain_score(CARD, {"age": age, "city": city, "rent": rent})


@pytest.mark.parametrize(
    ("age", "points"),
    [
        (9.94, 0),
        (9.96, 10),
        (24.9, 10),
        (25, 30),
        (-1, 0),
        (None, 5),
        (math.nan, 5),
        (math.inf, 30),
        (-math.inf, 0),
    ],
)
def test_a_number_is_scaled_rounded_and_compared_with_the_edges(age: Any, points: int) -> None:
    assert scored(age=age).score == 100 + points + 7 + 4


@pytest.mark.parametrize(("rent", "points"), [(-0.5, 4), (-0.51, 0), (0.5, 4)])
def test_a_half_is_rounded_to_the_even_number(rent: float, points: int) -> None:
    assert scored(rent=rent).score == 100 + 30 + 7 + points


@pytest.mark.parametrize(("city", "points"), [("A", 7), ("B", 7), ("C", 3), ("D", 2), (None, 1)])
def test_a_text_is_in_its_group_or_unknown_or_missing(city: str | None, points: int) -> None:
    assert scored(city=city).score == 100 + 30 + points + 4


def test_points_are_summed_by_dimension_and_gaps_by_reason_the_largest_first() -> None:
    result = scored(age=12, city="C", rent=-1)
    assert result.subtotals == {"who": 10, "where": 3}
    assert result.reasons == [("young", 24), ("place", 4)]
    assert scored().reasons == []


def test_a_text_that_the_card_makes_an_error_is_one() -> None:
    strict = Characteristic(
        feature="city", reason="place", points=(7,), missing=1, categories=(("A",),), unknown="error"
    )
    card = Scorecard(name="strict", version=1, characteristics=(strict,))
    with pytest.raises(LookupError):
        plain_score(card, {"city": "D"})
    assert plain_score(card, {"city": "A"}) == PlainScore(7, {}, [])

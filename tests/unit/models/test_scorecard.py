"""A card gives the points its document says, and its hash names it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scorecard import Characteristic, Scorecard, canonical, card_hash, flatten, score_rows
from tests.oracle import oracle_score

NULL = -(2**63)
LIMIT = 2**40


@st.composite
def characteristics(draw: st.DrawFn) -> Characteristic:
    edges = sorted(draw(st.sets(st.integers(-LIMIT, LIMIT), max_size=5)))
    points = draw(st.lists(st.integers(-500, 500), min_size=len(edges) + 1, max_size=len(edges) + 1))
    feature = draw(st.sampled_from(["a", "b", "c"]))
    return Characteristic(
        feature=feature, reason="R", edges=tuple(edges), points=tuple(points), missing=draw(st.integers(-500, 500))
    )


cards = st.builds(
    Scorecard,
    name=st.just("card"),
    version=st.just(1),
    characteristics=st.lists(characteristics(), min_size=1, max_size=6).map(tuple),
)


def scored(card: Scorecard, columns: list[list[int]]) -> tuple[list[int], list[list[int]]]:
    tables = flatten(card, {"a": 0, "b": 1, "c": 2})
    totals = np.zeros(len(columns), np.int64)
    shortfalls = np.zeros((len(columns), len(card.characteristics)), np.int64)
    score_rows(tables, NULL, np.array(columns, np.int64).reshape(-1, 3), totals, shortfalls)
    return totals.tolist(), shortfalls.tolist()


@given(cards, st.data())
def test_points_and_shortfalls_are_those_of_the_document(card: Scorecard, data: st.DataObject) -> None:
    edges = [edge + near for item in card.characteristics for edge in item.edges for near in (-1, 0, 1)]
    values = st.one_of(st.just(NULL), st.integers(-(2**62), 2**62), st.sampled_from(edges or [0]))
    rows = data.draw(st.lists(st.tuples(values, values, values).map(list), min_size=1, max_size=5))
    totals, shortfalls = scored(card, rows)
    for row, total, shortfall in zip(rows, totals, shortfalls, strict=True):
        named = {name: None if value == NULL else value for name, value in zip("abc", row, strict=True)}
        got = [
            oracle_score.points_of(list(item.edges), list(item.points), item.missing, named[item.feature])
            for item in card.characteristics
        ]
        assert total == sum(got)
        best = [max([*item.points, item.missing]) for item in card.characteristics]
        assert shortfall == [most - points for most, points in zip(best, got, strict=True)]
        assert min(shortfall) >= 0


CARD = Scorecard(
    name="card",
    version=3,
    characteristics=(Characteristic(feature="b", reason="LOW_B", edges=(10, 20), points=(1, 2, 4), missing=3),),
)


@pytest.mark.parametrize(("value", "points"), [(-5, 1), (9, 1), (10, 2), (19, 2), (20, 4), (10**12, 4), (NULL, 3)])
def test_an_edge_belongs_to_the_bin_above_it(value: int, points: int) -> None:
    assert scored(CARD, [[0, value, 0]]) == ([points], [[4 - points]])


def test_a_card_without_characteristics_gives_nothing() -> None:
    empty = Scorecard(name="empty", version=1, characteristics=())
    assert scored(empty, [[1, 2, 3], [4, 5, 6]]) == ([0, 0], [[], []])


def test_an_unknown_feature_is_refused() -> None:
    with pytest.raises(ValueError, match="no feature is named 'b'"):
        flatten(CARD, {"a": 0})


@pytest.mark.parametrize(
    ("edges", "points", "message"),
    [((1, 2), (1, 2), "need 3 points"), ((2, 2), (1, 2, 3), "must increase"), ((3, 2), (1, 2, 3), "must increase")],
)
def test_a_malformed_characteristic_is_refused(edges: tuple[int, ...], points: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Characteristic(feature="a", reason="R", edges=edges, points=points, missing=0)


def test_canonical_text_and_hash_are_fixed_for_ever() -> None:
    assert canonical(CARD) == (
        b'{"name":"card","version":3,"characteristics":'
        b'[{"feature":"b","reason":"LOW_B","edges":[10,20],"points":[1,2,4],"missing":3}]}'
    )
    assert card_hash(CARD) == "5c254fffcd0e1c0ebf21c87da0f1a5cbd35977a59a4a22f81ae1ed5b0ac8724a"

"""Rows have the points that their card says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.card_rows import score_rows
from models.scorecard import Characteristic, Scorecard, flatten
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


@settings(deadline=None)
@given(cards, st.data())
def test_points_and_shortfalls_are_those_of_the_document(card: Scorecard, data: st.DataObject) -> None:
    edges = [edge + near for item in card.characteristics for edge in item.edges or () for near in (-1, 0, 1)]
    values = st.one_of(st.just(NULL), st.integers(-(2**62), 2**62), st.sampled_from(edges or [0]))
    rows = data.draw(st.lists(st.tuples(values, values, values).map(list), min_size=1, max_size=5))
    totals, shortfalls = scored(card, rows)
    for row, total, shortfall in zip(rows, totals, shortfalls, strict=True):
        named = {name: None if value == NULL else value for name, value in zip("abc", row, strict=True)}
        got = [
            oracle_score.points_of(list(item.edges or ()), list(item.points), item.missing, named[item.feature])
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


def test_categories_in_a_column_of_codes_score_by_their_code_and_all_other_codes_are_unknown() -> None:
    item = Characteristic(feature="k", reason="R", categories=(("a", "b"), ("c",)), points=(5, 7), missing=1, unknown=2)
    card = Scorecard(name="c", version=1, base=100, characteristics=(item,))
    with pytest.raises(ValueError, match="'k' has no categories here"):
        flatten(card, {"k": 0})
    with pytest.raises(ValueError, match="has no category 'c'"):
        flatten(card, {"k": 0}, {"k": {"a": 1, "b": 2}})
    for codes in ({"a": 10, "b": 11, "c": 12}, {"a": 30, "b": 10, "c": 20}, {"a": -5, "b": 9, "c": -4}):
        tables = flatten(card, {"k": 0}, {"k": codes})
        values = [*codes.values(), *(code + by for code in codes.values() for by in (-1, 1)), NULL]
        totals, shortfalls = np.zeros(len(values), np.int64), np.zeros((len(values), 1), np.int64)
        score_rows(tables, NULL, np.array(values, np.int64).reshape(-1, 1), totals, shortfalls)
        by_code = {code: {"a": 5, "b": 5, "c": 7}[name] for name, code in codes.items()}
        assert totals.tolist() == [100 + (1 if v == NULL else by_code.get(v, 2)) for v in values]

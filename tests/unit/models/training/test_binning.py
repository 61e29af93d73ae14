"""Bins and their weights of evidence: of pure flags, of special values, of rows that count twice."""

import numpy as np
import pyarrow as pa
import pytest

from models.statistics import auc
from models.training.binning import Plan, bins_of, column_of
from models.training.report import report_of
from models.training.train import (
    PLANS,
    Special,
    fit,
    folds,
    prepare,
)
from tests.extra import needs
from tests.unit.models.training.sample import BAD, ROWS, X, points_of, settings, table

pytestmark = pytest.mark.long
needs("optbinning")
RNG = np.random.default_rng(12)


@pytest.mark.parametrize("kind", ["number", "category"])
def test_a_flag_of_a_hundred_rows_that_are_all_bad_is_kept_with_half_a_row_counted(kind: str) -> None:
    flag = np.zeros(ROWS, np.int64)
    flag[np.flatnonzero(BAD)[:100]] = 1
    column = flag if kind == "number" else np.where(flag == 1, "yes", "no")
    data = prepare(table(bankrupt=column), settings())
    item = points_of(data, "bankrupt")
    assert min(item.points) == 0 and max(item.points) > 100
    report = report_of(data, fit(data, settings()), folds(data, settings()), settings())
    (bankrupt,) = [each for each in report.characteristics if each.feature == "bankrupt"]
    (pure,) = [each for each in bankrupt.bins if each.bad_rate == 1]
    goods, bads = ROWS - BAD.sum(), BAD.sum()
    assert (pure.rows, pure.bads) == (100, 100)
    assert pure.woe == pytest.approx(np.log((0.5 / goods) / (100.5 / bads)))
    assert bankrupt.iv == pytest.approx(sum(each.iv for each in bankrupt.bins)) and bankrupt.iv > 0.3


def test_special_values_have_a_bin_of_their_own_within_the_others() -> None:
    y = np.where(np.arange(ROWS) % 10 == 0, 55.0, X)
    y[np.arange(ROWS) % 7 == 0] = -999.0
    data = prepare(table(y=y).drop_columns("x"), settings())
    chosen = settings(special=(Special(feature="y", value=-999), Special(value=55)))
    special = prepare(table(y=y).drop_columns("x"), chosen)
    item = points_of(special, "y", special=chosen.special)
    edges = item.edges
    for value in (-9990, 550):
        assert value in edges and value + 1 in edges
    at = edges.index(550)
    assert item.points[at] == item.points[at + 2], "the two halves of the bin around it have one weight"
    assert points_of(data, "y").edges != edges


def test_a_weight_of_two_is_the_row_twice() -> None:
    weights = RNG.integers(1, 3, ROWS)
    once = prepare(table(w=weights), settings(weight="w"))
    twice = prepare(table().take(np.repeat(np.arange(ROWS), weights)), settings())
    plan = PLANS[0]
    assert "w" not in {column.feature for column in once.columns}
    one, other = (
        bins_of(data.columns[0], np.arange(len(data.bad)), data.bad, plan, data.weights) for data in (once, twice)
    )
    shares = [bins.goods / bins.goods.sum() for bins in (one, other)]
    assert auc(X, BAD, weights.astype(float)) == pytest.approx(auc(np.repeat(X, weights), np.repeat(BAD, weights)))
    assert one.rows.sum() == ROWS and len(shares[0]) >= 3 and shares[1].sum() == pytest.approx(1)


def test_a_small_group_of_categories_has_the_weight_that_numbers_of_the_same_rows_have() -> None:
    shares = {"A": (240, 12), "B": (235, 47), "C": (25, 20)}
    texts = [name for name, (rows, _) in shares.items() for _ in range(rows)]
    bad = np.array([int(at < bads) for rows, bads in shares.values() for at in range(rows)], np.int64)
    plan = Plan(shapes=("rise",), share=0.05)
    every = np.arange(len(bad))
    words = bins_of(column_of("c", pa.chunked_array([texts])), every, bad, plan)
    numbers = bins_of(column_of("n", pa.chunked_array([["ABC".index(text) for text in texts]])), every, bad, plan)
    assert words.groups == ((0,), (1,), (2,)) and words.rows.tolist() == [240, 235, 25, 0]
    assert words.weights.tolist() == numbers.weights.tolist()
    assert words.weights[0] > words.weights[1] > words.weights[2], "the worst has the lowest"
    assert words.weights[-1] == 0, "no row is missing"
